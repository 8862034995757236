/** A thread of the compiled service that ends in the middle of every so manieth calculation. */
import process from "node:process";

const { default: compute } = await import(process.env["THREAD_FILE"]);
const every = Number(process.env["DIES_EVERY"]);
let calculations = 0;

export default (task) => {
  if (task.name === "calculate items of a wave") calculations += 1;
  if (calculations === every) process.exit(1);
  return compute(task);
};

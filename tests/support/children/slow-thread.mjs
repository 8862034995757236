/** A thread that takes its time to load, and leaves a file when it has. */
import { writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import process from "node:process";

const end = performance.now() + 300;
while (performance.now() < end);
writeFileSync(process.env["SLOW_THREAD_FILE"], "loaded");

export default () => null;

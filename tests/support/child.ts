import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export type ChildEnd = { readonly code: number | null; readonly output: string; readonly errors: string };

/** Runs a script of `tests/support/children` in a process of its own, to its end. */
export function runChild(script: string, args: readonly string[]): Promise<ChildEnd> {
  const path = fileURLToPath(new URL(`children/${script}`, import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", path, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (errors += bytes.toString()));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code, output, errors });
    });
  });
}

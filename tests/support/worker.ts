import { spawn } from "node:child_process";
import { join } from "node:path";
import { inject } from "vitest";
import type { Ending } from "./service.ts";

/** A worker without a port, in a process of its own. */
export type WorkerProcess = {
  readonly ended: Promise<Ending>;
  readonly output: () => string;
  readonly signal: (name: NodeJS.Signals) => void;
};

const WORKS = "Ballast works on operations";

/** Spawns `npm run worker` on this environment, and waits until it is at work. */
export async function startWorkerProcess(env: Record<string, string>): Promise<WorkerProcess> {
  const { serviceFolder } = inject("testServer");
  const child = spawn(process.execPath, [join(serviceFolder, "dist", "worker.js")], {
    cwd: serviceFolder,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], LOG_LEVEL: "warn", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once("error", reject).once("close", (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    const read = (chunk: string) => {
      output += chunk;
      if (output.includes(WORKS)) resolve();
    };
    child.stdout.setEncoding("utf8").on("data", read);
    child.stderr.setEncoding("utf8").on("data", read);
    void ended.then(() => reject(new Error(`the worker ended before it worked:\n${output}`)), reject);
  });
  return { ended, output: () => output, signal: (name) => void child.kill(name) };
}

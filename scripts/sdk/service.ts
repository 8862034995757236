import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbeddedDatabase } from "../../src/platform/database/embedded.ts";
import { ROOT } from "./commands.ts";

/** A built service that can be killed, and comes back at the same address with the same data. */
export type MortalService = {
  readonly base: string;
  /** SIGKILL: the process has no say in it. Another one is started at once. */
  readonly killAndRestart: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

export async function startMortalService(): Promise<MortalService> {
  const folder = await mkdtemp(join(tmpdir(), "ballast-sdk-"));
  const database = await openEmbeddedDatabase({
    folder: join(folder, "postgres"),
    log: (message) => process.stderr.write(`${message}\n`),
    onGone: (reason) => process.stderr.write(`${reason.message}\n`),
  });
  const port = await freePort();
  const start = () =>
    startProcess({
      PORT: String(port),
      LOG_LEVEL: "error",
      DATABASE_URL: database.url,
      MIGRATION_DATABASE_URL: database.migrationUrl,
    });
  let child = await start();
  return {
    base: `http://127.0.0.1:${port}`,
    killAndRestart: async () => {
      await end(child, "SIGKILL");
      child = await start();
    },
    stop: async () => {
      await end(child, "SIGTERM");
      await database.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startProcess(env: Readonly<Record<string, string>>): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join("dist", "main.js")], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "pipe"],
  });
  await new Promise<void>((resolve, reject) => {
    let output = "";
    child.stderr.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes("listens on")) resolve();
    });
    child.once("exit", () => reject(new Error(`the service did not start:\n${output}`)));
  });
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("there is no free port");
  return address.port;
}

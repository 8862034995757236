import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { inject } from "vitest";

/** What becomes of a process: its exit code, or the signal that ended it. */
export type Ending = { code: number | null; signal: NodeJS.Signals | null };

/** A service in a process of its own. */
export type ServiceProcess = {
  pid: number;
  /** Where it listens; rejects, with what it printed, when it ends first. */
  url: Promise<string>;
  ended: Promise<Ending>;
  /** All that it printed so far, logs and notices. */
  output: () => string;
  signal: (name: NodeJS.Signals) => void;
};

export type RunningService = {
  pid: number;
  url: string;
  ended: Promise<Ending>;
  output: () => string;
  /** SIGTERM: the orderly end. */
  stop: () => Promise<Ending>;
  /** SIGKILL: the process has no say in it. */
  kill: () => Promise<Ending>;
};

/** A program and its parameters, run in the folder of the compiled service. */
type Command = readonly [string, ...string[]];

const MAIN: Command = [process.execPath, join("dist", "main.js")];
const LISTENS = /^Ballast listens on (\S+?),? /m;

/** A test that failed leaves no process behind. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Spawns the service with this environment and nothing of the test's own; PORT is a free one unless given. */
export function spawnService(env: Record<string, string>, command: Command = MAIN): ServiceProcess {
  const { serviceFolder } = inject("testServer");
  const [program, ...parameters] = command;
  const child = spawn(program, parameters, {
    cwd: serviceFolder,
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], PORT: "0", LOG_LEVEL: "warn", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  child.once("close", () => running.delete(child));
  let output = "";
  const ended = new Promise<Ending>((resolve, reject) => {
    child.once("error", reject).once("close", (code, signal) => resolve({ code, signal }));
  });
  const url = new Promise<string>((resolve, reject) => {
    const read = (chunk: string) => {
      output += chunk;
      const listens = LISTENS.exec(output)?.[1];
      if (listens !== undefined) resolve(listens);
    };
    child.stdout.setEncoding("utf8").on("data", read);
    child.stderr.setEncoding("utf8").on("data", read);
    void ended.then(({ code, signal }) => {
      reject(new Error(`the service ended (${signal ?? String(code)}) before it listened:\n${output}`));
    }, reject);
  });
  url.catch(() => undefined); // whoever waits for the end need not wait for the address
  if (child.pid === undefined) throw new Error("the service could not be spawned");
  return { pid: child.pid, url, ended, output: () => output, signal: (name) => void child.kill(name) };
}

/** Spawns the service and waits until it listens. */
export async function startService(options: { env: Record<string, string> }): Promise<RunningService> {
  const { pid, url, ended, output, signal } = spawnService(options.env);
  const endBy = async (name: NodeJS.Signals) => {
    signal(name);
    return ended;
  };
  return { pid, url: await url, ended, output, stop: () => endBy("SIGTERM"), kill: () => endBy("SIGKILL") };
}

/** Runs the service to its end, for a start that is to fail. */
export async function runService(env: Record<string, string>): Promise<Ending & { output: string }> {
  const { ended, output } = spawnService(env);
  const ending = await ended;
  return { ...ending, output: output() };
}

/** What a process told people, without its log. */
export function noticesIn(output: string): string[] {
  return output.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
}

/** The environment of a service on this database, with its two logins. */
export function serviceEnv(database: { url: string; adminUrl: string }): Record<string, string> {
  return { DATABASE_URL: database.url, MIGRATION_DATABASE_URL: database.adminUrl };
}

import { ConfigError, parseConfig } from "./config/config.ts";
import { createLog, type Log } from "./platform/log.ts";
import type { Service, StartOptions } from "./start.ts";

/** npm and shells pass on the Ctrl-C that the terminal sent to the whole group: one press, several signals. */
const SAME_PRESS_MS = 500;
/** What a process in an unknown state gets to stop its database. */
const LAST_STOP_MS = 15_000;

type Wishes = { readonly stop: AbortSignal; readonly hurry: AbortSignal };

type Running = Pick<Service, "stop">;

/** A way to start, and what to tell people once that has succeeded. */
export type Start<T extends Running> = {
  readonly start: (options: StartOptions) => Promise<T>;
  readonly greeting: (started: T) => string;
};

/** Runs from start to an orderly end, and ends the process. */
export async function runProcess<T extends Running>(how: Start<T>): Promise<never> {
  process.stderr.on("error", outliveReaders);
  try {
    const wishes = listenForSignals();
    const running = await start(how);
    await aborted(wishes.stop);
    await running.stop(wishes.hurry);
    notice("Ballast has stopped");
    process.exit(0);
  } catch (error) {
    notice(`Ballast did not stop cleanly: ${String(error)}`);
    process.exit(1);
  }
}

async function start<T extends Running>(how: Start<T>): Promise<T> {
  try {
    const config = parseConfig(process.env);
    const log = createLog(config.server.logLevel);
    const started: { running?: Running } = {};
    const die = once((error) => void endAfter(error, log, started.running));
    process.on("uncaughtException", die).on("unhandledRejection", die);
    const running = await how.start({ config, log, onGone: die });
    started.running = running;
    notice(how.greeting(running));
    return running;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const faults = error instanceof ConfigError ? error.faults : message.split("\n");
    for (const fault of faults) notice(`Ballast does not start: ${fault}`);
    process.exit(1);
  }
}

/** What goes wrong while the process ends is a consequence: the first reason is the one that counts. */
function once(act: (reason: unknown) => void): (reason: unknown) => void {
  let isDone = false;
  return (reason) => {
    if (isDone) return;
    isDone = true;
    act(reason);
  };
}

/** The first signal asks for an orderly end, the second for a quick one, the third waits for nothing. */
function listenForSignals(): Wishes {
  const stopping = new AbortController();
  const hurrying = new AbortController();
  let lastAt = -Infinity;
  const onSignal = () => {
    const isSamePress = performance.now() - lastAt < SAME_PRESS_MS;
    lastAt = performance.now();
    if (isSamePress) return;
    if (hurrying.signal.aborted) process.exit(1);
    if (stopping.signal.aborted) {
      notice("Ballast stops at once");
      hurrying.abort();
    } else {
      notice("Ballast finishes what is in hand and stops; once more to stop at once");
      stopping.abort();
    }
  };
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(name, onSignal);
  return { stop: stopping.signal, hurry: hurrying.signal };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** The process cannot be trusted any more: nothing is finished, only its database is stopped, if it can be. */
async function endAfter(reason: unknown, log: Log, running: Running | undefined): Promise<never> {
  log.fatal({ err: reason }, "the service cannot go on");
  notice(`Ballast cannot go on: ${reason instanceof Error ? reason.message : String(reason)}`);
  setTimeout(() => process.exit(1), LAST_STOP_MS);
  await running?.stop(AbortSignal.abort()).catch((error: unknown) => notice(String(error)));
  process.exit(1);
}

/** Whoever read what is told to people may go away; the work goes on. The log sees to its own stream. */
function outliveReaders(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** For people; the log has standard output to itself. */
function notice(line: string): void {
  process.stderr.write(`${line}\n`);
}

import type { Log } from "./log.ts";

/** npm and shells pass on the Ctrl-C that the terminal sent to the whole group: one press, several signals. */
const SAME_PRESS_MS = 500;
/** What a process in an unknown state gets to stop its database. */
const LAST_STOP_MS = 15_000;

/** What has been started, and what to tell people about it. */
export type StartedProcess = {
  readonly log: Log;
  readonly greeting: string;
  /** Ends the work under way within the grace period, or at once when `hurry` is aborted, then everything else. */
  readonly stop: (hurry: AbortSignal) => Promise<void>;
};

/** `onFatal` is for what the process cannot go on without. */
export type Start = (onFatal: (reason: Error) => void) => Promise<StartedProcess>;

type StopSignals = { readonly stop: AbortSignal; readonly hurry: AbortSignal };

/** Runs from start to an orderly end, and ends the process. */
export async function runProcess(start: Start): Promise<never> {
  process.stderr.on("error", ignoreClosedPipe);
  try {
    const signals = listenForSignals();
    const running = await startOrExit(start);
    await aborted(signals.stop);
    await running.stop(signals.hurry);
    notice("Ballast has stopped");
    process.exit(0);
  } catch (error) {
    notice(`Ballast did not stop cleanly: ${String(error)}`);
    process.exit(1);
  }
}

/** A start that fails says why, a line for each reason, and ends the process. */
async function startOrExit(start: Start): Promise<StartedProcess> {
  try {
    const started: { running?: StartedProcess } = {};
    const die = firstOnly((error) => void endAfter(error, started.running));
    process.on("uncaughtException", die).on("unhandledRejection", die);
    const running = await start(die);
    started.running = running;
    notice(running.greeting);
    return running;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    for (const fault of message.split("\n")) notice(`Ballast does not start: ${fault}`);
    process.exit(1);
  }
}

/** What goes wrong while the process ends is a consequence: the first reason is the one that counts. */
function firstOnly(listen: (reason: unknown) => void): (reason: unknown) => void {
  let isDone = false;
  return (reason) => {
    if (isDone) return;
    isDone = true;
    listen(reason);
  };
}

/** The first signal asks for an orderly end, the second for a quick one, the third waits for nothing. */
function listenForSignals(): StopSignals {
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
async function endAfter(reason: unknown, running: StartedProcess | undefined): Promise<never> {
  running?.log.fatal({ err: reason }, "the service cannot go on");
  notice(`Ballast cannot go on: ${reason instanceof Error ? reason.message : String(reason)}`);
  setTimeout(() => process.exit(1), LAST_STOP_MS);
  await running?.stop(AbortSignal.abort()).catch((error: unknown) => notice(String(error)));
  process.exit(1);
}

/** Whoever reads the notices may go away; the work goes on. The log sees to its own stream. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** For people; the log has standard output to itself. */
function notice(line: string): void {
  process.stderr.write(`${line}\n`);
}

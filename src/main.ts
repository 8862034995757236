import { ConfigError, parseConfig } from "./config.ts";
import { createLog, type Log } from "./platform/log.ts";
import { startService, type Service } from "./start.ts";

/** npm and shells pass on the Ctrl-C that the terminal sent to the whole group: one press, several signals. */
const SAME_PRESS_MS = 500;
/** What a process in an unknown state gets to stop its database. */
const LAST_STOP_MS = 15_000;

type Wishes = { readonly stop: AbortSignal; readonly hurry: AbortSignal };

async function main(): Promise<void> {
  const wishes = listenForSignals();
  const service = await start();
  await aborted(wishes.stop);
  await service.stop(wishes.hurry);
  notice("Ballast has stopped");
}

async function start(): Promise<Service> {
  try {
    const config = parseConfig(process.env);
    const log = createLog(config.server.logLevel);
    const started: { service?: Service } = {};
    const die = (error: unknown) => void endAfter(error, log, started.service);
    process.once("uncaughtException", die).once("unhandledRejection", die);
    started.service = await startService({ config, log, onGone: die });
    const { url } = started.service;
    notice(`Ballast listens on ${url}, its documentation is at ${url}/docs`);
    return started.service;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const faults = error instanceof ConfigError ? error.faults : message.split("\n");
    for (const fault of faults) notice(`Ballast does not start: ${fault}`);
    process.exit(1);
  }
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
async function endAfter(reason: unknown, log: Log, service: Service | undefined): Promise<never> {
  log.fatal({ err: reason }, "the service cannot go on");
  notice(`Ballast cannot go on: ${reason instanceof Error ? reason.message : String(reason)}`);
  setTimeout(() => process.exit(1), LAST_STOP_MS);
  await service?.stop(AbortSignal.abort()).catch((error: unknown) => notice(String(error)));
  process.exit(1);
}

/** For people; the log has standard output to itself. */
function notice(line: string): void {
  process.stderr.write(`${line}\n`);
}

try {
  await main();
  process.exit(0);
} catch (error) {
  notice(`Ballast did not stop cleanly: ${String(error)}`);
  process.exit(1);
}

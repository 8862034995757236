import { buildApp } from "./app.ts";
import { drainWorks, openOperations, openWaveWorks, startBackground } from "./background.ts";
import { parseConfig } from "./config/config.ts";
import { recordStart } from "./features/audit/record-start.ts";
import { closeWithin, listen } from "./platform/http/listen.ts";
import { createLog } from "./platform/log.ts";
import { runProcess, type Start } from "./platform/process.ts";
import { createGracePeriod } from "./platform/grace-period.ts";
import { pause } from "./platform/time-limit.ts";
import { openRuntime } from "./runtime.ts";

/** `npm start`: serves HTTP, and works on accepted operations beside it. */
const start: Start = async (onFatal) => {
  const config = parseConfig(process.env);
  const log = createLog(config.server.logLevel);
  const { runtime, close } = await openRuntime({ config, log, onGone: onFatal });
  try {
    const grace = createGracePeriod(config.server.shutdownGraceMs);
    const lifecycle = { isStopping: false };
    const operations = openOperations(runtime);
    const works = { operations, waves: openWaveWorks(runtime, operations) };
    const app = await buildApp({ runtime, operations, lifecycle });
    const record = await recordStart(runtime, { program: "service", process: operations.terms.owner });
    const url = await listen(app, config.server);
    const background = startBackground(runtime, works);
    const stop = async (hurry: AbortSignal) => {
      lifecycle.isStopping = true; // readiness drops, and for a while nothing else changes
      await pause(config.server.shutdownDrainMs, hurry);
      grace.start();
      await Promise.all([background.stop(), record.stop()]);
      await closeWithin(app, grace.remainingMs(), hurry);
      await drainWorks(works, grace.remainingMs(), hurry);
      await close(hurry);
    };
    const greeting = `Ballast listens on ${url}, its documentation is at ${url}/docs`;
    return { log, greeting, stop };
  } catch (error) {
    await close(AbortSignal.abort());
    throw error;
  }
};

await runProcess(start);

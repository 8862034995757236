import { drainWorks, openOperations, openWaveWorks, startBackground } from "./background.ts";
import { parseConfig } from "./config/config.ts";
import { recordStart } from "./features/audit/record-start.ts";
import { createGracePeriod } from "./platform/grace-period.ts";
import { createLog } from "./platform/log.ts";
import { runProcess, type Start } from "./platform/process.ts";
import { openRuntime } from "./runtime.ts";

/** `npm run worker`: the background work alone, on the database of a service. */
const start: Start = async (onFatal) => {
  const config = parseConfig(process.env);
  if (config.database.url === null)
    throw new Error("DATABASE_URL must be set: a worker works on a service's database");
  const log = createLog(config.server.logLevel);
  const { runtime, close } = await openRuntime({ config, log, onGone: onFatal });
  const grace = createGracePeriod(config.server.shutdownGraceMs);
  const operations = openOperations(runtime);
  const works = { operations, waves: openWaveWorks(runtime, operations) };
  const record = await recordStart(runtime, { program: "worker", process: operations.terms.owner });
  const background = startBackground(runtime, works);
  const stop = async (hurry: AbortSignal) => {
    grace.start();
    await Promise.all([background.stop(), record.stop()]);
    await drainWorks(works, grace.remainingMs(), hurry);
    await close(hurry);
  };
  return { log, greeting: "Ballast works on operations", stop };
};

await runProcess(start);

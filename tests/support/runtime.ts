import { parseConfig } from "../../src/config/config.ts";
import type { Clock } from "../../src/platform/clock.ts";
import { createLog } from "../../src/platform/log.ts";
import { createMetrics } from "../../src/platform/metrics.ts";
import { createRuntime, type Runtime } from "../../src/runtime.ts";
import { openTestDatabase } from "./databases.ts";

/** A runtime whose database nobody reaches: for what is to be right without one. */
export function runtimeWithoutDatabase(env: Readonly<Record<string, string>> = {}, clock?: Clock): Runtime {
  const database = openTestDatabase("postgres://nobody@127.0.0.1:1/none");
  return createRuntime({
    config: parseConfig(env),
    log: createLog("silent"),
    metrics: createMetrics(),
    database,
    ...(clock === undefined ? {} : { clock }),
  });
}

import type { Config } from "./config/config.ts";
import type { Database } from "./platform/database/database.ts";
import type { Log } from "./platform/log.ts";
import type { Metrics } from "./platform/metrics.ts";

/** What the process has opened; the features are made from it and hold nothing else. */
export type Surroundings = {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly database: Database;
  /** For reads that may lag behind; the primary where there is no replica. */
  readonly replica: Database;
};

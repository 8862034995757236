import type { Database } from "../../platform/database/database.ts";
import { runBatch, startPeriodicJob, type JobTimes, type PeriodicJob } from "../../platform/periodic-job.ts";
import { rollUpChanges } from "./repository/counts.ts";

export type RollupDeps = {
  readonly database: Database;
  /** Changes per transaction. */
  readonly batchSize: number;
};

/** Names the job among the advisory locks of the database. */
const LOCK = 4_627_120;

/**
 * Rolls the changes of the summary up into its counts, batch by batch, until none is left, `signal` aborts, or another
 * process is found at it. The summary is right before, between and after: it reads both.
 */
export async function rollUpCounts(deps: RollupDeps, signal?: AbortSignal): Promise<void> {
  let isMore = true;
  while (isMore && signal?.aborted !== true) {
    const rolledUp = await runBatch(deps.database, LOCK, (tx) => rollUpChanges(tx, deps.batchSize));
    isMore = rolledUp === deps.batchSize;
  }
}

/** Rolls up now and then, until it is stopped. */
export function startRollup(deps: RollupDeps & JobTimes): PeriodicJob {
  return startPeriodicJob((signal) => rollUpCounts(deps, signal), deps);
}

import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import {
  runBatches,
  startPeriodicJob,
  type JobTimes,
  type PeriodicJob,
} from "../../platform/periodic-job.ts";
import { rollUpChanges } from "./repository/counts.ts";

export type RollupDeps = {
  readonly database: Database;
  /** Changes per transaction. */
  readonly batchSize: number;
};

/**
 * Rolls the changes of the summary up into its counts, batch by batch, until none is left, `signal` aborts, or another
 * process is found at it. The summary is right before, between and after: it reads both.
 */
export async function rollUpCounts({ database, batchSize }: RollupDeps, signal?: AbortSignal): Promise<void> {
  await runBatches(batchSize, signal, () =>
    inTransaction(database, { tenantId: null }, (tx) => rollUpChanges(tx, batchSize)),
  );
}

/** Rolls up now and then, until it is stopped. */
export function startRollup(deps: RollupDeps & JobTimes): PeriodicJob {
  return startPeriodicJob((signal) => rollUpCounts(deps, signal), deps);
}

import { runBatch, startChore, type Chore, type ChoreTimes } from "../../platform/chore.ts";
import type { Database } from "../../platform/database/database.ts";
import { foldChanges } from "./repository/counts.ts";

export type FoldDeps = {
  readonly database: Database;
  /** Changes per transaction. */
  readonly batchSize: number;
};

/** Names the job among the advisory locks of the database. */
const LOCK = 4_627_120;

/**
 * Folds the changes of the summary into its counts, batch by batch, until none is left, `signal` aborts, or another
 * process is found at it. The summary is right before, between and after: it reads both.
 */
export async function fold(deps: FoldDeps, signal?: AbortSignal): Promise<void> {
  let isMore = true;
  while (isMore && signal?.aborted !== true) {
    const folded = await runBatch(deps.database, LOCK, (tx) => foldChanges(tx, deps.batchSize));
    isMore = folded === deps.batchSize;
  }
}

/** Folds now and then, until it is stopped. */
export function startFolding(deps: FoldDeps & ChoreTimes): Chore {
  return startChore((signal) => fold(deps, signal), deps);
}

import { runBatch, startChore, type Chore, type ChoreTimes } from "../../platform/chore.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import {
  deleteAnalysisKeys,
  deleteOperations,
  deleteRefusals,
  deleteRuns,
  type Deletion,
} from "./deletions.ts";

/** How long things are kept. */
export type Keep = {
  /** Finished operations, from their end. */
  readonly operationsTtlSeconds: number;
  /** Runs, from their making; 0 keeps them for ever. */
  readonly runDays: number;
};

export type Purgeable = "runs" | "analysis_keys" | "operations" | "refusals";

export type RetentionDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly keep: Keep;
  /** Things per transaction: few enough that its locks last for milliseconds. */
  readonly batchSize: number;
  readonly onPurged: (what: Purgeable, count: number) => void;
};

const SECOND_MS = 1_000;
const DAY_MS = 24 * 60 * 60 * SECOND_MS;

/** Names the job among the advisory locks of the database. */
const LOCK = 4_627_119;

type Purge = { readonly what: Purgeable; readonly before: Date; readonly deletion: Deletion };

/** What there is to purge at `now`. */
function purgesAt(now: Date, keep: Keep): Purge[] {
  const ago = (ms: number): Date => new Date(now.getTime() - ms);
  const finishedBefore = ago(keep.operationsTtlSeconds * SECOND_MS);
  const madeBefore = ago(keep.runDays * DAY_MS);
  const runs: Purge[] = [
    { what: "runs", before: madeBefore, deletion: deleteRuns },
    { what: "analysis_keys", before: madeBefore, deletion: deleteAnalysisKeys },
  ];
  return [
    { what: "operations", before: finishedBefore, deletion: deleteOperations },
    { what: "refusals", before: now, deletion: deleteRefusals },
    ...(keep.runDays === 0 ? [] : runs),
  ];
}

/**
 * Deletes what has outlived its keep, batch by batch, until nothing is left, `signal` aborts, or another process is
 * found at it.
 */
export async function purge(deps: RetentionDeps, signal?: AbortSignal): Promise<void> {
  for (const { what, before, deletion } of purgesAt(deps.clock(), deps.keep)) {
    let isMore = true;
    while (isMore && signal?.aborted !== true) {
      const count = await runBatch(deps.database, LOCK, (tx) =>
        deletion(tx, before.toISOString(), deps.batchSize),
      );
      if (count === "busy") return;
      if (count > 0) deps.onPurged(what, count);
      isMore = count === deps.batchSize;
    }
  }
}

/** Purges now and then, until it is stopped. */
export function startRetention(deps: RetentionDeps & ChoreTimes): Chore {
  return startChore((signal) => purge(deps, signal), deps);
}

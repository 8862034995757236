import { runBatch, startPeriodicJob, type JobTimes, type PeriodicJob } from "../../platform/periodic-job.ts";
import { expiryCutoff } from "../operations/core.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import {
  deleteAnalysisKeys,
  deleteOperations,
  deleteRefusals,
  deleteRuns,
  type Deletion,
} from "./repository.ts";

/** How long things are stored. */
export type RetentionPeriods = {
  /** Finished operations, from their end. */
  readonly operationsTtlSeconds: number;
  /** Runs, from their creation; 0: for ever. */
  readonly runDays: number;
};

export type Purgeable = "runs" | "analysis_keys" | "operations" | "refusals";

export type RetentionDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly periods: RetentionPeriods;
  /** Things per transaction: few enough that its locks last for milliseconds. */
  readonly batchSize: number;
  readonly onPurged: (what: Purgeable, count: number) => void;
};

const DAY_SECONDS = 24 * 60 * 60;

/** Names the job among the advisory locks of the database. */
const LOCK = 4_627_119;

type Purge = { readonly what: Purgeable; readonly before: string; readonly deletion: Deletion };

/** What there is to purge at `now`: operations by the same cutoff by which they are no longer shown. */
function purgesAt(now: Date, { operationsTtlSeconds, runDays }: RetentionPeriods): Purge[] {
  const madeBefore = expiryCutoff(now, runDays * DAY_SECONDS);
  const runs: Purge[] = [
    { what: "runs", before: madeBefore, deletion: deleteRuns },
    { what: "analysis_keys", before: madeBefore, deletion: deleteAnalysisKeys },
  ];
  return [
    { what: "operations", before: expiryCutoff(now, operationsTtlSeconds), deletion: deleteOperations },
    { what: "refusals", before: now.toISOString(), deletion: deleteRefusals },
    ...(runDays === 0 ? [] : runs),
  ];
}

/**
 * Deletes what has expired, batch by batch, until nothing is left, `signal` aborts, or another process is
 * found doing it.
 */
export async function purge(deps: RetentionDeps, signal?: AbortSignal): Promise<void> {
  for (const { what, before, deletion } of purgesAt(deps.clock(), deps.periods)) {
    let isMore = true;
    while (isMore && signal?.aborted !== true) {
      const count = await runBatch(deps.database, LOCK, (tx) => deletion(tx, before, deps.batchSize));
      if (count === "busy") return;
      if (count > 0) deps.onPurged(what, count);
      isMore = count === deps.batchSize;
    }
  }
}

/** Purges periodically, until it is stopped. */
export function startRetention(deps: RetentionDeps & JobTimes): PeriodicJob {
  return startPeriodicJob((signal) => purge(deps, signal), deps);
}

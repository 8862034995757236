import type { Database } from "../../platform/database/database.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import type { Ids } from "../../platform/ids.ts";
import {
  runBatches,
  startPeriodicJob,
  type JobTimes,
  type PeriodicJob,
} from "../../platform/periodic-job.ts";
import { DEPLOYMENT } from "../audit/chain.ts";
import { recordRetention } from "../audit/record-retention.ts";
import {
  announceRetention,
  deleteAnalysisKeys,
  deleteEvents,
  deleteOperations,
  deleteRefusals,
  deleteRuns,
  deleteSimulationKeys,
  deleteUploads,
  deleteWaves,
  hasAnnounced,
  type Deletion,
  type RetentionKind,
  type RetentionSetting,
} from "./repository.ts";

/** How long things are stored, as this process is configured. */
export type RetentionPeriods = {
  /** Finished operations, from their end. */
  readonly operationsTtlSeconds: number;
  /** Runs, from their creation; 0: for ever. */
  readonly runDays: number;
  /** Events of the feed, from when they were written; 0: for ever. */
  readonly eventDays: number;
};

export type Purgeable =
  "runs" | "analysis_keys" | "simulation_keys" | "operations" | "refusals" | "events" | "waves" | "uploads";

/** A retention of this process that does not rule, because `ruling`, of another, is longer. Null: for ever. */
export type Overruled = {
  readonly kind: RetentionKind;
  readonly retentionSeconds: number | null;
  readonly ruling: RetentionSetting;
};

export type RetentionDeps = {
  readonly database: Database;
  /** Names this process and its start, as what it says is recorded. */
  readonly owner: string;
  readonly newId: Ids;
  readonly periods: RetentionPeriods;
  /** Things per transaction: few enough that its locks last for milliseconds. */
  readonly batchSize: number;
  readonly onPurged: (what: Purgeable, count: number) => void;
  readonly onOverruled: (overruled: Overruled) => void;
};

const DAY_SECONDS = 24 * 60 * 60;

const PURGES: readonly (readonly [Purgeable, Deletion])[] = [
  ["operations", deleteOperations],
  ["refusals", deleteRefusals],
  ["runs", deleteRuns],
  ["analysis_keys", deleteAnalysisKeys],
  ["simulation_keys", deleteSimulationKeys],
  ["events", deleteEvents],
  // After their runs.
  ["waves", deleteWaves],
  ["uploads", deleteUploads],
];

/**
 * Says how long this process stores things, then deletes what has expired, batch by batch, until nothing is left,
 * `signal` aborts, or another process is found doing it. What has expired, the database decides.
 */
export async function purge(deps: RetentionDeps, signal?: AbortSignal): Promise<void> {
  const { database, batchSize, onPurged } = deps;
  await announce(deps);
  for (const [what, deletion] of PURGES) {
    const end = await runBatches(batchSize, signal, async () => {
      const count = await inTransaction(database, { tenantId: null }, (tx) => deletion(tx, batchSize));
      if (count !== null && count > 0) onPurged(what, count);
      return count;
    });
    if (end === "busy") return;
  }
}

/** How long things are stored, by what they are; null: for ever. */
type Retentions = Readonly<Record<RetentionKind, number | null>>;

async function announce(deps: RetentionDeps): Promise<void> {
  const { operationsTtlSeconds, runDays, eventDays } = deps.periods;
  const configured: Retentions = {
    OPERATION: operationsTtlSeconds,
    RUN: secondsOf(runDays),
    EVENT: secondsOf(eventDays),
  };
  // In the tenant of the audit's deployment chain, as a change of the retention and its record are one.
  const rulings = await inTransaction(deps.database, { tenantId: DEPLOYMENT }, (tx) =>
    announceAll(tx, deps, configured),
  );
  for (const kind of ["OPERATION", "RUN", "EVENT"] as const) {
    const retentionSeconds = configured[kind];
    const ruling = rulings[kind];
    if (ruling.retention_seconds !== retentionSeconds) deps.onOverruled({ kind, retentionSeconds, ruling });
  }
}

async function announceAll(tx: Tx, { database, owner, newId }: RetentionDeps, configured: Retentions) {
  const [isKnown, operation, run, event] = await Promise.all([
    hasAnnounced(tx, owner),
    announceRetention(tx, "OPERATION", owner, configured.OPERATION),
    announceRetention(tx, "RUN", owner, configured.RUN),
    announceRetention(tx, "EVENT", owner, configured.EVENT),
  ]);
  const ruling: Retentions = {
    OPERATION: operation.retention_seconds,
    RUN: run.retention_seconds,
    EVENT: event.retention_seconds,
  };
  await recordRetention(
    tx,
    { newId, clock: database.serverClock.now },
    { process: owner, isFirst: !isKnown, details: { configured: { ...configured }, ruling: { ...ruling } } },
  );
  return { OPERATION: operation, RUN: run, EVENT: event };
}

const secondsOf = (days: number): number | null => (days === 0 ? null : days * DAY_SECONDS);

/** Purges periodically, until it is stopped. Says once of each longer retention that it rules. */
export function startRetention(deps: RetentionDeps & JobTimes): PeriodicJob {
  const told = new Set<string>();
  const onOverruled = (overruled: Overruled): void => {
    const name = `${overruled.kind} ${String(overruled.ruling.retention_seconds)}`;
    if (!told.has(name)) deps.onOverruled(overruled);
    told.add(name);
  };
  return startPeriodicJob((signal) => purge({ ...deps, onOverruled }, signal), deps);
}

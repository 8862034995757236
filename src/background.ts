import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Surroundings } from "./surroundings.ts";
import { createHands, type Hands } from "./features/operations/hands.ts";
import type { AttemptEnd, ExecutionDeps, OperationHooks } from "./features/operations/execution.ts";
import { makeExecutors, type ExecutorDeps } from "./features/operations/executors.ts";
import { countOperations, OPERATIONS_CHANNEL, type Claim } from "./features/operations/repository.ts";
import { startWorker } from "./features/operations/worker.ts";
import { systemClock } from "./platform/clock.ts";
import { listenTo } from "./platform/database/listener.ts";
import { inTransaction } from "./platform/database/transaction.ts";
import type { Log } from "./platform/log.ts";
import { watchOperations, type Metrics, type OperationsShown } from "./platform/metrics.ts";
import { startRetention } from "./features/retention/retention.ts";
import { startFolding } from "./features/support/roll-up-counts.ts";

/** What accepted operations are done with: shared by the worker and by requests that execute one. */
export type Execution = ExecutionDeps & { readonly hands: Hands };

export function makeExecution(surroundings: Surroundings, executors: ExecutorDeps): Execution {
  const { config, database } = surroundings;
  const deps: ExecutionDeps = {
    database,
    clock: systemClock,
    random: Math.random,
    // New with every start: a lease is never mistaken for that of an earlier life of the process.
    terms: { owner: `${hostname()}-${String(process.pid)}-${randomUUID()}`, leaseMs: config.worker.leaseMs },
    executors: makeExecutors(executors),
    hooks: operationHooks(surroundings),
  };
  return { ...deps, hands: createHands(deps) };
}

export type Background = {
  /** Claims and purges no more. What is in hand is left to `Execution.hands`. */
  readonly stop: () => Promise<void>;
};

/** Starts what goes on beside requests: the worker, what wakes it, and the retention job. */
export function startBackground(surroundings: Surroundings, execution: Execution): Background {
  const { config, log, metrics, database } = surroundings;
  watchOperations(
    metrics,
    () => readOperations(surroundings),
    (error) => log.warn({ err: error }, "operations are left out of the metrics"),
  );
  const worker = startWorker({
    ...execution,
    ...config.worker,
    onClaimError: (error) => log.warn({ err: error }, "operations could not be claimed"),
  });
  const listener = listenTo({
    connection: { ...database.pool.options.connection, applicationName: "ballast-listener" },
    channel: OPERATIONS_CHANNEL,
    connectTimeoutMs: config.database.connectTimeoutMs,
    onNotify: worker.wake,
    onError: (error) => log.warn({ err: error }, "wake-ups are not heard, the worker polls"),
  });
  const retention = startRetention({
    database,
    clock: systemClock,
    keep: {
      operationsTtlSeconds: config.rebalance.operations.ttlSeconds,
      runDays: config.rebalance.retentionDays,
    },
    batchSize: PURGE_BATCH,
    intervalMs: config.retentionIntervalMs,
    onPurged: (kind, count) => metrics.purgedRows.inc({ kind }, count),
    onError: (error) => log.warn({ err: error }, "the purge is put off"),
  });
  const folding = startFolding({
    database,
    batchSize: FOLD_BATCH,
    intervalMs: FOLD_INTERVAL_MS,
    onError: (error) => log.warn({ err: error }, "the counts of the summary are folded later"),
  });
  return {
    stop: async () => {
      await Promise.all([worker.stop(), listener.stop(), retention.stop(), folding.stop()]);
    },
  };
}

/** How long a change of the summary waits to be folded: what piles up meanwhile, each summary adds up anew. */
const FOLD_INTERVAL_MS = 1_000;
const FOLD_BATCH = 5_000;

/** Runs or operations per transaction: some milliseconds of locks. */
const PURGE_BATCH = 200;

/** Who scrapes waits some seconds at most, and wants the other metrics all the more when the database is away. */
const OPERATIONS_DEADLINE_MS = 1_000;

async function readOperations({ database }: Surroundings): Promise<OperationsShown[]> {
  const context = {
    tenantId: null,
    readOnly: true,
    localRole: "ballast_worker",
    deadlineMs: OPERATIONS_DEADLINE_MS,
  } as const;
  const counts = await inTransaction(database, context, countOperations);
  const now = systemClock().getTime();
  return counts.map(({ operation_type, status, count, oldest_created_at: oldest }) => ({
    type: operation_type,
    status,
    count,
    oldestAgeSeconds: oldest === null ? null : Math.max(0, now - Date.parse(oldest)) / 1000,
  }));
}

function operationHooks({ log, metrics }: { log: Log; metrics: Metrics }): OperationHooks {
  return {
    onClaim: ({ operationType: type }) => metrics.workerClaims.inc({ type }),
    onAttemptEnd: (claim, end, error) => {
      const type = claim.operationType;
      metrics.operationAttempts.inc({ type, end });
      if (end === "lease_lost") metrics.leaseLosses.inc({ type });
      const line = { ...idsOf(claim), end, ...(error === undefined ? {} : { err: error }) };
      log[levelOf(end, error)](line, "operation attempted");
    },
    onLeaseError: (claim, error) => log.warn({ ...idsOf(claim), err: error }, "a lease was not renewed"),
  };
}

function idsOf({ tenantId, correlationId, operationId, operationType, lease }: Claim) {
  return { tenantId, correlationId, operationId, operationType, attempt: lease.attempt };
}

/** An attempt that failed for no fault of the request is worth a look; the last of them, somebody's time. */
function levelOf(end: AttemptEnd, error: unknown): "info" | "warn" | "error" {
  if (error !== undefined && end === "failed") return "error";
  return error !== undefined || end === "lease_lost" ? "warn" : "info";
}

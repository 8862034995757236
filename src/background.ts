import { startWorker } from "./features/operations/worker.ts";
import { createOperations, type Operations } from "./features/operations/operations.ts";
import { countOperations, OPERATIONS_CHANNEL } from "./features/operations/repository/operations.ts";
import { proposalOperationHandlers } from "./features/proposals/operation-handlers.ts";
import { analysisHandlers } from "./features/rebalance/operation-handlers.ts";
import { startRetention } from "./features/retention/purge-expired.ts";
import { WAVES_CHANNEL } from "./features/waves/repository/items.ts";
import { createWaveWorks, startRunner, type WaveWorks } from "./features/waves/runner.ts";
import { startRollup } from "./features/support/roll-up-counts.ts";
import { listenTo, type Listener } from "./platform/database/listener.ts";
import { inTransaction } from "./platform/database/transaction.ts";
import type { ClaimLoop } from "./platform/leases/claim-loop.ts";
import { watchOperations, type OperationsShown } from "./platform/metrics.ts";
import type { Runtime } from "./runtime.ts";

/** What this process does accepted operations with: each type by the feature that it belongs to. */
export function openOperations(runtime: Runtime): Operations {
  return createOperations(runtime, { ...analysisHandlers(runtime), ...proposalOperationHandlers(runtime) });
}

/** What this process works on waves with, in the name that its operations are claimed in. */
export function openWaveWorks(runtime: Runtime, { terms }: Operations): WaveWorks {
  return createWaveWorks(runtime, terms.owner);
}

/** What a process does beside requests, and drains when it stops. */
export type Works = { readonly operations: Operations; readonly waves: WaveWorks };

/** Waits for the attempts under way within the grace period, and releases the rest to other processes. */
export async function drainWorks(
  { operations, waves }: Works,
  graceMs: number,
  hurry: AbortSignal,
): Promise<void> {
  await Promise.all([operations.attempts.drain(graceMs, hurry), waves.batches.drain(graceMs, hurry)]);
}

export type Background = {
  /** Claims and purges no more. Attempts under way are left to `drainWorks`. */
  readonly stop: () => Promise<void>;
};

/** Starts what goes on beside requests: the worker, the runner of waves, what wakes them, and the periodic jobs. */
export function startBackground(runtime: Runtime, { operations, waves }: Works): Background {
  const { config, log, metrics, database } = runtime;
  watchOperations(
    metrics,
    () => readOperations(runtime),
    (error) => log.warn({ err: error }, "operations are left out of the metrics"),
  );
  const worker = startWorker({
    ...operations,
    ...config.worker,
    onClaimError: (error) => log.warn({ err: error }, "operations could not be claimed"),
  });
  const runner = startRunner({
    ...waves,
    writes: runtime.writes,
    mostBatches: config.worker.waveBatches,
    pollMs: config.worker.pollMs,
    onClaimError: (error) => log.warn({ err: error }, "items of waves could not be claimed"),
  });
  const listeners = [
    wakeByNotification(runtime, OPERATIONS_CHANNEL, worker),
    wakeByNotification(runtime, WAVES_CHANNEL, runner),
  ];
  const retention = startRetention({
    database,
    owner: operations.terms.owner,
    newId: runtime.newId,
    periods: {
      operationsTtlSeconds: config.rebalance.operations.ttlSeconds,
      runDays: config.rebalance.retentionDays,
      eventDays: config.eventsKeptDays,
    },
    batchSize: PURGE_BATCH,
    intervalMs: config.retentionIntervalMs,
    onPurged: (kind, count) => metrics.purgedRows.inc({ kind }, count),
    onOverruled: (overruled) =>
      log.warn(overruled, "another process stores longer: its retention rules, not the one of this process"),
    onError: (error) => log.warn({ err: error }, "the purge is put off"),
  });
  const rollup = startRollup({
    database,
    batchSize: ROLLUP_BATCH,
    intervalMs: ROLLUP_INTERVAL_MS,
    onError: (error) => log.warn({ err: error }, "the counts of the summary are rolled up later"),
  });
  return {
    stop: async () => {
      const heard = listeners.map((listener) => listener.stop());
      await Promise.all([worker.stop(), runner.stop(), ...heard, retention.stop(), rollup.stop()]);
    },
  };
}

/** How long a change of the summary waits to be rolled up: what piles up meanwhile, each summary adds up anew. */
const ROLLUP_INTERVAL_MS = 1_000;
const ROLLUP_BATCH = 5_000;

/** Runs or operations per transaction: some milliseconds of locks. */
const PURGE_BATCH = 200;

function wakeByNotification({ config, log, database }: Runtime, channel: string, loop: ClaimLoop): Listener {
  return listenTo({
    connection: { ...database.pool.options.connection, applicationName: "ballast-listener" },
    channel,
    connectTimeoutMs: config.database.connectTimeoutMs,
    onNotify: loop.wake,
    onError: (error) => log.warn({ err: error, channel }, "wake-ups are not heard, the worker polls"),
  });
}

/** Who scrapes waits some seconds at most, and wants the other metrics all the more when the database is away. */
const OPERATIONS_DEADLINE_MS = 1_000;

async function readOperations({ database, clock }: Runtime): Promise<OperationsShown[]> {
  const context = {
    tenantId: null,
    readOnly: true,
    deadlineMs: OPERATIONS_DEADLINE_MS,
  };
  const counts = await inTransaction(database, context, countOperations);
  const now = clock().getTime();
  return counts.map(({ operation_type, status, count, oldest_created_at: oldest }) => ({
    type: operation_type,
    status,
    count,
    oldestAgeSeconds: oldest === null ? null : Math.max(0, now - Date.parse(oldest)) / 1000,
  }));
}

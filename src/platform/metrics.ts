import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { DatabaseHooks } from "./database/database.ts";

/** All that is counted, in one registry of its own: pass it to whoever counts. */
export type Metrics = ReturnType<typeof createMetrics>;

/** How busy one pool of connections is. */
export type PoolUse = {
  readonly inFlight: number;
  readonly waiting: number;
  readonly open: number;
  readonly idle: number;
};

/** The operations of one type and status, and since when the oldest of them waits for its end; null after its end. */
export type OperationsShown = {
  readonly type: string;
  readonly status: string;
  readonly count: number;
  readonly oldestAgeSeconds: number | null;
};

/** From half a millisecond, a replay, to the deadline of a request. */
const REQUEST_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const WAIT_SECONDS = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2];

export function createMetrics() {
  const registry = new Registry();
  return {
    registry,
    ...httpMetrics(registry),
    ...databaseMetrics(registry),
    ...idempotencyMetrics(registry),
    ...domainMetrics(registry),
    ...operationMetrics(registry),
  };
}

function httpMetrics(registry: Registry) {
  return {
    requestDuration: new Histogram({
      name: "ballast_http_request_duration_seconds",
      help: "Time from the headers of a request to the end of its answer.",
      labelNames: ["method", "route", "status"] as const,
      buckets: REQUEST_SECONDS,
      registers: [registry],
    }),
    unauthenticated: new Counter({
      name: "ballast_http_unauthenticated_total",
      help: "Requests that came without a valid token, by the code that they were answered.",
      labelNames: ["code"] as const,
      registers: [registry],
    }),
  };
}

function databaseMetrics(registry: Registry) {
  const registers = [registry];
  return {
    poolWait: new Histogram({
      name: "ballast_database_wait_seconds",
      help: "Time that a unit of work waited for a connection.",
      labelNames: ["database"] as const,
      buckets: WAIT_SECONDS,
      registers,
    }),
    transactionRetries: new Counter({
      name: "ballast_database_transaction_retries_total",
      help: "Transactions that ran again, by the fault that ended the attempt before.",
      labelNames: ["database", "fault"] as const,
      registers,
    }),
    databaseFaults: new Counter({
      name: "ballast_database_faults_total",
      help: "Units of work that ended in a fault of the database.",
      labelNames: ["database", "fault"] as const,
      registers,
    }),
    replicaFallbacks: new Counter({
      name: "ballast_database_replica_fallbacks_total",
      help: "Reads that went to the primary because the replica could not serve them.",
      registers,
    }),
  };
}

function idempotencyMetrics(registry: Registry) {
  const labelNames = ["scope"] as const;
  const registers = [registry];
  return {
    idempotentReplays: new Counter({
      name: "ballast_idempotent_replays_total",
      help: "Requests that were answered with the stored answer of their key.",
      labelNames,
      registers,
    }),
    idempotencyConflicts: new Counter({
      name: "ballast_idempotency_conflicts_total",
      help: "Requests whose key was known with another payload.",
      labelNames,
      registers,
    }),
  };
}

function domainMetrics(registry: Registry) {
  const registers = [registry];
  return {
    runs: new Counter({
      name: "ballast_rebalance_runs_total",
      help: "Rebalance runs that were simulated and stored, those of what-if batches among them.",
      labelNames: ["status"] as const,
      registers,
    }),
    purgedRows: new Counter({
      name: "ballast_purged_rows_total",
      help: "Rows that the retention job deleted.",
      labelNames: ["kind"] as const,
      registers,
    }),
  };
}

function operationMetrics(registry: Registry) {
  const registers = [registry];
  return {
    operationAttempts: new Counter({
      name: "ballast_operation_attempts_total",
      help: "Attempts at asynchronous operations, by how they ended.",
      labelNames: ["type", "end"] as const,
      registers,
    }),
    workerClaims: new Counter({
      name: "ballast_worker_claims_total",
      help: "Operations that workers of this process claimed.",
      labelNames: ["type"] as const,
      registers,
    }),
    leaseLosses: new Counter({
      name: "ballast_worker_lease_losses_total",
      help: "Operations that workers of this process lost to another.",
      labelNames: ["type"] as const,
      registers,
    }),
    waveItems: new Counter({
      name: "ballast_wave_items_total",
      help: "Attempts of this process at items of waves, by how they ended.",
      labelNames: ["end"] as const,
      registers,
    }),
  };
}

/** Heap, event loop and processor of this process. */
export function watchProcess({ registry }: Metrics): void {
  collectDefaultMetrics({ register: registry, prefix: "ballast_" });
}

/** Shows how busy the pools are, by name, whenever the metrics are read. */
export function watchPools({ registry }: Metrics, pools: Readonly<Record<string, () => PoolUse>>): void {
  new Gauge({
    name: "ballast_database_pool",
    help: "Units of work under way and waiting, connections open and idle.",
    labelNames: ["database", "state"] as const,
    registers: [registry],
    collect() {
      for (const [database, read] of Object.entries(pools)) {
        const { inFlight, waiting, open, idle } = read();
        this.set({ database, state: "in_flight" }, inFlight);
        this.set({ database, state: "waiting" }, waiting);
        this.set({ database, state: "open" }, open);
        this.set({ database, state: "idle" }, idle);
      }
    },
  });
}

/** Shows how many read the feed of events at this moment: requests that wait, and streams. */
export function watchEventReaders(
  { registry }: Metrics,
  readers: Readonly<Record<"waiting" | "stream", () => number>>,
): void {
  new Gauge({
    name: "ballast_event_readers",
    help: "Requests that wait for an event, and streams that are open.",
    labelNames: ["kind"] as const,
    registers: [registry],
    collect() {
      for (const [kind, count] of Object.entries(readers)) this.set({ kind }, count());
    },
  });
}

/**
 * Shows the asynchronous operations by status and the age of the oldest, whenever the metrics are read. While they
 * cannot be read, these two gauges are empty and the rest is shown; `onUnread` hears of it once, until they can be again.
 */
export function watchOperations(
  { registry }: Metrics,
  read: () => Promise<readonly OperationsShown[]>,
  onUnread: (error: unknown) => void,
): void {
  const readOnce = sharedWhilePending(emptyOnFailure(read, onUnread));
  const show = (name: string, help: string, valueOf: (operations: OperationsShown) => number | null) =>
    new Gauge({
      name,
      help,
      labelNames: ["type", "status"] as const,
      registers: [registry],
      async collect() {
        const kinds = await readOnce();
        this.reset();
        for (const operations of kinds) {
          const { type, status } = operations;
          const value = valueOf(operations);
          if (value !== null) this.set({ type, status }, value);
        }
      },
    });
  show(
    "ballast_operations",
    "Asynchronous operations by type and status, finished ones as long as they are kept.",
    ({ count }) => count,
  );
  show(
    "ballast_operations_oldest_age_seconds",
    "Age of the oldest unfinished operation of each type and status.",
    ({ oldestAgeSeconds }) => oldestAgeSeconds,
  );
}

function emptyOnFailure<T>(
  read: () => Promise<readonly T[]>,
  onFailure: (error: unknown) => void,
): () => Promise<readonly T[]> {
  let isFailing = false;
  return async () => {
    try {
      const rows = await read();
      isFailing = false;
      return rows;
    } catch (error) {
      if (!isFailing) onFailure(error);
      isFailing = true;
      return [];
    }
  };
}

/** Gauges are collected at the same time: they share one reading. */
function sharedWhilePending<T>(read: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return () => {
    pending ??= read().finally(() => {
      pending = undefined;
    });
    return pending;
  };
}

/** Counts what happens at the door to one database. */
export function databaseHooks(metrics: Metrics, database: string): DatabaseHooks {
  return {
    onWait: (waitedMs) => {
      metrics.poolWait.observe({ database }, waitedMs / 1000);
    },
    onRetry: (fault) => {
      metrics.transactionRetries.inc({ database, fault });
    },
    onFault: (fault) => {
      metrics.databaseFaults.inc({ database, fault });
    },
  };
}

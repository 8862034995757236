import type { ConnectionOptions } from "./connection.ts";
import type { DatabaseFaultKind } from "./errors.ts";
import { closePool, createPool, type Pool } from "./pool.ts";
import type { Deadline } from "../deadline.ts";
import { createServerClock, type ServerClock } from "./server-clock.ts";
import { createWriteHealth, type WriteHealth } from "./write-health.ts";

export type DatabaseConfig = ConnectionOptions & {
  /** Connections, and so units of work under way at once. */
  readonly max: number;
  readonly queueLimit: number;
  readonly queueWaitMs: number;
  readonly connectTimeoutMs: number;
  /** The time of a unit of work that names no other. */
  readonly deadlineMs: number;
};

/** Called at the moments that are worth counting. */
export type DatabaseHooks = {
  readonly onWait?: (waitedMs: number) => void;
  readonly onRetry?: (kind: DatabaseFaultKind, attempt: number) => void;
  readonly onFault?: (kind: DatabaseFaultKind) => void;
};

/** The server that is worked with and the pool of connections to it: pass it to `inTransaction`. */
export type Database = {
  readonly pool: Pool;
  readonly limits: {
    readonly deadlineMs: number;
    readonly statementTimeoutMs: number;
    readonly replyMarginMs: number;
  };
  readonly hooks: DatabaseHooks;
  /** The server's time. Each transaction measures it again. */
  readonly serverClock: ServerClock;
  readonly writeHealth: WriteHealth;
  /** Ends every unit of work, together with what else it belongs to. */
  readonly deadline?: Deadline;
  /** W3C trace context of the request that is worked for: triggers write it beside the events of a transaction. */
  readonly traceparent?: string;
};

/** The server ends a statement at statement_timeout; a reply this much later than that is not coming. */
const REPLY_MARGIN_MS = 1_000;

/** Opens nothing yet: connections are made when work comes. */
export function openDatabase(config: DatabaseConfig, hooks: DatabaseHooks = {}): Database {
  const { deadlineMs, statementTimeoutMs } = config;
  return {
    pool: createPool(poolOptions(config)),
    limits: { deadlineMs, statementTimeoutMs, replyMarginMs: REPLY_MARGIN_MS },
    hooks,
    serverClock: createServerClock(),
    writeHealth: createWriteHealth(),
  };
}

function poolOptions(config: DatabaseConfig) {
  return {
    connection: config,
    admission: { slots: config.max, queueLimit: config.queueLimit, queueWaitMs: config.queueWaitMs },
    connectTimeoutMs: config.connectTimeoutMs,
  };
}

/** How busy it is, for gauges. */
export function databaseUse(database: Database) {
  const { admission, idle, open } = database.pool;
  return {
    inFlight: admission.inFlight(),
    waiting: admission.waiting(),
    open: open.size,
    idle: idle.length,
  };
}

/** Takes no new work, lets what is under way end within `graceMs`, then destroys its connections. */
export async function closeDatabase(database: Database, graceMs = 5_000): Promise<void> {
  await closePool(database.pool, graceMs);
}

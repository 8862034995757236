import { setTimeout as delay } from "node:timers/promises";
import { createAdmission, type Admission, type AdmissionLimits } from "./admission.ts";
import { openConnection, type Connection, type ConnectionOptions } from "./connection.ts";
import { plainError } from "./errors.ts";

export type PoolOptions = {
  readonly connection: ConnectionOptions;
  readonly admission: AdmissionLimits;
  readonly connectTimeoutMs: number;
};

/** Connections to one server, at most as many as there are admission slots; each serves one unit of work at a time. */
export type Pool = {
  readonly options: PoolOptions;
  readonly admission: Admission;
  /** Ready for work; the last one used is the first one taken, it is warm. */
  readonly idle: Connection[];
  readonly open: Set<Connection>;
  isClosed: boolean;
};

export function createPool(options: PoolOptions): Pool {
  return {
    options,
    admission: createAdmission(options.admission),
    idle: [],
    open: new Set(),
    isClosed: false,
  };
}

/** Old connections are replaced, so that a moved server, renewed roles and leaked memory do not stay for ever. */
const CONNECTION_LIFE_MS = 30 * 60 * 1_000;

/**
 * Hands out a connection that nobody else holds, within `budgetMs`. `giveBack` takes it back once what was asked of it
 * is over; the slot is free only then. A connection that is lost is not used again, it only frees its slot.
 */
export async function borrow(
  pool: Pool,
  budgetMs: () => number,
): Promise<{ readonly connection: Connection; readonly giveBack: () => void }> {
  await pool.admission.enter(budgetMs());
  try {
    if (pool.isClosed) throw plainError("unavailable", "the database is being closed");
    const connection = pool.idle.pop() ?? (await addConnection(pool, budgetMs()));
    return { connection, giveBack: () => giveBack(pool, connection) };
  } catch (error) {
    pool.admission.leave();
    throw error;
  }
}

async function addConnection(pool: Pool, budgetMs: number): Promise<Connection> {
  const connection = await openConnection(
    pool.options.connection,
    Math.min(budgetMs, pool.options.connectTimeoutMs),
  );
  pool.open.add(connection);
  return connection;
}

function giveBack(pool: Pool, connection: Connection): void {
  connection.onWarning = () => undefined;
  const isOld = performance.now() - connection.openedAt > CONNECTION_LIFE_MS;
  if (connection.isLost) {
    pool.open.delete(connection);
  } else if (isOld || pool.isClosed) {
    retire(pool, connection);
  } else {
    connection.onLost = () => {
      dropIdle(pool, connection);
    };
    pool.idle.push(connection);
  }
  pool.admission.leave();
}

function retire(pool: Pool, connection: Connection): void {
  pool.open.delete(connection);
  connection.close().catch(() => undefined);
}

function dropIdle(pool: Pool, connection: Connection): void {
  pool.open.delete(connection);
  const position = pool.idle.indexOf(connection);
  if (position >= 0) pool.idle.splice(position, 1);
}

/** One connection fell silent, so the idle ones beside it are likely dead too: the next work opens fresh ones. */
export function distrustIdle(pool: Pool, reason: Error): void {
  for (const connection of [...pool.idle]) connection.destroy(reason);
}

/** Takes no new work, closes the idle connections, waits up to `graceMs` for the others, then cuts them. */
export async function closePool(pool: Pool, graceMs: number): Promise<void> {
  pool.isClosed = true;
  const closing = pool.idle.splice(0).map((connection) => connection.close());
  const inTime = new AbortController();
  const timeUp = delay(graceMs, undefined, { signal: inTime.signal });
  await Promise.race([pool.admission.drained(), timeUp]);
  inTime.abort();
  timeUp.catch(() => undefined);
  for (const connection of [...pool.open]) connection.destroy(new Error("the database is being closed"));
  await Promise.all(closing);
}

import type { ServerHost } from "./address.ts";
import { createAdmission, type Admission, type AdmissionLimits, type AdmissionRequest } from "./admission.ts";
import { openConnection, type Connection, type ConnectionOptions } from "./connection.ts";
import { plainError } from "./errors.ts";
import { within } from "../time-limit.ts";

export type PoolOptions = {
  readonly connection: ConnectionOptions;
  readonly admission: AdmissionLimits;
  readonly connectTimeoutMs: number;
};

/**
 * Connections to one server at a time, which may move; at most as many as there are admission slots. Each serves one unit
 * of work at a time.
 */
export type Pool = {
  readonly options: PoolOptions;
  readonly admission: Admission;
  /** Ready for work; the one used last is taken first, because its caches in the server are warm. */
  readonly idle: Connection[];
  readonly open: Set<Connection>;
  /** Where the newest connection leads to. */
  host: ServerHost | null;
  /** Connections that were opened before are not used again. */
  staleBefore: number;
  isClosed: boolean;
};

export function createPool(options: PoolOptions): Pool {
  return {
    options,
    admission: createAdmission(options.admission),
    idle: [],
    open: new Set(),
    host: null,
    staleBefore: -Infinity,
    isClosed: false,
  };
}

/** Old connections are replaced, so that they follow a moved server and changed role settings, and free the memory of their backends. */
const MAX_LIFETIME_MS = 30 * 60 * 1_000;

export type AcquireRequest = Pick<AdmissionRequest, "tenantId" | "signal"> & {
  readonly budgetMs: () => number;
};

/**
 * Hands out a connection that nobody else holds, within `budgetMs` and before `signal` is aborted. `release` is called
 * once, when no statement is under way any more; the slot is free only then. A connection that was lost is not used again,
 * its release only frees the slot.
 */
export async function acquire(
  pool: Pool,
  { budgetMs, tenantId, signal }: AcquireRequest,
): Promise<{ readonly connection: Connection; readonly release: () => void }> {
  const leave = await pool.admission.enter({ budgetMs: budgetMs(), tenantId, signal });
  try {
    if (pool.isClosed) throw plainError("unavailable", "the database is being closed");
    const connection = pool.idle.pop() ?? (await addConnection(pool, budgetMs(), signal));
    const giveBack = () => {
      release(pool, connection);
      leave();
    };
    return { connection, release: giveBack };
  } catch (error) {
    leave();
    throw error;
  }
}

async function addConnection(pool: Pool, budgetMs: number, signal?: AbortSignal): Promise<Connection> {
  const connection = await openConnection(
    pool.options.connection,
    Math.min(budgetMs, pool.options.connectTimeoutMs),
    signal,
  );
  if (pool.host !== null && pool.host !== connection.host) {
    discardConnections(pool, new Error("another server is worked with"), connection.openedAt);
  }
  pool.host = connection.host;
  pool.open.add(connection);
  return connection;
}

function release(pool: Pool, connection: Connection): void {
  connection.onWarning = () => undefined;
  const { openedAt } = connection;
  const isExpired = performance.now() - openedAt > MAX_LIFETIME_MS || openedAt < pool.staleBefore;
  if (connection.isLost) {
    pool.open.delete(connection);
  } else if (isExpired || pool.isClosed) {
    retire(pool, connection);
  } else {
    connection.onLost = () => {
      removeIdle(pool, connection);
    };
    pool.idle.push(connection);
  }
}

function retire(pool: Pool, connection: Connection): void {
  pool.open.delete(connection);
  connection.close().catch(() => undefined);
}

function removeIdle(pool: Pool, connection: Connection): void {
  pool.open.delete(connection);
  const position = pool.idle.indexOf(connection);
  if (position >= 0) pool.idle.splice(position, 1);
}

/**
 * Where one connection is half open, or leads to a server that takes no writes any more, the others are likely to do so
 * too; and where a new one had to go to another server, they would still show what the old one knows. Of those opened before
 * that time the idle ones are destroyed, those in use when they are released, and the next transactions open new ones.
 */
export function discardConnections(pool: Pool, reason: Error, openedBefore = performance.now()): void {
  pool.staleBefore = openedBefore;
  for (const connection of [...pool.idle]) connection.destroy(reason);
}

/** Takes no new work, closes the idle connections, waits up to `graceMs` for the others, then destroys them. */
export async function closePool(pool: Pool, graceMs: number): Promise<void> {
  pool.isClosed = true;
  const closing = pool.idle.splice(0).map((connection) => connection.close());
  await within({ ms: graceMs }, pool.admission.drained()).catch(() => undefined);
  for (const connection of [...pool.open]) connection.destroy(new Error("the database is being closed"));
  await Promise.all(closing);
}

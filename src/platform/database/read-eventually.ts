import type { Database } from "./database.ts";
import { DatabaseError, type DatabaseFaultKind } from "./errors.ts";
import { inTransaction, type TransactionContext, type Tx } from "./transaction.ts";

/** Where reads go that may lag behind: lists, summary, lineage. Never a write, nor a read that decides one. */
export type EventualReads = {
  readonly primary: Database;
  /** Null where the deployment has no replica. */
  readonly replica: Replica | null;
};

export type Replica = {
  readonly database: Database;
  /** Milliseconds that never go back. */
  readonly now: () => number;
  /** How long no read tries a replica that failed one: a dead replica costs its connect timeout once in that time. */
  readonly pauseMs: number;
  /** The most that a read waits for the replica; what is left of its time is the primary's. */
  readonly timeoutMs: number;
  /** A read went to the primary; `error` is what the replica failed this read with, null during a pause. */
  readonly onFallback: (error: DatabaseError | null) => void;
  /** Until when reads go to the primary; the only mutable state here. */
  readonly pause: { untilMs: number };
};

/** It is down, unreachable or far too slow: no read is sent to it for a while. */
const UNREACHABLE: ReadonlySet<DatabaseFaultKind> = new Set([
  "unavailable",
  "connection_lost",
  "deadline_exceeded",
  "read_only",
  "too_many_connections",
  "restarting",
]);
/** It could not serve this read, but may serve the next. */
const TRANSIENT: ReadonlySet<DatabaseFaultKind> = new Set([
  "overloaded",
  // It cancelled the read to keep up with the primary.
  "serialization_failure",
  "deadlock",
  "out_of_memory",
  // A sort or a hash that found no room on its disk.
  "disk_full",
  // It lags behind a migration: a table or a grant is not there yet. A mistake in our code fails on the primary too.
  "rejected",
  "not_permitted",
]);

/** A replica that has failed no read yet. */
export function replicaOf(
  database: Database,
  options: Pick<Replica, "pauseMs" | "timeoutMs" | "onFallback"> & { readonly now?: Replica["now"] },
): Replica {
  return { now: () => performance.now(), ...options, database, pause: { untilMs: -Infinity } };
}

/**
 * Reads in one snapshot of the replica, however far that is behind; of the primary where there is no replica or it
 * cannot serve. Fails as `inTransaction` on the primary does.
 */
export async function readEventually<T>(
  { primary, replica }: EventualReads,
  context: Pick<TransactionContext, "tenantId">,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const readOnly = { ...context, readOnly: true };
  if (replica === null) return inTransaction(primary, readOnly, work);
  const startedAt = replica.now();
  const found = await tryReplica(replica, readOnly, work);
  if (found !== undefined) return found.result;
  const leftMs = primary.limits.deadlineMs - (replica.now() - startedAt);
  return inTransaction(primary, { ...readOnly, deadlineMs: leftMs }, work);
}

/** Undefined where the primary has to be asked. */
async function tryReplica<T>(
  replica: Replica,
  context: TransactionContext,
  work: (tx: Tx) => Promise<T>,
): Promise<{ readonly result: T } | undefined> {
  const { database, pause, now, pauseMs, timeoutMs, onFallback } = replica;
  if (now() < pause.untilMs) {
    onFallback(null);
    return undefined;
  }
  // After a pause one read tries the replica; the pause is renewed, so the others go on to the primary meanwhile.
  if (pause.untilMs > -Infinity) pause.untilMs = now() + pauseMs;
  try {
    const result = await inTransaction(database, { ...context, deadlineMs: timeoutMs }, work);
    pause.untilMs = -Infinity;
    return { result };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const { kind } = error.fault;
    if (!UNREACHABLE.has(kind) && !TRANSIENT.has(kind)) throw error;
    pause.untilMs = UNREACHABLE.has(kind) ? now() + pauseMs : -Infinity;
    onFallback(error);
    return undefined;
  }
}

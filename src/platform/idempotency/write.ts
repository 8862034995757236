import type { Clock } from "../clock.ts";
import type { Database } from "../database/database.ts";
import { databaseFault, DatabaseError, plainError } from "../database/errors.ts";
import { inTransaction, runTransaction, type Tx } from "../database/transaction.ts";
import type { KeyedQueue } from "../keyed-queue.ts";
import { TimeLimitError, within } from "../time-limit.ts";
import {
  findStoredOutcome,
  insertRecord,
  lockKey,
  type Answer,
  type RecordLinks,
  type RequestKey,
} from "./repository.ts";

export type WriteDeps = {
  readonly database: Database;
  readonly clock: Clock;
  /** The writes under way in this process, by key: duplicates wait here instead of holding a connection. */
  readonly inFlight: InFlightWrites;
  /** Writes of one aggregate wait here for each other, and hold one connection at a time. */
  readonly aggregates: KeyedQueue;
  /** How long a write waits for the first with its key, and for the writes of its aggregate ahead of it. */
  readonly turnWaitMs: number;
};

export type InFlightWrites = Map<string, InFlightWrite>;
type InFlightWrite = { readonly payloadHash: string; readonly outcome: Promise<WriteOutcome<unknown>> };

/** What one attempt at a write ends in. */
export type Written<Made> = {
  readonly answer: Answer;
  /** What was made; null where the write was refused. */
  readonly made: Made | null;
  /** How the answer is stored under the key; null (a 403 or 404): not at all, the key stays free. */
  readonly record: RecordLinks | null;
};

export type Write<Prepared, Made> = {
  readonly tenantId: string;
  /** Pure work ahead of the transaction; runs only when no stored answer serves. */
  readonly prepare: () => Prepared | Promise<Prepared>;
  /**
   * Writes everything that belongs together. A returned refusal is committed and stored; a thrown error rolls back.
   * `lost` is what an attempt before this one made whose COMMIT was not answered; null where there was none. Ids are of
   * `prepare`, the same in every attempt, so that unique keys tell when the lost one landed after all.
   */
  readonly write: (tx: Tx, prepared: Prepared, lost: Made | null) => Promise<Written<Made>>;
  /**
   * The aggregate whose lock `write` waits for, by a name within the tenant: its writes take turns, and those under one
   * key wait for each other ahead of the lock.
   */
  readonly aggregate?: string;
  /** The caller has looked for a stored answer itself, a moment ago, and found none. */
  readonly isLookedUp?: boolean;
} & (
  | { readonly key: RequestKey }
  | {
      /** Null: the request came without a key, so it is one of its own, and nothing of it is stored. */
      readonly key: RequestKey | null;
      /** Whether what an attempt made is there: a look for an id that only this call can have written. */
      readonly wasCommitted: (tx: Tx, made: Made) => Promise<boolean>;
    }
);

/** The answer, and what was made for it: null for a refusal, and for a replay, whose first request made it. */
export type Answered<Made> = {
  readonly kind: "answered";
  readonly answer: Answer;
  readonly made: Made | null;
  readonly isStored: boolean;
  readonly isReplayed: boolean;
};

export type WriteOutcome<Made> =
  | Answered<Made>
  /** The key is known with another payload. */
  | { readonly kind: "conflict" }
  /** Another request with this key is still at work. */
  | { readonly kind: "in_progress" }
  /** The record of the key points to something that is missing. */
  | { readonly kind: "inconsistent" };

/** Attempts at one write; more than two mean that the database keeps losing COMMITs. */
const MOST_ATTEMPTS = 4;

/**
 * Does a write once. With a key, every repetition gets the stored answer, byte for byte: the unique key of
 * `idempotency_record` decides every race, as the record commits with the effect or not at all.
 *
 * When the connection dies while COMMIT is under way, the record of the key, or without a key `wasCommitted`, tells on a
 * fresh connection whether it landed; if it did not, the write runs again. Throws the faults of the database: after
 * `commit_outcome_unknown` the write may have landed, after any other nothing was written and the key is free.
 */
export async function write<Prepared, Made>(
  deps: WriteDeps,
  work: Write<Prepared, Made>,
): Promise<WriteOutcome<Made>> {
  const { key } = work;
  if (key === null) return takeTurn(deps, work);
  const name = JSON.stringify([key.tenantId, key.recordScope, key.key]);
  const waitUntil = performance.now() + deps.turnWaitMs;
  // Between the look that finds nobody and taking the place there is no await: only one caller becomes the first.
  for (let first = deps.inFlight.get(name); first !== undefined; first = deps.inFlight.get(name)) {
    const shared = await waitForFirst(deps, first, key, waitUntil - performance.now());
    if (shared !== null) return shared;
  }
  const outcome = lookUpOrWrite(deps, work, key);
  deps.inFlight.set(name, { payloadHash: key.payloadHash, outcome });
  try {
    return await outcome;
  } finally {
    deps.inFlight.delete(name);
  }
}

async function waitForFirst(
  { database }: WriteDeps,
  first: InFlightWrite,
  key: RequestKey,
  ms: number,
): Promise<WriteOutcome<never> | null> {
  try {
    const limits = { ms: Math.max(0, ms), signal: database.deadline?.signal };
    return await within(limits, outcomeOfFirst(first, key));
  } catch (error) {
    if (error instanceof TimeLimitError) return { kind: "in_progress" };
    throw error;
  }
}

/** What the first request's outcome means for a duplicate; null: nothing was stored, so the duplicate carries on. */
async function outcomeOfFirst(first: InFlightWrite, key: RequestKey): Promise<WriteOutcome<never> | null> {
  // The failure of the first is its own caller's to report.
  const outcome = await first.outcome.catch(() => undefined);
  if (outcome?.kind !== "answered" || !outcome.isStored) return null;
  return first.payloadHash === key.payloadHash ? replayOf(outcome.answer) : { kind: "conflict" };
}

async function lookUpOrWrite<Prepared, Made>(
  deps: WriteDeps,
  work: Write<Prepared, Made>,
  key: RequestKey,
): Promise<WriteOutcome<Made>> {
  const stored = work.isLookedUp === true ? undefined : await lookUp(deps, key);
  return stored ?? takeTurn(deps, work);
}

/** Runs the write when it is its turn among those of its aggregate. */
async function takeTurn<Prepared, Made>(
  deps: WriteDeps,
  work: Write<Prepared, Made>,
): Promise<WriteOutcome<Made>> {
  const { tenantId, aggregate } = work;
  if (aggregate === undefined) return commitWrite(deps, work);
  const limits = { ms: deps.turnWaitMs, signal: deps.database.deadline?.signal };
  try {
    return await deps.aggregates.run(JSON.stringify([tenantId, aggregate]), limits, () =>
      commitWrite(deps, work),
    );
  } catch (error) {
    if (!(error instanceof TimeLimitError)) throw error;
    throw plainError("lock_timeout", `others write ${aggregate} for too long`, error);
  }
}

/** Runs the write until an attempt is known to be committed. */
async function commitWrite<Prepared, Made>(
  deps: WriteDeps,
  work: Write<Prepared, Made>,
): Promise<WriteOutcome<Made>> {
  const prepared = await work.prepare();
  let lost: LostCommit<Made> | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const ended = await attemptWrite(deps, work, prepared, lost);
    if (ended.kind === "committed") return settle(deps, work.key, ended.written);
    if (ended.kind === "busy") return { kind: "in_progress" };
    if (ended.kind === "lost") lost = ended;
    const found = await findCommitted(deps, work, lost);
    if (found !== undefined) return found;
    if (attempt === MOST_ATTEMPTS) throw lost?.error ?? ended.error;
  }
}

/** An attempt whose COMMIT was sent and not answered. */
type LostCommit<Made> = {
  readonly kind: "lost";
  readonly written: Written<Made>;
  readonly error: DatabaseError;
};

type WriteAttemptEnd<Made> =
  | { readonly kind: "committed"; readonly written: Written<Made> }
  | LostCommit<Made>
  /** The key, or an id of the write, is there already: put there by another request or by a lost COMMIT. */
  | { readonly kind: "taken"; readonly error: DatabaseError }
  /** Another request with this key holds its lock. */
  | { readonly kind: "busy" };

async function attemptWrite<Prepared, Made>(
  deps: WriteDeps,
  work: Write<Prepared, Made>,
  prepared: Prepared,
  lost: LostCommit<Made> | undefined,
): Promise<WriteAttemptEnd<Made>> {
  try {
    const outcome = await runTransaction(deps.database, { tenantId: work.tenantId }, async (tx) => {
      const written = await writeOnce(deps, tx, work, prepared, lost?.written.made ?? null);
      // Under the locks of the write, a COMMIT that was still running when its connection died has ended: it may be what
      // this attempt is refused for. An attempt that wrote the same ids has proved that the other one did not land.
      const isRefused = written.made === null;
      if (isRefused && (await isCommitted(tx, work, lost))) throw new EarlierAttemptCommitted();
      return written;
    });
    const { result: written } = outcome;
    return outcome.isCommitted
      ? { kind: "committed", written }
      : { kind: "lost", written, error: outcome.error };
  } catch (error) {
    if (error instanceof EarlierAttemptCommitted && lost !== undefined) return { ...lost, kind: "committed" };
    if (error instanceof KeyLockTimeout) return { kind: "busy" };
    if (error instanceof DatabaseError && isTaken(error, lost !== undefined)) return { kind: "taken", error };
    // Whatever ended this attempt, the one before it may have landed.
    throw lost?.error ?? error;
  }
}

async function isCommitted<Prepared, Made>(
  tx: Tx,
  work: Write<Prepared, Made>,
  lost: LostCommit<Made> | undefined,
): Promise<boolean> {
  const made = lost?.written.made ?? null;
  return made !== null && "wasCommitted" in work && work.wasCommitted(tx, made);
}

/** Rolls an attempt back that came after one that landed. */
class EarlierAttemptCommitted extends Error {}

/** The wait for another request with the same key took too long; any other lock is not held by such a one. */
class KeyLockTimeout extends DatabaseError {}

async function writeOnce<Prepared, Made>(
  deps: WriteDeps,
  tx: Tx,
  work: Write<Prepared, Made>,
  prepared: Prepared,
  lost: Made | null,
): Promise<Written<Made>> {
  const { key } = work;
  if (key === null) return work.write(tx, prepared, lost);
  const locked = work.aggregate !== undefined ? waitForKey(lockKey(tx, key)) : undefined;
  const writing = work.write(tx, prepared, lost);
  // The statements behind a lock that cannot be had fail too, but it is the lock that tells why.
  writing.catch(() => undefined);
  await locked;
  const written = await writing;
  const { answer, record } = written;
  if (record !== null) await waitForKey(insertRecord(tx, key, answer, record, deps.clock()));
  return written;
}

async function waitForKey(waiting: Promise<void>): Promise<void> {
  try {
    await waiting;
  } catch (error) {
    const isTimeout = error instanceof DatabaseError && error.fault.kind === "lock_timeout";
    throw isTimeout ? new KeyLockTimeout(error.fault, error.message, error) : error;
  }
}

function isTaken({ fault }: DatabaseError, isRepeated: boolean): boolean {
  return fault.kind === "unique_violation" && (isRepeated || fault.constraint === "idempotency_record_pkey");
}

/** What a committed attempt comes to. What is not stored met no unique key: an answer stored meanwhile goes before it. */
async function settle<Made>(
  deps: WriteDeps,
  key: RequestKey | null,
  written: Written<Made>,
): Promise<WriteOutcome<Made>> {
  const { answer, made, record } = written;
  const isStored = key !== null && record !== null;
  const outcome: Answered<Made> = { kind: "answered", answer, made, isStored, isReplayed: false };
  return key === null || isStored ? outcome : ((await lookUp(deps, key)) ?? outcome);
}

/** Looks on a fresh connection for what an attempt before this moment, or another request, has committed. */
async function findCommitted<Prepared, Made>(
  deps: WriteDeps,
  work: Write<Prepared, Made>,
  lost: LostCommit<Made> | undefined,
): Promise<WriteOutcome<Made> | undefined> {
  const { key, tenantId } = work;
  try {
    if (key !== null) {
      const found = await lookUp(deps, key);
      const isOurs = found?.kind === "answered" && found.answer.body === lost?.written.answer.body;
      return isOurs ? { ...found, made: lost.written.made, isReplayed: false } : found;
    }
    const context = { tenantId, readOnly: true };
    const isThere = await inTransaction(deps.database, context, (tx) => isCommitted(tx, work, lost));
    return isThere && lost !== undefined ? await settle(deps, null, lost.written) : undefined;
  } catch (error) {
    throw lost !== undefined && databaseFault(error) !== undefined ? lost.error : error;
  }
}

async function lookUp(deps: WriteDeps, key: RequestKey): Promise<WriteOutcome<never> | undefined> {
  const context = { tenantId: key.tenantId, readOnly: true, pipelineCommit: true };
  const stored = await inTransaction(deps.database, context, (tx) => findStoredOutcome(tx, key));
  return stored?.kind === "stored" ? replayOf(stored.answer) : stored;
}

/** A stored answer as a repetition gets it. */
export function replayOf(answer: Answer): Answered<never> {
  return { kind: "answered", answer, made: null, isStored: true, isReplayed: true };
}

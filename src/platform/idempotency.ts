import type { Clock } from "./clock.ts";
import type { Database } from "./database/database.ts";
import { databaseFault } from "./database/errors.ts";
import { inTransaction, type Tx } from "./database/transaction.ts";

/** What goes back to the caller: the exact bytes, now or in ten years. */
export type Answer = { readonly status: number; readonly body: string };

/** Which request this is: (tenant, scope, key) is unique, the hash tells a retry from a different request. */
export type Claim = {
  readonly tenantId: string;
  readonly scope: string;
  readonly key: string;
  readonly payloadHash: string;
};

/**
 * What a write ends in. `keep`: stored under the claim together with the effect; `answerOfRun` names the run whose
 * stored result is the body, so that its bytes are not stored twice; `aboutRun`, the run that the record goes with;
 * `versionMade`, the proposal version that the record must go on pointing to. Without `keep` (a 403 or 404) the key stays free.
 */
export type Written = {
  readonly answer: Answer;
  readonly keep: boolean;
  readonly answerOfRun?: string;
  readonly aboutRun?: string;
  readonly versionMade?: { readonly proposalId: string; readonly versionNo: number };
};

type Answered = {
  readonly kind: "answered";
  readonly answer: Answer;
  readonly kept: boolean;
  readonly replayed: boolean;
};

export type OnceOutcome =
  | Answered
  | { readonly kind: "conflict" }
  | { readonly kind: "in_progress" }
  | { readonly kind: "inconsistent" };

/** Writes under way in this process, by claim: duplicates wait here instead of holding a connection. */
export type InFlight = Map<string, Flight>;

export type OnceDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly inFlight: InFlight;
  /** How long a duplicate waits for the first before it is told to come back. */
  readonly duplicateWaitMs: number;
};

export type Work<Prepared> = {
  /** Pure work ahead of the transaction; runs only when no stored answer serves. */
  readonly prepare: () => Prepared;
  /** The caller has looked for a stored answer itself, a moment ago, and found none. */
  readonly isLookedUp?: boolean;
  /** `write` waits for an aggregate's lock: twins then wait for each other ahead of it, and are told so. */
  readonly locksAggregate?: boolean;
  /** Writes everything that belongs together. A returned refusal commits and is kept; a thrown error rolls back. */
  readonly write: (tx: Tx, prepared: Prepared) => Promise<Written>;
};

/** A refused key cannot succeed when a duplicate straggles in; no network or queue holds one back for a month. */
const REFUSAL_KEPT_MS = 31 * 24 * 60 * 60 * 1000;

/** Rounds of write and look-up; more than two means that the database keeps losing COMMITs. */
const MOST_ROUNDS = 4;

/**
 * Does a write exactly once for its claim and answers every repetition with the stored bytes.
 *
 * The unique key of `idempotency_record` decides every race: the record commits with the effect or not at all. A rival
 * in another process makes the insert wait, then fail; its record is the answer. When the connection dies while COMMIT
 * is under way, the record tells on a fresh connection whether it landed; if it did not, the work runs again.
 * Faults of the database (overload, deadline, loss) are thrown: then nothing was written and the key is free.
 */
export async function once<Prepared>(
  deps: OnceDeps,
  claim: Claim,
  work: Work<Prepared>,
): Promise<OnceOutcome> {
  const flight = JSON.stringify([claim.tenantId, claim.scope, claim.key]);
  const startedAt = deps.clock().getTime();
  // Between the look that finds nobody and taking the place there is no await: only one caller becomes the first.
  for (let first = deps.inFlight.get(flight); first !== undefined; first = deps.inFlight.get(flight)) {
    const shared = await sharedOutcome(first, claim);
    if (shared !== undefined) return shared;
    if (deps.clock().getTime() - startedAt > deps.duplicateWaitMs) return { kind: "in_progress" };
  }
  const outcome = lookUpOrWrite(deps, claim, work);
  deps.inFlight.set(flight, { payloadHash: claim.payloadHash, outcome });
  try {
    return await outcome;
  } finally {
    deps.inFlight.delete(flight);
  }
}

type Flight = { readonly payloadHash: string; readonly outcome: Promise<OnceOutcome> };

/** What the first caller's outcome means for this one; undefined: nothing was kept, so this one carries on. */
async function sharedOutcome(first: Flight, claim: Claim): Promise<OnceOutcome | undefined> {
  // The failure of the first is its own caller's to report.
  const outcome = await first.outcome.catch(() => undefined);
  if (outcome?.kind !== "answered" || !outcome.kept) return undefined;
  return first.payloadHash === claim.payloadHash ? { ...outcome, replayed: true } : { kind: "conflict" };
}

async function lookUpOrWrite<Prepared>(
  deps: OnceDeps,
  claim: Claim,
  work: Work<Prepared>,
): Promise<OnceOutcome> {
  const waits: ClaimWaits = {};
  const stored = work.isLookedUp === true ? undefined : await lookUp(deps, claim);
  if (stored !== undefined) return stored;
  const prepared = work.prepare();
  for (let round = 1; ; round += 1) {
    try {
      const outcome = await writeUnderClaim(deps, claim, work, prepared, waits);
      // What is not kept met no unique key: a rival's answer, stored meanwhile, goes before it.
      return outcome.kept ? outcome : ((await lookUp(deps, claim)) ?? outcome);
    } catch (error) {
      const fault = databaseFault(error);
      // Any other lock is not held by a twin, and its wait is the caller's to repeat.
      if (fault?.kind === "lock_timeout" && error === waits.failure) return { kind: "in_progress" };
      if (!isClaimTaken(error) && fault?.kind !== "commit_outcome_unknown") throw error;
      const landed = await lookUp(deps, claim);
      if (landed !== undefined) return landed;
      if (round === MOST_ROUNDS) throw error;
    }
  }
}

/** What became of the last wait for a twin in another process. */
type ClaimWaits = { failure?: unknown };

async function writeUnderClaim<Prepared>(
  deps: OnceDeps,
  claim: Claim,
  work: Work<Prepared>,
  prepared: Prepared,
  waits: ClaimWaits,
): Promise<Answered> {
  const watched = (waiting: Promise<void>): Promise<void> =>
    waiting.catch((error: unknown) => {
      waits.failure = error;
      throw error;
    });
  const written = await inTransaction(deps.database, { tenantId: claim.tenantId }, async (tx) => {
    const locked = work.locksAggregate === true ? watched(lockClaim(tx, claim)) : undefined;
    const [written] = await Promise.all([work.write(tx, prepared), locked]);
    if (written.keep) await watched(insertRecord(tx, claim, written, deps.clock()));
    return written;
  });
  return { kind: "answered", answer: written.answer, kept: written.keep, replayed: false };
}

/**
 * Does a write that came without a key, which makes every request one of its own. `landed` looks for an id that only
 * this call can have written. Nothing is kept, a refusal neither.
 */
export async function always<Prepared>(
  deps: Pick<OnceDeps, "database">,
  tenantId: string,
  work: Pick<Work<Prepared>, "prepare" | "write"> & {
    readonly landed: (tx: Tx, prepared: Prepared) => Promise<boolean>;
  },
): Promise<Answered> {
  const prepared = work.prepare();
  let answer: Answer | undefined;
  await writeOnce(
    deps,
    tenantId,
    (tx) => work.landed(tx, prepared),
    async (tx) => {
      ({ answer } = await work.write(tx, prepared));
    },
  );
  if (answer === undefined) throw new Error("a write was committed without its answer");
  return { kind: "answered", answer, kept: false, replayed: false };
}

/**
 * Commits a write that no key stands for. It is known by `landed`, a look-up of an id that only this call can have
 * written, so a lost COMMIT still ends in the truth.
 */
export async function writeOnce(
  deps: Pick<OnceDeps, "database">,
  tenantId: string,
  landed: (tx: Tx) => Promise<boolean>,
  write: (tx: Tx) => Promise<void>,
): Promise<void> {
  for (let round = 1; ; round += 1) {
    try {
      await inTransaction(deps.database, { tenantId }, write);
      return;
    } catch (error) {
      const kind = databaseFault(error)?.kind;
      const mayHaveLanded = kind === "commit_outcome_unknown" || (round > 1 && kind === "unique_violation");
      if (!mayHaveLanded) throw error;
      if (await inTransaction(deps.database, { tenantId, readOnly: true }, landed)) return;
      if (round === MOST_ROUNDS) throw error;
    }
  }
}

function isClaimTaken(error: unknown): boolean {
  const fault = databaseFault(error);
  return fault?.kind === "unique_violation" && fault.constraint === "idempotency_record_pkey";
}

type RecordRow = {
  payload_hash: string;
  response_status: number;
  body: string | null;
  lacks_version: boolean;
};

function lookUp(deps: OnceDeps, claim: Claim): Promise<OnceOutcome | undefined> {
  const context = { tenantId: claim.tenantId, readOnly: true, pipelineCommit: true };
  return inTransaction(deps.database, context, (tx) => findOutcome(tx, claim));
}

async function lockClaim(tx: Tx, { tenantId, scope, key }: Claim): Promise<void> {
  const name = JSON.stringify(["idempotency", tenantId, scope, key]);
  await tx`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`;
}

/** What is stored under a claim; undefined: nothing, the key is free. */
export async function findOutcome(tx: Tx, claim: Claim): Promise<OnceOutcome | undefined> {
  const [row] = await tx<RecordRow>`
    select r.payload_hash, r.response_status, coalesce(r.response_body, p.result_text) as body,
           r.proposal_id is not null and v.version_no is null as lacks_version
      from idempotency_record r
      left join run_payload p
        on p.tenant_id = r.tenant_id
       and p.rebalance_run_id = r.rebalance_run_id
      left join proposal_version v
        on v.tenant_id = r.tenant_id
       and v.proposal_id = r.proposal_id
       and v.version_no = r.proposal_version_no
     where r.tenant_id = ${claim.tenantId}
       and r.scope = ${claim.scope}
       and r.idempotency_key = ${claim.key}`;
  if (row === undefined) return undefined;
  if (row.payload_hash !== claim.payloadHash) return { kind: "conflict" };
  if (row.body === null || row.lacks_version) return { kind: "inconsistent" };
  const answer = { status: row.response_status, body: row.body };
  return { kind: "answered", answer, kept: true, replayed: true };
}

/** Keeps what a write ended in under its claim, in the transaction of the write. Fails on a claim that is taken. */
export async function insertRecord(tx: Tx, claim: Claim, written: Written, now: Date): Promise<void> {
  const refused = written.answer.status >= 400;
  await tx`
    insert into idempotency_record
      (tenant_id, scope, idempotency_key, payload_hash, response_status, response_body, rebalance_run_id,
       proposal_id, proposal_version_no, created_at, expires_at)
    values
      (${claim.tenantId}, ${claim.scope}, ${claim.key}, ${claim.payloadHash}, ${written.answer.status},
       ${written.answerOfRun === undefined ? written.answer.body : null}, ${written.answerOfRun ?? written.aboutRun ?? null},
       ${written.versionMade?.proposalId ?? null}, ${written.versionMade?.versionNo ?? null},
       ${now.toISOString()}, ${refused ? new Date(now.getTime() + REFUSAL_KEPT_MS).toISOString() : null})`;
}

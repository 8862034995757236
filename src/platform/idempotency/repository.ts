import { sql, type SqlFragment, type Tx } from "../database/transaction.ts";
import type { Text } from "../text-parts.ts";

/** What goes back to the caller: the exact bytes, now or in ten years. */
export type Answer = { readonly status: number; readonly body: Text };

/** One kind of write under a key. */
export type IdempotencyScope = {
  /** As it is stored and counted: `rebalance.simulate`. */
  readonly name: string;
  /** The code for a record that lost what it points to. */
  readonly inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT" | "PROPOSAL_IDEMPOTENCY_STORE_INCONSISTENT";
  readonly storedAnswer: StoredAnswer;
};

/**
 * How the stored answer of a scope is read, as parts of one statement over `idempotency_record r`. Each feature says it
 * for its own scopes, as only it knows what its records point to.
 */
export type StoredAnswer = {
  readonly join: SqlFragment;
  /** The bytes of the answer; null where what the record points to is missing. */
  readonly body: SqlFragment;
};

/** The answer stands in the record itself. */
export const ANSWER_IN_RECORD: StoredAnswer = { join: sql``, body: sql`r.response_body` };

/** The key of a request: (tenant, recordScope, key) is unique, and the hash tells a retry from a different request. */
export type RequestKey = {
  readonly tenantId: string;
  readonly scope: IdempotencyScope;
  /** The name of the scope, with the id of the aggregate where a key is good for that one alone. */
  readonly recordScope: string;
  readonly key: string;
  /** Of the canonical JSON of the validated payload. */
  readonly payloadHash: string;
};

/** What a record goes with: it lives as long as that, and must go on pointing to it. */
export type RecordLinks = {
  readonly rebalanceRunId?: string;
  /** The body is the stored result of that run: its bytes are not stored twice. */
  readonly isBodyOfRun?: true;
  readonly proposal?: { readonly proposal_id: string; readonly version_no: number };
  readonly waveId?: string;
  /** What it changed may be gone within days: the record is stored as long as a refusal. */
  readonly isShortLived?: true;
};

/** What is stored under a key. `inconsistent`: the record points to something that is missing. */
export type StoredOutcome =
  | { readonly kind: "stored"; readonly answer: Answer & { readonly body: string } }
  | { readonly kind: "conflict" }
  | { readonly kind: "inconsistent" };

type RecordRow = {
  readonly payload_hash: string;
  readonly response_status: number;
  readonly body: string | null;
};

/** What is stored under a key; undefined: nothing, the key is free. */
export async function findStoredOutcome(tx: Tx, key: RequestKey): Promise<StoredOutcome | undefined> {
  const { join, body } = key.scope.storedAnswer;
  const [row] = await tx<RecordRow>`
    select r.payload_hash, r.response_status, ${body} as body
      from idempotency_record r
           ${join}
     where r.tenant_id = ${key.tenantId}
       and r.scope = ${key.recordScope}
       and r.idempotency_key = ${key.key}`;
  if (row === undefined) return undefined;
  if (row.payload_hash !== key.payloadHash) return { kind: "conflict" };
  if (row.body === null) return { kind: "inconsistent" };
  return { kind: "stored", answer: { status: row.response_status, body: row.body } };
}

/** A refused key cannot succeed when a duplicate straggles in; no network or queue holds one back for a month. */
const REFUSAL_STORED_MS = 31 * 24 * 60 * 60 * 1000;

/** Stores an answer under its key, in the transaction of the write. Fails on a key that is taken. */
export async function insertRecord(
  tx: Tx,
  key: RequestKey,
  answer: Answer,
  links: RecordLinks,
  now: Date,
): Promise<void> {
  const isTransient = answer.status >= 400 || links.isShortLived === true;
  const expiresAt = isTransient ? new Date(now.getTime() + REFUSAL_STORED_MS).toISOString() : null;
  await tx`
    insert into idempotency_record
      (tenant_id, scope, idempotency_key, payload_hash, response_status, response_body, rebalance_run_id,
       proposal_id, proposal_version_no, wave_id, created_at, expires_at)
    values
      (${key.tenantId}, ${key.recordScope}, ${key.key}, ${key.payloadHash}, ${answer.status},
       ${links.isBodyOfRun === true ? null : answer.body}, ${links.rebalanceRunId ?? null},
       ${links.proposal?.proposal_id ?? null}, ${links.proposal?.version_no ?? null}, ${links.waveId ?? null},
       ${now.toISOString()}, ${expiresAt})`;
}

/** Waits for the write of another process under the same key, until the transaction ends. */
export async function lockKey(tx: Tx, { tenantId, recordScope, key }: RequestKey): Promise<void> {
  const name = JSON.stringify(["idempotency", tenantId, recordScope, key]);
  await tx`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`;
}

import type { RunStatus } from "../../contract/rules.ts";
import { personOrNull } from "../../contract/person.ts";
import { sql, type SqlFragment, type Tx } from "../../platform/database/transaction.ts";
import type { TimePosition } from "../../platform/http/cursor.ts";
import { rowsToRead, type PageRequest } from "../../platform/http/pagination.ts";
import type { IdempotencyScope } from "../../platform/idempotency/repository.ts";
import type { Text } from "../../platform/text-parts.ts";
import type { DpmRunIdempotencyHistoryItem, DpmRunListItemResponse } from "./schemas.ts";

/** A run as it is written, and never changed: how to find it, and its documents byte for byte. */
export type RunRecord = {
  readonly rebalance_run_id: string;
  readonly correlation_id: string;
  readonly request_hash: string;
  readonly idempotency_key: string | null;
  readonly portfolio_id: string;
  readonly status: RunStatus;
  readonly batch_run_id: string | null;
  readonly policy_pack_id: string | null;
  readonly policy_pack_version: string | null;
  /** Which row of the pack's history that version was. */
  readonly policy_pack_revision: number | null;
  readonly engine_version: string;
  readonly input_hash: string;
  readonly result_hash: string;
  readonly created_at: string;
  /** What the engine was given, options in force included, as canonical JSON. */
  readonly input_text: string;
  /** The request where a policy pack made it differ from the input, else null. */
  readonly request_text: string | null;
  readonly result_text: string;
  /** The artifact where it is stored with its run, else null. */
  readonly artifact_text: string | null;
};

/** The documents of a run. */
export type RunDocuments = "input_text" | "request_text" | "result_text" | "artifact_text";

/** A run as it was made: its documents may be large. */
export type MadeRun = Omit<RunRecord, RunDocuments> & {
  readonly [name in RunDocuments]: Text | Extract<RunRecord[name], null>;
};

/**
 * Writes a run with its documents, its lineage and, where it had a key, the key's history. Pipelined: the statements are
 * sent together and run in this order. `submitter`: whom the token of its request names; null where there was none.
 */
export async function insertRun(
  tx: Tx,
  tenantId: string,
  run: MadeRun,
  submitter: string | null,
): Promise<void> {
  const { idempotency_key: key } = run;
  const statements = [
    insertRow(tx, tenantId, run, submitter),
    insertDocuments(tx, tenantId, run),
    insertEdge(tx, tenantId, run, "CORRELATION_TO_RUN", run.correlation_id),
  ];
  if (key !== null) {
    statements.push(
      insertEdge(tx, tenantId, run, "IDEMPOTENCY_TO_RUN", key),
      insertKeyHistory(tx, tenantId, key, run),
    );
  }
  await Promise.all(statements);
}

async function insertRow(tx: Tx, tenantId: string, run: MadeRun, submitter: string | null): Promise<void> {
  await tx`
    insert into rebalance_run
      (tenant_id, rebalance_run_id, correlation_id, request_hash, idempotency_key, portfolio_id, status, batch_run_id,
       policy_pack_id, policy_pack_version, policy_pack_revision, engine_version, input_hash, result_hash, created_at,
       authenticated_subject, subject_folded)
    values
      (${tenantId}, ${run.rebalance_run_id}, ${run.correlation_id}, ${run.request_hash}, ${run.idempotency_key},
       ${run.portfolio_id}, ${run.status}, ${run.batch_run_id}, ${run.policy_pack_id}, ${run.policy_pack_version},
       ${run.policy_pack_revision}, ${run.engine_version}, ${run.input_hash}, ${run.result_hash}, ${run.created_at},
       ${submitter}, ${personOrNull(submitter)})`;
}

async function insertDocuments(tx: Tx, tenantId: string, run: MadeRun): Promise<void> {
  await tx`
    insert into run_payload (tenant_id, rebalance_run_id, input_text, request_text, result_text, artifact_text)
    values (${tenantId}, ${run.rebalance_run_id}, ${run.input_text}, ${run.request_text}, ${run.result_text},
            ${run.artifact_text})`;
}

async function insertEdge(
  tx: Tx,
  tenantId: string,
  run: MadeRun,
  edgeType: "CORRELATION_TO_RUN" | "IDEMPOTENCY_TO_RUN",
  sourceEntityId: string,
): Promise<void> {
  await tx`
    insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
    values (${tenantId}, ${sourceEntityId}, ${edgeType}, ${run.rebalance_run_id}, ${run.created_at},
            jsonb_build_object('request_hash', ${run.request_hash}::text))`;
}

async function insertKeyHistory(tx: Tx, tenantId: string, key: string, run: MadeRun): Promise<void> {
  await tx`
    insert into idempotency_history
      (tenant_id, idempotency_key, rebalance_run_id, correlation_id, request_hash, created_at)
    values
      (${tenantId}, ${key}, ${run.rebalance_run_id}, ${run.correlation_id}, ${run.request_hash}, ${run.created_at})`;
}

/** Whether a run of this id was committed. */
export async function runExists(tx: Tx, tenantId: string, rebalanceRunId: string): Promise<boolean> {
  const rows = await tx`
    select 1
      from rebalance_run
     where tenant_id = ${tenantId}
       and rebalance_run_id = ${rebalanceRunId}`;
  return rows.length > 0;
}

/** A run as it is looked up, its result as the stored bytes. The artifact is null also where it was not asked for. */
export type StoredRun = Omit<
  RunRecord,
  "batch_run_id" | "policy_pack_id" | "policy_pack_version" | "policy_pack_revision" | "request_text"
> & {
  /** Whom the token of whoever submitted it names; null where there was none. */
  readonly authenticated_subject: string | null;
};

/** The ways to name one run. Several runs may share a correlation id or a request hash: the latest is meant. */
export type RunKey<By extends RunKeyName = RunKeyName> = By extends unknown
  ? { readonly by: By; readonly value: string }
  : never;
type RunKeyName = "rebalance_run_id" | "correlation_id" | "request_hash" | "idempotency_key";

export async function findRun(
  tx: Tx,
  tenantId: string,
  key: RunKey,
  withArtifact = false,
): Promise<StoredRun | undefined> {
  const [run] = await tx<StoredRun>`
    select ${storedRunColumns(withArtifact)}
      from rebalance_run r
      join run_payload p
        on p.tenant_id = r.tenant_id
       and p.rebalance_run_id = r.rebalance_run_id
     where r.tenant_id = ${tenantId}
       and ${runCondition(tenantId, key)}
     order by r.created_at desc, r.rebalance_run_id desc
     limit 1`;
  return run;
}

/**
 * A `StoredRun` of `rebalance_run r` and `run_payload p`. The artifact is as large as all the rest, so only who shows it
 * reads it.
 */
export function storedRunColumns(withArtifact: boolean): SqlFragment {
  return sql`
           r.rebalance_run_id, r.correlation_id, r.request_hash, r.idempotency_key, r.portfolio_id, r.status,
           r.engine_version, r.input_hash, r.result_hash, r.created_at, r.authenticated_subject,
           p.input_text, p.result_text,
           ${withArtifact ? sql`p.artifact_text` : sql`null as artifact_text`}`;
}

/** Which rows of `rebalance_run r` a key names. */
export function runCondition(tenantId: string, { by, value }: RunKey): SqlFragment {
  switch (by) {
    case "rebalance_run_id":
      return sql`r.rebalance_run_id = ${value}`;
    case "correlation_id":
      return sql`r.correlation_id = ${value}`;
    case "request_hash":
      return sql`r.request_hash = ${value}`;
    case "idempotency_key":
      return sql`r.rebalance_run_id = (
        select i.rebalance_run_id
          from idempotency_record i
         where ${keyCondition(tenantId, value)})`;
  }
}

export type RunFilters = {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly status?: string | undefined;
  readonly request_hash?: string | undefined;
  readonly portfolio_id?: string | undefined;
};

/** Newest first. The cost of a page does not depend on its depth. */
export async function listRuns(
  tx: Tx,
  filters: RunFilters,
  page: PageRequest<TimePosition>,
): Promise<readonly DpmRunListItemResponse[]> {
  const { tenantId, after } = page;
  const { from, to, status, request_hash, portfolio_id } = filters;
  return tx<DpmRunListItemResponse>`
    select rebalance_run_id, correlation_id, request_hash, idempotency_key, portfolio_id, status, created_at,
           authenticated_subject
      from rebalance_run
     where tenant_id = ${tenantId}
           ${status === undefined ? sql`` : sql`and status = ${status}`}
           ${request_hash === undefined ? sql`` : sql`and request_hash = ${request_hash}`}
           ${portfolio_id === undefined ? sql`` : sql`and portfolio_id = ${portfolio_id}`}
           ${from === undefined ? sql`` : sql`and created_at >= ${from}`}
           ${to === undefined ? sql`` : sql`and created_at <= ${to}`}
           ${after === undefined ? sql`` : sql`and (created_at, rebalance_run_id) < (${after.createdAt}, ${after.id})`}
     order by created_at desc, rebalance_run_id desc
     limit ${rowsToRead(page)}`;
}

/** The keys of simulate. Their answer is the result of their run, whose bytes are not stored twice. */
export const SIMULATE_SCOPE: IdempotencyScope = {
  name: "rebalance.simulate",
  inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT",
  storedAnswer: {
    join: sql`
      left join run_payload p
        on p.tenant_id = r.tenant_id
       and p.rebalance_run_id = r.rebalance_run_id`,
    body: sql`coalesce(r.response_body, p.result_text)`,
  },
};

/** The row of `idempotency_record i` that a key of simulate has. */
export function keyCondition(tenantId: string, key: string): SqlFragment {
  return sql`i.tenant_id = ${tenantId}
           and i.scope = ${SIMULATE_SCOPE.name}
           and i.idempotency_key = ${key}`;
}

/**
 * Lets a key point to a run, for a key that is not replayed: whatever it pointed to, the newest run has it, in whichever
 * order two of them commit.
 */
export async function mapKeyToRun(
  tx: Tx,
  tenantId: string,
  recordScope: string,
  key: string,
  run: MadeRun,
): Promise<void> {
  await tx`
    insert into idempotency_record as known
      (tenant_id, scope, idempotency_key, payload_hash, response_status, rebalance_run_id, created_at)
    values
      (${tenantId}, ${recordScope}, ${key}, ${run.request_hash}, 200, ${run.rebalance_run_id}, ${run.created_at})
        on conflict on constraint idempotency_record_pkey do update
       set payload_hash = excluded.payload_hash,
           rebalance_run_id = excluded.rebalance_run_id,
           created_at = excluded.created_at
     where (known.created_at, known.rebalance_run_id) < (excluded.created_at, excluded.rebalance_run_id)`;
}

export type RunKeyMapping = {
  readonly idempotency_key: string;
  readonly request_hash: string;
  /** Null where the run is missing that the record points to. */
  readonly rebalance_run_id: string | null;
  readonly created_at: string;
};

/** The run that a key of simulate maps to. */
export async function findKeyMapping(
  tx: Tx,
  tenantId: string,
  key: string,
): Promise<RunKeyMapping | undefined> {
  const [mapping] = await tx<RunKeyMapping>`
    select i.idempotency_key, i.payload_hash as request_hash, r.rebalance_run_id, i.created_at
      from idempotency_record i
      left join rebalance_run r
        on r.tenant_id = i.tenant_id
       and r.rebalance_run_id = i.rebalance_run_id
     where ${keyCondition(tenantId, key)}`;
  return mapping;
}

/**
 * A key leads to more than one run only where it is not replayed, and then to any number of them. One answer shows no
 * more than this; all of them can be paged through as the edges from the key, at GET /rebalance/lineage/{key}.
 */
const MOST_RUNS_OF_KEY = 1_000;

/** The runs that a key led to, oldest first: the newest `limit` of them. */
export async function listKeyHistory(
  tx: Tx,
  tenantId: string,
  key: string,
  limit = MOST_RUNS_OF_KEY,
): Promise<readonly DpmRunIdempotencyHistoryItem[]> {
  const newestFirst = await tx<DpmRunIdempotencyHistoryItem>`
    select rebalance_run_id, correlation_id, request_hash, created_at
      from idempotency_history
     where tenant_id = ${tenantId}
       and idempotency_key = ${key}
     order by created_at desc, rebalance_run_id desc
     limit ${limit}`;
  return newestFirst.toReversed();
}

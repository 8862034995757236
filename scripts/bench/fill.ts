import pg from "pg";
import { RebalanceRequest } from "../../src/contract/rebalance.ts";
import { simulateRebalance } from "../../src/engine/rebalance/simulate.ts";
import { canonicalJson } from "../../src/platform/json/canonical-json.ts";
import { sha256Hex } from "../../src/platform/hash.ts";
import { readJsonBody } from "../../src/platform/json/read-json.ts";
import { simulateBody } from "./portfolio.ts";

/** Fits a million rows on a laptop: a run of it takes some kilobytes. */
const POSITIONS = 5;
const BATCH = 5_000;
const TENANT = "default";
/** Runs are spread over the time before now. */
const DAYS = 90;
const RUN_ID = `rr_${"0".repeat(32)}`;

/**
 * Adds `rows` runs, evenly over the last 90 days, with all that belongs to them: payload, key, lineage, every fourth
 * without a key; a decision on half of those that need a review; an operation for every twentieth. Writes as requests
 * do, in the service's role and within one tenant, so whatever holds for theirs holds for these.
 */
export async function fill(url: string, rows: number, onProgress: (done: number) => void): Promise<void> {
  const session = new pg.Client({ connectionString: url, application_name: "ballast-fill" });
  await session.connect();
  try {
    const { documents, salt } = { documents: documentsOfARun(), salt: String(Date.now()) };
    for (let done = 0; done < rows; done += BATCH) {
      const last = Math.min(done + BATCH, rows);
      await fillBatch(session, documents, { first: done + 1, last, rows, salt });
      onProgress(last);
    }
    await session.query("vacuum analyze");
  } finally {
    await session.end();
  }
}

type Documents = { readonly inputText: string; readonly resultText: string };
type Batch = {
  readonly first: number;
  readonly last: number;
  readonly rows: number;
  /** Makes the rows of one fill differ from those of another. */
  readonly salt: string;
};

/** The documents of a real run; its id is put in later. */
function documentsOfARun(): Documents {
  const json = readJsonBody(Buffer.from(JSON.stringify(simulateBody(POSITIONS)), "utf8"));
  if (!json.ok) throw new Error(json.reason);
  const request = RebalanceRequest.parse(json.value);
  const inputText = canonicalJson(request);
  const result = simulateRebalance(request, {
    runId: RUN_ID,
    correlationId: "corr_fill",
    requestHash: `sha256:${sha256Hex(inputText)}`,
    idempotencyKey: null,
    engineVersion: "fill",
    defaultRulesVersion: "1" as const,
  });
  return { inputText, resultText: canonicalJson(result) };
}

async function fillBatch(session: pg.Client, documents: Documents, batch: Batch): Promise<void> {
  await session.query("begin");
  try {
    await session.query("set local role ballast_service");
    await session.query("select set_config('app.tenant_id', $1, true)", [TENANT]);
    for (const statement of STATEMENTS)
      await session.query(statement, [batch.salt, batch.first, batch.last, batch.rows]);
    await session.query(PAYLOADS, [
      batch.salt,
      batch.first,
      batch.last,
      batch.rows,
      documents.inputText,
      documents.resultText,
    ]);
    for (const statement of OF_RUNS)
      await session.query(statement, [batch.salt, batch.first, batch.last, batch.rows]);
    await session.query("commit");
  } catch (error) {
    await session.query("rollback");
    throw error;
  }
}

/** The runs of a batch, a function of their number alone: each statement works them out again. */
const RUN = `
  with run as (
    select n, '${TENANT}' as tenant_id,
           'rr_' || lpad(to_hex((extract(epoch from made_at) * 1000)::bigint), 12, '0') || '7'
                 || substr(md5($1 || ':' || n), 1, 19) as id,
           'corr_' || $1 || '_' || n as correlation_id,
           'sha256:' || encode(sha256(convert_to($1 || ':' || n / 2, 'UTF8')), 'hex') as request_hash,
           case when n % 4 > 0 then 'key_' || $1 || '_' || n end as key,
           'pf_' || lpad((n::bigint * 7919 % 5000)::text, 4, '0') as portfolio_id,
           case when n % 10 < 7 then 'READY' when n % 10 < 9 then 'PENDING_REVIEW' else 'BLOCKED' end as status,
           'dop_' || md5($1 || ':' || n) as operation_id,
           made_at
      from generate_series($2::int, $3::int) as n
     cross join lateral (
       select to_timestamp($1::float8 / 1000) - ($4::int - n) * (interval '${String(DAYS)} days' / $4::int)
              as made_at) as time)`;

const STATEMENTS = [
  `${RUN}
  insert into rebalance_run
    (tenant_id, rebalance_run_id, correlation_id, request_hash, idempotency_key, portfolio_id, status, engine_version,
     input_hash, result_hash, created_at)
  select tenant_id, id, correlation_id, request_hash, key, portfolio_id, status, 'fill', request_hash, request_hash,
         date_trunc('milliseconds', made_at)
    from run`,
];

const PAYLOADS = `${RUN}
  insert into run_payload (tenant_id, rebalance_run_id, input_text, result_text)
  select tenant_id, id, $5::text, replace($6::text, '${RUN_ID}', id)
    from run`;

const OF_RUNS = [
  `${RUN}
  insert into idempotency_record
    (tenant_id, scope, idempotency_key, payload_hash, response_status, rebalance_run_id, created_at)
  select tenant_id, 'rebalance.simulate', key, request_hash, 200, id, date_trunc('milliseconds', made_at)
    from run
   where key is not null`,
  `${RUN}
  insert into idempotency_history
    (tenant_id, idempotency_key, rebalance_run_id, correlation_id, request_hash, created_at)
  select tenant_id, key, id, correlation_id, request_hash, date_trunc('milliseconds', made_at)
    from run
   where key is not null`,
  `${RUN}
  insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
  select tenant_id, correlation_id, 'CORRELATION_TO_RUN', id, date_trunc('milliseconds', made_at),
         jsonb_build_object('request_hash', request_hash)
    from run
   union all
  select tenant_id, key, 'IDEMPOTENCY_TO_RUN', id, date_trunc('milliseconds', made_at),
         jsonb_build_object('request_hash', request_hash)
    from run
   where key is not null
   union all
  select tenant_id, operation_id, 'OPERATION_TO_CORRELATION', correlation_id, date_trunc('milliseconds', made_at),
         jsonb_build_object('operation_type', 'ANALYZE_SCENARIOS')
    from run
   where n % 20 = 0`,
  `${RUN}
  insert into run_decision
    (tenant_id, rebalance_run_id, decision_no, decision_id, action, from_status, to_status, reason_code, actor_id,
     decided_at, correlation_id, run_correlation_id, decision_hash)
  select tenant_id, id, 1, 'dwd_' || md5(id), case when n % 3 > 0 then 'APPROVE' else 'REJECT' end, 'PENDING_REVIEW',
         case when n % 3 > 0 then 'APPROVED' else 'REJECTED' end,
         (array['LIMITS_CHECKED', 'CLIENT_AGREED', 'TOO_CONCENTRATED', 'STALE_PRICES'])[1 + n % 4],
         'officer_' || n % 40, date_trunc('milliseconds', made_at + interval '1 hour'), 'review_' || correlation_id,
         correlation_id, request_hash
    from run
   where status = 'PENDING_REVIEW'
     and n % 2 = 0`,
  `${RUN}
  insert into async_operation
    (tenant_id, operation_id, operation_type, status, correlation_id, request_text, attempt, lease_owner, result_text,
     error_code, error_message, created_at, started_at, finished_at)
  select tenant_id, operation_id, 'ANALYZE_SCENARIOS', case when n % 100 > 0 then 'SUCCEEDED' else 'FAILED' end,
         correlation_id, '{}', 1, 'fill', case when n % 100 > 0 then '{"results":{}}' end,
         case when n % 100 = 0 then 'INFRASTRUCTURE_FAILURE' end, case when n % 100 = 0 then 'no database' end,
         date_trunc('milliseconds', made_at), made_at, made_at
    from run
   where n % 20 = 0`,
];

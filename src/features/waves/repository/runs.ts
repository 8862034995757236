import { personOrNull } from "../../../contract/person.ts";
import type { Tx } from "../../../platform/database/transaction.ts";
import type { RunRecord } from "../../runs/repository.ts";

/** An item and the run that it has come to. */
export type MadeRun = { readonly item_key: string; readonly run: RunRecord };

/** Whose runs they are. */
export type RunsOfWave = {
  readonly tenantId: string;
  readonly waveId: string;
  /** Whom the token of the wave's creation names; null where there was none. */
  readonly submitter: string | null;
};

/** What every run of one batch has in common. */
type Common = Pick<
  RunRecord,
  "policy_pack_id" | "policy_pack_version" | "policy_pack_revision" | "engine_version" | "created_at"
>;

/** The scope under which the items of a wave are recorded. */
export function itemRecordScope(waveId: string): string {
  return `waves.item ${waveId}`;
}

/** Documents that are sent without waiting: some hundred kilobytes, the work of a millisecond for the thread of HTTP. */
const DOCUMENTS_AT_ONCE = 4;

/**
 * Writes the runs of some items as `insertRun` writes one, many rows in a statement: run, documents, both edges, and the
 * record by which an item has one run, whatever happens. All of one calculation.
 */
export async function insertItemRuns(tx: Tx, wave: RunsOfWave, made: readonly MadeRun[]): Promise<void> {
  const [first] = made;
  if (first === undefined) return;
  const statements = [
    insertRuns(tx, wave, made, first.run),
    insertEdges(tx, wave, made, first.run),
    insertRecords(tx, wave, made, first.run),
  ];
  await Promise.all(statements);
  for (let at = 0; at < made.length; at += DOCUMENTS_AT_ONCE) {
    await Promise.all(
      made.slice(at, at + DOCUMENTS_AT_ONCE).map(({ run }) => insertDocuments(tx, wave.tenantId, run)),
    );
  }
}

async function insertRuns(
  tx: Tx,
  { tenantId, submitter }: RunsOfWave,
  made: readonly MadeRun[],
  common: Common,
): Promise<void> {
  await tx`
    insert into rebalance_run
      (tenant_id, rebalance_run_id, correlation_id, request_hash, portfolio_id, status, input_hash, result_hash,
       policy_pack_id, policy_pack_version, policy_pack_revision, engine_version, created_at,
       authenticated_subject, subject_folded)
    select ${tenantId}, made.*, ${common.policy_pack_id}, ${common.policy_pack_version},
           ${common.policy_pack_revision}::int, ${common.engine_version}, ${common.created_at}::timestamptz,
           ${submitter}, ${personOrNull(submitter)}
      from unnest(${made.map(({ run }) => run.rebalance_run_id)}::text[],
                  ${made.map(({ run }) => run.correlation_id)}::text[],
                  ${made.map(({ run }) => run.request_hash)}::text[],
                  ${made.map(({ run }) => run.portfolio_id)}::text[],
                  ${made.map(({ run }) => run.status)}::text[],
                  ${made.map(({ run }) => run.input_hash)}::text[],
                  ${made.map(({ run }) => run.result_hash)}::text[]) as made`;
}

async function insertEdges(
  tx: Tx,
  { tenantId, waveId }: RunsOfWave,
  made: readonly MadeRun[],
  { created_at }: Common,
): Promise<void> {
  await tx`
    insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
    select ${tenantId}, edge.source, edge.type, made.run_id, ${created_at}::timestamptz, edge.metadata
      from unnest(${made.map(({ item_key }) => item_key)}::text[],
                  ${made.map(({ run }) => run.rebalance_run_id)}::text[],
                  ${made.map(({ run }) => run.correlation_id)}::text[],
                  ${made.map(({ run }) => run.request_hash)}::text[])
           as made (item_key, run_id, correlation_id, request_hash)
     cross join lateral (values
           (made.correlation_id, 'CORRELATION_TO_RUN', jsonb_build_object('request_hash', made.request_hash)),
           (${waveId}, 'WAVE_TO_RUN',
            jsonb_build_object('request_hash', made.request_hash, 'item_key', made.item_key)))
           as edge (source, type, metadata)`;
}

async function insertRecords(
  tx: Tx,
  { tenantId, waveId }: RunsOfWave,
  made: readonly MadeRun[],
  { created_at }: Common,
): Promise<void> {
  await tx`
    insert into idempotency_record
      (tenant_id, scope, idempotency_key, payload_hash, response_status, rebalance_run_id, created_at)
    select ${tenantId}, ${itemRecordScope(waveId)}, made.item_key, made.request_hash, 200, made.run_id,
           ${created_at}::timestamptz
      from unnest(${made.map(({ item_key }) => item_key)}::text[],
                  ${made.map(({ run }) => run.request_hash)}::text[],
                  ${made.map(({ run }) => run.rebalance_run_id)}::text[]) as made (item_key, request_hash, run_id)`;
}

async function insertDocuments(tx: Tx, tenantId: string, run: RunRecord): Promise<void> {
  await tx`
    insert into run_payload (tenant_id, rebalance_run_id, input_text, request_text, result_text, artifact_text)
    values (${tenantId}, ${run.rebalance_run_id}, ${run.input_text}, ${run.request_text}, ${run.result_text},
            ${run.artifact_text})`;
}

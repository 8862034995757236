import type { Tx } from "../../../platform/database/transaction.ts";
import type { RunDecision } from "../../reviews/core.ts";
import { listRunDecisions, reviewRecordScope } from "../../reviews/repository.ts";
import { SIMULATE_SCOPE, type RunRecord, type StoredRun } from "../../runs/repository.ts";

type Documents = "input_text" | "request_text" | "result_text" | "artifact_text";

export type VerifiedRun = Omit<RunRecord, Documents> & Pick<StoredRun, "authenticated_subject">;

export type VerifiedPayload = Pick<RunRecord, Documents>;

export type VerifiedPack = {
  readonly policy_pack_id: string;
  readonly revision: number;
  readonly version: string | null;
  readonly definition_text: string | null;
  readonly definition_hash: string | null;
};

export type VerifiedEdge = {
  readonly source_entity_id: string;
  readonly edge_type: string;
  readonly target_entity_id: string;
  readonly created_at: string;
  readonly metadata: Readonly<Record<string, unknown>>;
};

/** The record of the run's key. One that is not replayed points to the newest of its runs. */
export type VerifiedKeyRecord = {
  readonly idempotency_key: string;
  readonly payload_hash: string;
  readonly response_status: number;
  readonly rebalance_run_id: string | null;
  readonly is_later_run_of_key: boolean;
};

export type VerifiedHistoryItem = {
  readonly idempotency_key: string;
  readonly correlation_id: string;
  readonly request_hash: string;
  readonly created_at: string;
};

/** The stored answer of an action on the run's review. */
export type VerifiedActionRecord = {
  readonly idempotency_key: string;
  readonly payload_hash: string;
  readonly response_status: number;
  readonly response_body: string | null;
};

/** The item of a wave that the run was made for, and the record by which it has one run; its fields null where it is missing. */
export type VerifiedWaveItem = {
  readonly wave_id: string;
  readonly item_key: string;
  readonly run_status: string;
  readonly result_hash: string;
  readonly wave_correlation_id: string;
  readonly record_payload_hash: string | null;
  readonly record_run_id: string | null;
};

/** Everything that is stored of a run. */
export type StoredEvidence = {
  readonly run: VerifiedRun;
  readonly payload: VerifiedPayload | undefined;
  readonly policyPack: VerifiedPack | undefined;
  readonly edges: readonly VerifiedEdge[];
  readonly keyRecord: VerifiedKeyRecord | undefined;
  readonly history: readonly VerifiedHistoryItem[];
  readonly decisions: readonly RunDecision[];
  readonly actionRecords: readonly VerifiedActionRecord[];
  readonly waveItem: VerifiedWaveItem | undefined;
};

/** Everything that is stored of a run; undefined where there is no such run. Pipelined, and of one snapshot. */
export async function readEvidence(
  tx: Tx,
  tenantId: string,
  rebalanceRunId: string,
): Promise<StoredEvidence | undefined> {
  const [[run], [payload], [policyPack], edges, [keyRecord], history, decisions, actionRecords, [waveItem]] =
    await Promise.all([
      readRun(tx, tenantId, rebalanceRunId),
      readPayload(tx, tenantId, rebalanceRunId),
      readPack(tx, tenantId, rebalanceRunId),
      readEdges(tx, tenantId, rebalanceRunId),
      readKeyRecord(tx, tenantId, rebalanceRunId),
      readHistory(tx, tenantId, rebalanceRunId),
      listRunDecisions(tx, tenantId, rebalanceRunId),
      readActionRecords(tx, tenantId, rebalanceRunId),
      readWaveItem(tx, tenantId, rebalanceRunId),
    ]);
  if (run === undefined) return undefined;
  // Plain arrays, which can be sent to a thread.
  return {
    run,
    payload,
    policyPack,
    edges: [...edges],
    keyRecord,
    history: [...history],
    decisions: [...decisions],
    actionRecords: [...actionRecords],
    waveItem,
  };
}

function readRun(tx: Tx, tenantId: string, rebalanceRunId: string) {
  return tx<VerifiedRun>`
    select rebalance_run_id, correlation_id, request_hash, idempotency_key, portfolio_id, status, batch_run_id,
           policy_pack_id, policy_pack_version, policy_pack_revision, engine_version, input_hash, result_hash,
           created_at, authenticated_subject
      from rebalance_run
     where tenant_id = ${tenantId}
       and rebalance_run_id = ${rebalanceRunId}`;
}

function readPayload(tx: Tx, tenantId: string, rebalanceRunId: string) {
  return tx<VerifiedPayload>`
    select input_text, request_text, result_text, artifact_text
      from run_payload
     where tenant_id = ${tenantId}
       and rebalance_run_id = ${rebalanceRunId}`;
}

function readPack(tx: Tx, tenantId: string, rebalanceRunId: string) {
  return tx<VerifiedPack>`
    select v.policy_pack_id, v.revision, v.version, v.definition_text, v.definition_hash
      from rebalance_run r
      join policy_pack_version v
        on v.tenant_id = r.tenant_id
       and v.policy_pack_id = r.policy_pack_id
       and v.revision = r.policy_pack_revision
     where r.tenant_id = ${tenantId}
       and r.rebalance_run_id = ${rebalanceRunId}`;
}

function readEdges(tx: Tx, tenantId: string, rebalanceRunId: string) {
  return tx<VerifiedEdge>`
    select source_entity_id, edge_type, target_entity_id, created_at, metadata
      from lineage_edge
     where tenant_id = ${tenantId}
       and target_entity_id = ${rebalanceRunId}
     order by created_at, edge_type, source_entity_id`;
}

function readKeyRecord(tx: Tx, tenantId: string, rebalanceRunId: string) {
  return tx<VerifiedKeyRecord>`
    select i.idempotency_key, i.payload_hash, i.response_status, i.rebalance_run_id,
           exists (
             select 1
               from idempotency_history h
              where h.tenant_id = i.tenant_id
                and h.idempotency_key = i.idempotency_key
                and h.rebalance_run_id = i.rebalance_run_id
                and (h.created_at, h.rebalance_run_id) > (r.created_at, r.rebalance_run_id)) as is_later_run_of_key
      from rebalance_run r
      join idempotency_record i
        on i.tenant_id = r.tenant_id
       and i.scope = ${SIMULATE_SCOPE.name}
       and i.idempotency_key = r.idempotency_key
     where r.tenant_id = ${tenantId}
       and r.rebalance_run_id = ${rebalanceRunId}`;
}

function readHistory(tx: Tx, tenantId: string, rebalanceRunId: string) {
  return tx<VerifiedHistoryItem>`
    select idempotency_key, correlation_id, request_hash, created_at
      from idempotency_history
     where tenant_id = ${tenantId}
       and rebalance_run_id = ${rebalanceRunId}
     order by created_at, idempotency_key`;
}

function readWaveItem(tx: Tx, tenantId: string, rebalanceRunId: string) {
  return tx<VerifiedWaveItem>`
    select i.wave_id, i.item_key, i.run_status, i.result_hash, w.correlation_id as wave_correlation_id,
           r.payload_hash as record_payload_hash, r.rebalance_run_id as record_run_id
      from wave_item i
      join wave w
        on w.tenant_id = i.tenant_id
       and w.wave_id = i.wave_id
      left join lateral (
           select k.payload_hash, k.rebalance_run_id
             from idempotency_record k
            where k.tenant_id = i.tenant_id
              and k.scope = 'waves.item ' || i.wave_id
              and k.idempotency_key = i.item_key
            limit 1) r
        on true
     where i.tenant_id = ${tenantId}
       and i.rebalance_run_id = ${rebalanceRunId}`;
}

function readActionRecords(tx: Tx, tenantId: string, rebalanceRunId: string) {
  return tx<VerifiedActionRecord>`
    select idempotency_key, payload_hash, response_status, response_body
      from idempotency_record
     where tenant_id = ${tenantId}
       and scope = ${reviewRecordScope(rebalanceRunId)}
     order by created_at, idempotency_key`;
}

import type { Tx } from "../../../platform/database/transaction.ts";
import { listRunDecisions, reviewScope } from "../../reviews/repository.ts";
import type {
  VerifiedRun,
  VerifiedPayload,
  VerifiedPack,
  VerifiedEdge,
  VerifiedKeyRecord,
  VerifiedHistoryItem,
  VerifiedActionRecord,
  StoredEvidence,
} from "../evidence.ts";

/** One flight of statements, and one snapshot for all of them. */
export async function readEvidence(
  tx: Tx,
  tenantId: string,
  rebalanceRunId: string,
): Promise<StoredEvidence | undefined> {
  const [[run], [payload], [policyPack], edges, [keyRecord], history, decisions, actionRecords] =
    await Promise.all([
      readRun(tx, tenantId, rebalanceRunId),
      readPayload(tx, tenantId, rebalanceRunId),
      readPack(tx, tenantId, rebalanceRunId),
      readEdges(tx, tenantId, rebalanceRunId),
      readKeyRecord(tx, tenantId, rebalanceRunId),
      readHistory(tx, tenantId, rebalanceRunId),
      listRunDecisions(tx, tenantId, rebalanceRunId),
      readActionRecords(tx, tenantId, rebalanceRunId),
    ]);
  if (run === undefined) return undefined;
  return { run, payload, policyPack, edges, keyRecord, history, decisions, actionRecords };
}

function readRun(tx: Tx, tenantId: string, rebalanceRunId: string) {
  return tx<VerifiedRun>`
    select rebalance_run_id, correlation_id, request_hash, idempotency_key, portfolio_id, status, batch_run_id,
           policy_pack_id, policy_pack_version, policy_pack_revision, engine_version, input_hash, result_hash, created_at
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
       and i.scope = 'rebalance.simulate'
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

function readActionRecords(tx: Tx, tenantId: string, rebalanceRunId: string) {
  return tx<VerifiedActionRecord>`
    select idempotency_key, payload_hash, response_status, response_body
      from idempotency_record
     where tenant_id = ${tenantId}
       and scope = ${reviewScope(rebalanceRunId)}
     order by created_at, idempotency_key`;
}

import type { Tx } from "../../platform/database/transaction.ts";

/** A run as it is written, once: how to find it, and its documents byte for byte. */
export type RunRecord = {
  readonly rebalanceRunId: string;
  readonly correlationId: string;
  readonly requestHash: string;
  readonly idempotencyKey: string | null;
  readonly portfolioId: string;
  readonly status: string;
  readonly batchRunId: string | null;
  readonly policyPackId: string | null;
  readonly policyPackVersion: string | null;
  /** Which row of the pack's history that version was. */
  readonly policyPackRevision: number | null;
  readonly engineVersion: string;
  readonly inputHash: string;
  readonly resultHash: string;
  readonly createdAt: string;
  /** What the engine was given, options in force included, as canonical JSON. */
  readonly inputText: string;
  /** The request where a policy pack made it differ from the input, else null. */
  readonly requestText: string | null;
  readonly resultText: string;
  /** The artifact where it is stored with its run, else null. */
  readonly artifactText: string | null;
};

/**
 * Writes a run with its documents, its lineage and, where it had a key, the key's history. One flight to the database:
 * the statements are sent together and run in this order.
 */
export async function insertRun(tx: Tx, tenantId: string, run: RunRecord): Promise<void> {
  const statements = [
    insertRunRow(tx, tenantId, run),
    insertPayload(tx, tenantId, run),
    insertEdge(tx, tenantId, run, "CORRELATION_TO_RUN", run.correlationId),
  ];
  if (run.idempotencyKey !== null) {
    statements.push(
      insertEdge(tx, tenantId, run, "IDEMPOTENCY_TO_RUN", run.idempotencyKey),
      insertKeyHistory(tx, tenantId, run, run.idempotencyKey),
    );
  }
  await Promise.all(statements);
}

async function insertRunRow(tx: Tx, tenantId: string, run: RunRecord): Promise<void> {
  await tx`
    insert into rebalance_run
      (tenant_id, rebalance_run_id, correlation_id, request_hash, idempotency_key, portfolio_id, status, batch_run_id,
       policy_pack_id, policy_pack_version, policy_pack_revision, engine_version, input_hash, result_hash, created_at)
    values
      (${tenantId}, ${run.rebalanceRunId}, ${run.correlationId}, ${run.requestHash}, ${run.idempotencyKey},
       ${run.portfolioId}, ${run.status}, ${run.batchRunId}, ${run.policyPackId}, ${run.policyPackVersion}, ${run.policyPackRevision},
       ${run.engineVersion}, ${run.inputHash}, ${run.resultHash}, ${run.createdAt})`;
}

async function insertPayload(tx: Tx, tenantId: string, run: RunRecord): Promise<void> {
  if (run.artifactText !== null) return insertPayloadWithArtifact(tx, tenantId, run, run.artifactText);
  await tx`
    insert into run_payload (tenant_id, rebalance_run_id, input_text, request_text, result_text)
    values (${tenantId}, ${run.rebalanceRunId}, ${run.inputText}, ${run.requestText}, ${run.resultText})`;
}

async function insertPayloadWithArtifact(
  tx: Tx,
  tenantId: string,
  run: RunRecord,
  artifactText: string,
): Promise<void> {
  await tx`
    insert into run_payload (tenant_id, rebalance_run_id, input_text, request_text, result_text, artifact_text)
    values (${tenantId}, ${run.rebalanceRunId}, ${run.inputText}, ${run.requestText}, ${run.resultText}, ${artifactText})`;
}

async function insertEdge(
  tx: Tx,
  tenantId: string,
  run: RunRecord,
  edgeType: "CORRELATION_TO_RUN" | "IDEMPOTENCY_TO_RUN",
  sourceEntityId: string,
): Promise<void> {
  await tx`
    insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
    values (${tenantId}, ${sourceEntityId}, ${edgeType}, ${run.rebalanceRunId}, ${run.createdAt},
            jsonb_build_object('request_hash', ${run.requestHash}::text))`;
}

async function insertKeyHistory(tx: Tx, tenantId: string, run: RunRecord, key: string): Promise<void> {
  await tx`
    insert into idempotency_history
      (tenant_id, idempotency_key, rebalance_run_id, correlation_id, request_hash, created_at)
    values
      (${tenantId}, ${key}, ${run.rebalanceRunId}, ${run.correlationId}, ${run.requestHash}, ${run.createdAt})`;
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

/**
 * Lets a key point to a run, for a key that is not replayed: whatever it pointed to, the newest run has it, in whichever
 * order two of them commit.
 */
export async function mapKeyToRun(
  tx: Tx,
  tenantId: string,
  scope: string,
  key: string,
  run: RunRecord,
): Promise<void> {
  await tx`
    insert into idempotency_record as known
      (tenant_id, scope, idempotency_key, payload_hash, response_status, rebalance_run_id, created_at)
    values
      (${tenantId}, ${scope}, ${key}, ${run.requestHash}, 200, ${run.rebalanceRunId}, ${run.createdAt})
        on conflict on constraint idempotency_record_pkey do update
       set payload_hash = excluded.payload_hash,
           rebalance_run_id = excluded.rebalance_run_id,
           created_at = excluded.created_at
     where (known.created_at, known.rebalance_run_id) < (excluded.created_at, excluded.rebalance_run_id)`;
}

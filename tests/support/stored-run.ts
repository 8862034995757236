import type { Database } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import { newId } from "../../src/platform/ids.ts";
import { insertRun } from "../../src/features/runs/repository.ts";
import { TENANT } from "./operations.ts";

const HASH = `sha256:${"0".repeat(64)}`;

/** Stores a run with its edges and its key's history, without simulating anything, and returns its id. */
export async function storeRun(
  database: Database,
  run: {
    readonly key: string | null;
    readonly status: "READY" | "PENDING_REVIEW" | "BLOCKED";
    readonly createdAt?: string;
    readonly tenantId?: string;
  },
): Promise<string> {
  const { key, status, createdAt = new Date().toISOString(), tenantId = TENANT } = run;
  const rebalanceRunId = newId("rr_");
  const record = {
    rebalance_run_id: rebalanceRunId,
    correlation_id: `corr-${rebalanceRunId}`,
    request_hash: HASH,
    idempotency_key: key,
    portfolio_id: "pf-1",
    status,
    batch_run_id: null,
    policy_pack_id: null,
    policy_pack_version: null,
    policy_pack_revision: null,
    engine_version: "test",
    input_hash: HASH,
    result_hash: HASH,
    created_at: createdAt,
    input_text: "{}",
    request_text: null,
    result_text: "{}",
    artifact_text: null,
  };
  await inTransaction(database, { tenantId }, (tx) => insertRun(tx, tenantId, record, null));
  return rebalanceRunId;
}

import type { Database } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import { newId } from "../../src/platform/ids.ts";
import { insertRun } from "../../src/features/runs/record.ts";
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
    rebalanceRunId,
    correlationId: `corr-${rebalanceRunId}`,
    requestHash: HASH,
    idempotencyKey: key,
    portfolioId: "pf-1",
    status,
    batchRunId: null,
    policyPackId: null,
    policyPackVersion: null,
    policyPackRevision: null,
    engineVersion: "test",
    inputHash: HASH,
    resultHash: HASH,
    createdAt,
    inputText: "{}",
    requestText: null,
    resultText: "{}",
    artifactText: null,
  };
  await inTransaction(database, { tenantId }, (tx) => insertRun(tx, tenantId, record));
  return rebalanceRunId;
}

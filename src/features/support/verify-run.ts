import { inTransaction } from "../../platform/database/transaction.ts";
import type { Runtime } from "../../runtime.ts";
import { costOfVerification, VERIFY_RUN } from "./calculations.ts";
import { readEvidence } from "./repository/evidence.ts";
import type { DpmRunVerificationResponse } from "./schemas.ts";

/** Verifies a run against everything that is stored of it, as of one moment. Undefined: there is no such run. */
export async function verifyRun(
  { database, engineVersion, calculations }: Pick<Runtime, "database" | "engineVersion" | "calculations">,
  tenantId: string,
  rebalanceRunId: string,
): Promise<DpmRunVerificationResponse | undefined> {
  const evidence = await inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    readEvidence(tx, tenantId, rebalanceRunId),
  );
  if (evidence === undefined) return undefined;
  const terms = { cost: costOfVerification(evidence) };
  const failures = await calculations.run(VERIFY_RUN, { tenantId, evidence, engineVersion }, terms);
  const { payload, policyPack, edges, keyRecord, history, decisions, actionRecords, waveItem } = evidence;
  const ofKeys = (keyRecord === undefined ? 0 : 1) + ((waveItem?.record_run_id ?? null) === null ? 0 : 1);
  return {
    checked: {
      artifacts: (payload?.artifact_text ?? null) === null ? 0 : 1,
      decisions: decisions.length,
      idempotency_history: history.length,
      idempotency_records: actionRecords.length + ofKeys,
      lineage_edges: edges.length,
      payloads: payload === undefined ? 0 : 1,
      policy_packs: policyPack === undefined ? 0 : 1,
      runs: 1,
      wave_items: waveItem === undefined ? 0 : 1,
    },
    failures: [...failures],
    rebalance_run_id: rebalanceRunId,
    valid: failures.length === 0,
  };
}

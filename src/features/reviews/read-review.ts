import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import type { Runtime } from "../../runtime.ts";
import { whyMissing, type AboutRun } from "../runs/missing-run.ts";
import type { PathRunKey } from "../runs/run-paths.ts";
import { decisionView, reviewOf, type ReviewedRun } from "./core.ts";
import { findLatestDecision, findReviewedRun, listRunDecisions } from "./repository.ts";
import type { DpmRunWorkflowHistoryResponse, DpmRunWorkflowResponse } from "./schemas.ts";

/** The run that a key names, as its review knows it. */
export async function findRunUnderReview(
  tx: Tx,
  tenantId: string,
  key: PathRunKey,
): Promise<AboutRun<ReviewedRun>> {
  const run = await findReviewedRun(tx, tenantId, key);
  return run === undefined ? whyMissing(tx, tenantId, key) : { kind: "found", value: run };
}

/** The state of the review of a run. */
export function readReview(
  { database, config }: Pick<Runtime, "database" | "config">,
  tenantId: string,
  key: PathRunKey,
): Promise<AboutRun<DpmRunWorkflowResponse>> {
  const { requiredForStatuses } = config.rebalance.review;
  return inTransaction(database, { tenantId, readOnly: true }, async (tx) => {
    const run = await findRunUnderReview(tx, tenantId, key);
    if (run.kind !== "found") return run;
    const latest = await findLatestDecision(tx, tenantId, run.value.rebalance_run_id);
    return { kind: "found", value: reviewOf(run.value, latest, requiredForStatuses) };
  });
}

/** Every decision about a run, in the order in which they were taken. */
export function readReviewHistory(
  { database }: Pick<Runtime, "database">,
  tenantId: string,
  key: PathRunKey,
): Promise<AboutRun<DpmRunWorkflowHistoryResponse>> {
  return inTransaction(database, { tenantId, readOnly: true }, async (tx) => {
    const run = await findRunUnderReview(tx, tenantId, key);
    if (run.kind !== "found") return run;
    const { rebalance_run_id: run_id } = run.value;
    const decisions = await listRunDecisions(tx, tenantId, run_id);
    return { kind: "found", value: { decisions: decisions.map(decisionView), run_id } };
  });
}

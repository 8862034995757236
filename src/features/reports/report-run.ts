import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import type { Runtime } from "../../runtime.ts";
import { reviewOf } from "../reviews/core.ts";
import { listRunDecisions } from "../reviews/repository.ts";
import { findRun } from "../runs/repository.ts";
import { verifyRun } from "../support/verify-run.ts";
import { costOfReport, REPORT_RUN, type RunReportInput } from "./calculations.ts";
import type { LanguageTag } from "./language.ts";

type Deps = Pick<Runtime, "database" | "calculations" | "clock" | "config" | "engineVersion">;

/** The page of a run, and whether all that is stored of it holds at this moment. Undefined: there is no such run. */
export async function reportRun(
  deps: Deps,
  tenantId: string,
  runId: string,
  language: LanguageTag,
): Promise<string | undefined> {
  const { database, calculations, clock, config } = deps;
  const stored = await inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    readStored(tx, tenantId, runId, config.rebalance.review),
  );
  if (stored === undefined) return undefined;
  const verification = config.rebalance.areSupportApisEnabled
    ? ((await verifyRun(deps, tenantId, runId)) ?? null)
    : null;
  const input = { ...stored, verification, language, reportedAt: clock().toISOString() };
  const { input_text, result_text } = stored.run;
  return calculations.run(REPORT_RUN, input, { cost: costOfReport(input_text, result_text) });
}

async function readStored(
  tx: Tx,
  tenantId: string,
  runId: string,
  review: Deps["config"]["rebalance"]["review"],
): Promise<Pick<RunReportInput, "run" | "review"> | undefined> {
  const [run, found] = await Promise.all([
    findRun(tx, tenantId, { by: "rebalance_run_id", value: runId }, true),
    review.isEnabled ? listRunDecisions(tx, tenantId, runId) : [],
  ]);
  if (run === undefined) return undefined;
  // A plain array, which can be sent to a thread.
  const decisions = [...found];
  const { workflow_status: status } = reviewOf(run, decisions.at(-1), review.requiredForStatuses);
  return { run, review: review.isEnabled ? { status, decisions } : null };
}

import { BatchRebalanceResult, RebalanceResult } from "../../contract/rebalance.ts";
import { answer, headerDocs, linksBy } from "../../platform/http/route-docs.ts";
import { DpmAsyncAcceptedResponse } from "../operations/schemas.ts";
import {
  AnalyzeAsyncBody,
  AnalyzeBody,
  MOST_CALCULATED,
  MOST_CALCULATED_ASYNC,
  RebalanceBody,
} from "./bodies.ts";

/** What can be asked about a run that was made. */
export const RUN_LINKS = {
  ...linksBy(
    "rebalance_run_id",
    "rebalance_run_id",
    "getRun",
    "getRunArtifact",
    "getRunReport",
    "reproduceRun",
    "verifyRun",
    "getRunReview",
    "actOnRunReview",
    "getSupportBundle",
  ),
  ...linksBy("correlation_id", "correlation_id", "actOnRunReviewByCorrelation"),
};

/** What can be asked about an operation that was accepted, and done with it. */
export const OPERATION_LINKS = {
  ...linksBy(
    "operation_id",
    "operation_id",
    "getOperation",
    "executeOperation",
    "retryOperation",
    "cancelOperation",
    "getSupportBundleByOperation",
  ),
  ...linksBy("correlation_id", "correlation_id", "getOperationByCorrelation"),
};

const TENANT_DEFAULT = "The tenant's default pack, where the request names none.";

const policyHeaders = headerDocs({
  "X-Policy-Pack-Id": "The policy pack that shapes this run.",
  "X-Tenant-Policy-Pack-Id": TENANT_DEFAULT,
});

export const simulateRebalance = {
  operationId: "simulateRebalance",
  tags: ["Rebalancing"],
  summary: "Simulate a discretionary rebalance and store the run",
  description:
    "The outcome is in `status`: READY, PENDING_REVIEW or BLOCKED. The same key and payload again is answered with the stored bytes and `Idempotent-Replayed: true`.",
  headers: policyHeaders,
  body: RebalanceBody,
  response: { 200: answer("The result of the run.", RebalanceResult) },
};

export const analyzeScenarios = {
  operationId: "analyzeScenarios",
  tags: ["Rebalancing"],
  summary: "Simulate 1 to 20 what-if scenarios of one portfolio and store their runs",
  description: `Bad options of one scenario fail that scenario alone; the others run. Positions (or targets, where there are more) times scenarios are at most ${MOST_CALCULATED}: larger batches, up to ${MOST_CALCULATED_ASYNC}, belong to the asynchronous form.`,
  headers: policyHeaders,
  body: AnalyzeBody,
  response: { 200: answer("All scenarios side by side.", BatchRebalanceResult) },
};

export const analyzeScenariosAsync = {
  operationId: "analyzeScenariosAsync",
  tags: ["Operations"],
  summary: "Accept a what-if batch, to be done exactly once whatever crashes",
  description:
    "The answer leaves once the operation is stored. It says PENDING, as does every repetition of it; `status_url` says how far it is. Positions times scenarios are at most " +
    `${MOST_CALCULATED_ASYNC}.`,
  headers: headerDocs({
    "X-Policy-Pack-Id": "The policy pack that shapes the runs.",
    "X-Tenant-Policy-Pack-Id": TENANT_DEFAULT,
  }),
  body: AnalyzeAsyncBody,
  response: { 202: answer("The operation that was accepted.", DpmAsyncAcceptedResponse) },
};

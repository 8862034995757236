import * as z from "zod";
import { pageOf } from "../../contract/page.ts";
import { RebalanceResult } from "../../contract/rebalance.ts";
import { Hash, identifier, matching, text, Timestamp } from "../../contract/scalars.ts";
import { wireObject } from "../../contract/wire.ts";
import { DpmAsyncOperationStatusResponse } from "../operations/schemas.ts";

const freeObject = z.record(z.string(), z.unknown());

const runReference = {
  rebalance_run_id: z.string(),
  correlation_id: z.string(),
  request_hash: z.string(),
};

const runHead = {
  ...runReference,
  idempotency_key: z.string().nullable(),
  portfolio_id: z.string(),
};

export const DpmRunLookupResponse = z
  .strictObject({ ...runHead, created_at: Timestamp, result: RebalanceResult })
  .meta({ id: "DpmRunLookupResponse" });
export type DpmRunLookupResponse = z.output<typeof DpmRunLookupResponse>;

export const DpmRunListItemResponse = z
  .strictObject({ ...runHead, status: z.string(), created_at: Timestamp })
  .meta({ id: "DpmRunListItemResponse" });
export type DpmRunListItemResponse = z.output<typeof DpmRunListItemResponse>;

export const DpmRunListResponse = pageOf(DpmRunListItemResponse).meta({ id: "DpmRunListResponse" });
export type DpmRunListResponse = z.output<typeof DpmRunListResponse>;

export const DpmRunIdempotencyLookupResponse = z
  .strictObject({
    idempotency_key: z.string(),
    request_hash: z.string(),
    rebalance_run_id: z.string(),
    created_at: Timestamp,
  })
  .meta({ id: "DpmRunIdempotencyLookupResponse" });
export type DpmRunIdempotencyLookupResponse = z.output<typeof DpmRunIdempotencyLookupResponse>;

export const DpmRunIdempotencyHistoryItem = z
  .strictObject({ ...runReference, created_at: Timestamp })
  .meta({ id: "DpmRunIdempotencyHistoryItem" });
export type DpmRunIdempotencyHistoryItem = z.output<typeof DpmRunIdempotencyHistoryItem>;

export const DpmRunIdempotencyHistoryResponse = z
  .strictObject({ idempotency_key: z.string(), history: z.array(DpmRunIdempotencyHistoryItem) })
  .meta({ id: "DpmRunIdempotencyHistoryResponse" });
export type DpmRunIdempotencyHistoryResponse = z.output<typeof DpmRunIdempotencyHistoryResponse>;

export const LineageEdgeType = z.enum([
  "CORRELATION_TO_RUN",
  "IDEMPOTENCY_TO_RUN",
  "OPERATION_TO_CORRELATION",
]);
export type LineageEdgeType = z.output<typeof LineageEdgeType>;

export const DpmLineageEdgeResponse = z
  .strictObject({
    source_entity_id: z.string(),
    edge_type: LineageEdgeType,
    target_entity_id: z.string(),
    created_at: Timestamp,
    metadata: freeObject,
  })
  .meta({ id: "DpmLineageEdgeResponse" });
export type DpmLineageEdgeResponse = z.output<typeof DpmLineageEdgeResponse>;

export const DpmLineageResponse = z
  .strictObject({
    entity_id: z.string(),
    edges: z.array(DpmLineageEdgeResponse),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: "DpmLineageResponse" });
export type DpmLineageResponse = z.output<typeof DpmLineageResponse>;

export const DpmRunArtifactResponse = z
  .strictObject({
    artifact_id: z.string(),
    artifact_version: z.string(),
    rebalance_run_id: z.string(),
    correlation_id: z.string(),
    idempotency_key: z.string().nullable(),
    portfolio_id: z.string(),
    status: z.string(),
    request_snapshot: freeObject,
    before_summary: freeObject,
    after_summary: freeObject,
    order_intents: z.array(freeObject),
    rule_outcomes: z.array(freeObject),
    diagnostics: freeObject,
    result: RebalanceResult,
    evidence: z
      .strictObject({
        engine_version: z.string(),
        run_created_at: Timestamp,
        hashes: z
          .strictObject({ request_hash: z.string(), artifact_hash: Hash })
          .meta({ id: "DpmRunArtifactHashes" }),
      })
      .meta({ id: "DpmRunArtifactEvidence" }),
  })
  .meta({ id: "DpmRunArtifactResponse" });
export type DpmRunArtifactResponse = z.output<typeof DpmRunArtifactResponse>;

/** `differences`: JSON pointers to what came out otherwise. */
export const DpmRunReproduceResponse = z
  .strictObject({
    rebalance_run_id: z.string(),
    reproducible: z.boolean(),
    stored_result_hash: Hash,
    recomputed_result_hash: Hash,
    engine_version: z.string(),
    stored_engine_version: z.string(),
    differences: z.array(z.string()),
  })
  .meta({ id: "DpmRunReproduceResponse" });
export type DpmRunReproduceResponse = z.output<typeof DpmRunReproduceResponse>;

export const WorkflowAction = z.enum(["APPROVE", "REJECT", "REQUEST_CHANGES"]);
export type WorkflowAction = z.output<typeof WorkflowAction>;

export const WorkflowStatus = z.enum(["NOT_REQUIRED", "PENDING_REVIEW", "APPROVED", "REJECTED"]);
export type WorkflowStatus = z.output<typeof WorkflowStatus>;

export const DpmRunWorkflowActionRequest = wireObject({
  action: WorkflowAction,
  reason_code: matching(/^[A-Z][A-Z0-9_]*$/),
  comment: text.nullable().default(null),
  actor_id: identifier,
}).meta({ id: "DpmRunWorkflowActionRequest" });
export type DpmRunWorkflowActionRequest = z.output<typeof DpmRunWorkflowActionRequest>;

export const DpmRunWorkflowDecisionResponse = z
  .strictObject({
    decision_id: z.string(),
    run_id: z.string(),
    action: WorkflowAction,
    reason_code: z.string(),
    comment: z.string().nullable(),
    actor_id: z.string(),
    decided_at: Timestamp,
    correlation_id: z.string(),
  })
  .meta({ id: "DpmRunWorkflowDecisionResponse" });
export type DpmRunWorkflowDecisionResponse = z.output<typeof DpmRunWorkflowDecisionResponse>;

export const DpmRunWorkflowResponse = z
  .strictObject({
    run_id: z.string(),
    run_status: z.string(),
    workflow_status: WorkflowStatus,
    requires_review: z.boolean(),
    latest_decision: DpmRunWorkflowDecisionResponse.nullable(),
  })
  .meta({ id: "DpmRunWorkflowResponse" });
export type DpmRunWorkflowResponse = z.output<typeof DpmRunWorkflowResponse>;

export const DpmRunWorkflowHistoryResponse = z
  .strictObject({ run_id: z.string(), decisions: z.array(DpmRunWorkflowDecisionResponse) })
  .meta({ id: "DpmRunWorkflowHistoryResponse" });
export type DpmRunWorkflowHistoryResponse = z.output<typeof DpmRunWorkflowHistoryResponse>;

export const DpmWorkflowDecisionListResponse = pageOf(DpmRunWorkflowDecisionResponse).meta({
  id: "DpmWorkflowDecisionListResponse",
});
export type DpmWorkflowDecisionListResponse = z.output<typeof DpmWorkflowDecisionListResponse>;

export const DpmRunSupportBundleResponse = z
  .strictObject({
    run: DpmRunLookupResponse,
    artifact: DpmRunArtifactResponse.nullable(),
    async_operation: DpmAsyncOperationStatusResponse.nullable(),
    workflow_history: DpmRunWorkflowHistoryResponse,
    lineage: DpmLineageResponse,
    idempotency_history: DpmRunIdempotencyHistoryResponse.nullable(),
  })
  .meta({ id: "DpmRunSupportBundleResponse" });
export type DpmRunSupportBundleResponse = z.output<typeof DpmRunSupportBundleResponse>;

/** What does not hold. A record that is missing is named by what should point to it. */
export const RunVerificationFailure = z
  .strictObject({
    kind: z.enum([
      "run",
      "payload",
      "artifact",
      "policy_pack",
      "lineage_edge",
      "idempotency_record",
      "idempotency_history",
      "decision",
    ]),
    id: z.string(),
    reason: z.string(),
  })
  .meta({ id: "RunVerificationFailure" });
export type RunVerificationFailure = z.output<typeof RunVerificationFailure>;

/** Whether everything that is stored of a run still fits together, and how many records of each kind were looked at. */
export const DpmRunVerificationResponse = z
  .strictObject({
    rebalance_run_id: z.string(),
    valid: z.boolean(),
    checked: z.strictObject({
      runs: z.int(),
      payloads: z.int(),
      // Stored ones: what is made when asked for cannot have been altered
      artifacts: z.int(),
      policy_packs: z.int(),
      lineage_edges: z.int(),
      idempotency_records: z.int(),
      idempotency_history: z.int(),
      decisions: z.int(),
    }),
    failures: z.array(RunVerificationFailure),
  })
  .meta({ id: "DpmRunVerificationResponse" });
export type DpmRunVerificationResponse = z.output<typeof DpmRunVerificationResponse>;

const counts = z.record(z.string(), z.int());

export const DpmSupportabilitySummaryResponse = z
  .strictObject({
    store_backend: z.string(),
    retention_days: z.int(),
    run_count: z.int(),
    operation_count: z.int(),
    operation_status_counts: counts,
    run_status_counts: counts,
    workflow_decision_count: z.int(),
    workflow_action_counts: counts,
    workflow_reason_code_counts: counts,
    lineage_edge_count: z.int(),
    oldest_run_created_at: Timestamp.nullable(),
    newest_run_created_at: Timestamp.nullable(),
    oldest_operation_created_at: Timestamp.nullable(),
    newest_operation_created_at: Timestamp.nullable(),
  })
  .meta({ id: "DpmSupportabilitySummaryResponse" });
export type DpmSupportabilitySummaryResponse = z.output<typeof DpmSupportabilitySummaryResponse>;

import * as z from "zod";
import { Timestamp } from "../../contract/scalars.ts";
import { cursorOf, PositionId, PositionTime } from "../../platform/http/cursor.ts";
import {
  cursorFilter,
  filters,
  flagFilter,
  limitFilter,
  oneOfFilter,
  pathParams,
  fromFilter,
  toFilter,
} from "../../platform/http/filters.ts";
import { answer } from "../../platform/http/route-docs.ts";
import { DpmAsyncOperationStatusResponse } from "../operations/schemas.ts";
import { DpmRunWorkflowHistoryResponse } from "../reviews/schemas.ts";
import type { RunPath } from "../runs/run-paths.ts";
import {
  DpmRunArtifactResponse,
  DpmRunIdempotencyHistoryResponse,
  DpmRunLookupResponse,
} from "../runs/schemas.ts";

export const LineageEdgeType = z
  .enum(["CORRELATION_TO_RUN", "IDEMPOTENCY_TO_RUN", "OPERATION_TO_CORRELATION", "WAVE_TO_RUN"])
  .meta({
    id: "LineageEdgeType",
    description: "What an edge connects. Later versions may add types: pass over one that you do not know.",
  });
export type LineageEdgeType = z.output<typeof LineageEdgeType>;

export const DpmLineageEdgeResponse = z
  .strictObject({
    source_entity_id: z.string(),
    edge_type: LineageEdgeType,
    target_entity_id: z.string(),
    created_at: Timestamp,
    metadata: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "DpmLineageEdgeResponse", description: "An edge of the lineage: what led to what." });
export type DpmLineageEdgeResponse = z.output<typeof DpmLineageEdgeResponse>;

export const DpmLineageResponse = z
  .strictObject({
    entity_id: z.string(),
    edges: z.array(DpmLineageEdgeResponse),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: "DpmLineageResponse", description: "One page of edges from or to something, oldest first." });
export type DpmLineageResponse = z.output<typeof DpmLineageResponse>;

export const DpmRunSupportBundleResponse = z
  .strictObject({
    run: DpmRunLookupResponse,
    artifact: DpmRunArtifactResponse.nullable(),
    async_operation: DpmAsyncOperationStatusResponse.nullable(),
    workflow_history: DpmRunWorkflowHistoryResponse,
    lineage: DpmLineageResponse,
    idempotency_history: DpmRunIdempotencyHistoryResponse.nullable(),
  })
  .meta({
    id: "DpmRunSupportBundleResponse",
    description: "Everything that is stored about a run, as of one moment.",
  });
export type DpmRunSupportBundleResponse = z.output<typeof DpmRunSupportBundleResponse>;

const RunRecordKind = z
  .enum([
    "run",
    "payload",
    "artifact",
    "policy_pack",
    "lineage_edge",
    "idempotency_record",
    "idempotency_history",
    "decision",
    "wave_item",
  ])
  .meta({ id: "RunRecordKind", description: "The kinds of records of a run. Later versions may add kinds." });

/** What does not hold. A record that is missing is named by what should point to it. */
export const RunVerificationFailure = z
  .strictObject({
    kind: RunRecordKind,
    id: z.string(),
    reason: z.string(),
  })
  .meta({
    id: "RunVerificationFailure",
    description: "A record that does not hold. One that is missing is named by what should point to it.",
  });
export type RunVerificationFailure = z.output<typeof RunVerificationFailure>;

const RunVerificationCounts = z
  .strictObject({
    runs: z.int(),
    payloads: z.int(),
    // Stored ones: what is made when asked for cannot have been altered
    artifacts: z.int(),
    policy_packs: z.int(),
    lineage_edges: z.int(),
    idempotency_records: z.int(),
    idempotency_history: z.int(),
    decisions: z.int(),
    // The item of a wave that the run was made for
    wave_items: z.int(),
  })
  .meta({ id: "RunVerificationCounts", description: "How many records of each kind were looked at." });

/** Whether everything that is stored of a run still fits together, and how many records of each kind were looked at. */
export const DpmRunVerificationResponse = z
  .strictObject({
    rebalance_run_id: z.string(),
    valid: z.boolean(),
    checked: RunVerificationCounts,
    failures: z.array(RunVerificationFailure),
  })
  .meta({
    id: "DpmRunVerificationResponse",
    description: "Whether everything that is stored of a run still fits together.",
  });
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
  .meta({ id: "DpmSupportabilitySummaryResponse", description: "How much is stored, and of which kinds." });
export type DpmSupportabilitySummaryResponse = z.output<typeof DpmSupportabilitySummaryResponse>;

/** A place in the list of edges: the last edge that was shown. */
const EdgePosition = z.strictObject({
  created_at: PositionTime,
  edge_type: LineageEdgeType,
  source_entity_id: PositionId,
  target_entity_id: PositionId,
});
export type EdgePosition = z.output<typeof EdgePosition>;

export const edgeCursor = cursorOf("lineage", EdgePosition);

export const getLineage = {
  operationId: "getLineage",
  tags: ["Runs"],
  summary: "Edges from or to a correlation id, key, run or operation, oldest first",
  description:
    "An edge says what led to what: a correlation id or a key to a run, an operation to a correlation id.",
  params: pathParams("entity_id"),
  querystring: filters({
    edge_type: oneOfFilter(LineageEdgeType),
    from: fromFilter,
    to: toFilter,
    limit: limitFilter(200, 50),
    cursor: cursorFilter(edgeCursor),
  }),
  response: { 200: answer("One page of edges.", DpmLineageResponse) },
};

const tags = ["Support"];

export const getSupportabilitySummary = {
  operationId: "getSupportabilitySummary",
  tags,
  summary: "How many runs, operations, decisions and lineage edges there are, and of which kinds",
  description: "Counts are rolled up in the background; what was just written is counted too.",
  response: { 200: answer("The counts.", DpmSupportabilitySummaryResponse) },
};

const BundleQuery = filters({
  include_artifact: flagFilter(true),
  include_async_operation: flagFilter(true),
  include_idempotency_history: flagFilter(true),
});
/** What the caller wants to have in a bundle; the rest is always there. */
export type BundleQuery = z.output<typeof BundleQuery>;

const bundle = answer("The bundle.", DpmRunSupportBundleResponse);

export function getSupportBundle({ by, suffix, words }: RunPath) {
  return {
    operationId: `getSupportBundle${suffix}`,
    tags,
    summary: `Everything that is stored about ${words}, as of one moment`,
    description: "Run, review and lineage are always there; what may be large can be left out.",
    params: pathParams(by),
    querystring: BundleQuery,
    response: { 200: bundle },
  };
}

export const getSupportBundleByOperation = {
  operationId: "getSupportBundleByOperation",
  tags,
  summary: "Everything that is stored about the run of an operation, as of one moment",
  description:
    "The latest run with the correlation id of the operation; without one, the latest of the runs of its scenarios.",
  params: pathParams("operation_id"),
  querystring: BundleQuery,
  response: { 200: bundle },
};

export const verifyRun = {
  operationId: "verifyRun",
  tags,
  summary: "Recompute everything that is stored of a run, and name what does not hold",
  description:
    "Hashes from the stored bytes, edges and keys from the rows that they point to, decisions from their chain. Nothing is written.",
  params: pathParams("rebalance_run_id"),
  response: { 200: answer("What was checked, and what failed.", DpmRunVerificationResponse) },
};

import * as z from "zod";
import { DiagnosticsData } from "../../contract/diagnostics.ts";
import { pageOf } from "../../contract/page.ts";
import { RulesVersion } from "../../contract/options.ts";
import { RebalanceIntent, RebalanceRequest, RebalanceResult } from "../../contract/rebalance.ts";
import { recorded } from "../../contract/recorded.ts";
import { RuleResult, RunStatus } from "../../contract/rules.ts";
import { Hash, Timestamp } from "../../contract/scalars.ts";
import { SimulatedState } from "../../contract/state.ts";
import { cursorOf, TimePosition } from "../../platform/http/cursor.ts";
import {
  cursorFilter,
  filters,
  limitFilter,
  nameFilter,
  oneOfFilter,
  pathParams,
  fromFilter,
  toFilter,
} from "../../platform/http/filters.ts";
import { answer } from "../../platform/http/route-docs.ts";

const runReference = {
  rebalance_run_id: z.string(),
  correlation_id: z.string(),
  request_hash: z.string(),
};

const runHead = {
  ...runReference,
  idempotency_key: z.string().nullable(),
  portfolio_id: z.string(),
  authenticated_subject: z.string().nullable(),
};

export const DpmRunLookupResponse = z
  .strictObject({ ...runHead, created_at: Timestamp, result: RebalanceResult })
  .meta({ id: "DpmRunLookupResponse", description: "A stored run with its whole result." });
export type DpmRunLookupResponse = z.output<typeof DpmRunLookupResponse>;

export const DpmRunListItemResponse = z
  .strictObject({ ...runHead, status: RunStatus, created_at: Timestamp })
  .meta({ id: "DpmRunListItemResponse", description: "A run of a list, without its result." });
export type DpmRunListItemResponse = z.output<typeof DpmRunListItemResponse>;

export const DpmRunListResponse = pageOf(DpmRunListItemResponse).meta({
  id: "DpmRunListResponse",
  description: "One page of runs, newest first.",
});
export type DpmRunListResponse = z.output<typeof DpmRunListResponse>;

export const DpmRunIdempotencyLookupResponse = z
  .strictObject({
    idempotency_key: z.string(),
    request_hash: z.string(),
    rebalance_run_id: z.string(),
    created_at: Timestamp,
  })
  .meta({ id: "DpmRunIdempotencyLookupResponse", description: "The run that a key maps to." });
export type DpmRunIdempotencyLookupResponse = z.output<typeof DpmRunIdempotencyLookupResponse>;

export const DpmRunIdempotencyHistoryItem = z
  .strictObject({ ...runReference, created_at: Timestamp })
  .meta({ id: "DpmRunIdempotencyHistoryItem", description: "A run that a key led to." });
export type DpmRunIdempotencyHistoryItem = z.output<typeof DpmRunIdempotencyHistoryItem>;

export const DpmRunIdempotencyHistoryResponse = z
  .strictObject({ idempotency_key: z.string(), history: z.array(DpmRunIdempotencyHistoryItem) })
  .meta({ id: "DpmRunIdempotencyHistoryResponse", description: "The runs that a key led to, oldest first." });
export type DpmRunIdempotencyHistoryResponse = z.output<typeof DpmRunIdempotencyHistoryResponse>;

const DpmRunArtifactRequest = z
  .strictObject({
    portfolio_id: z.string(),
    request_hash: z.string(),
    inputs: recorded(RebalanceRequest),
  })
  .meta({
    id: "DpmRunArtifactRequest",
    description: "What was asked: its portfolio, its hash and all inputs.",
  });

export const DpmRunArtifactResponse = z
  .strictObject({
    artifact_id: z.string(),
    artifact_version: z.string(),
    rebalance_run_id: z.string(),
    correlation_id: z.string(),
    idempotency_key: z.string().nullable(),
    portfolio_id: z.string(),
    status: RunStatus,
    request_snapshot: DpmRunArtifactRequest,
    before_summary: SimulatedState,
    after_summary: SimulatedState,
    order_intents: z.array(RebalanceIntent),
    rule_outcomes: z.array(RuleResult),
    diagnostics: DiagnosticsData,
    result: RebalanceResult,
    evidence: z
      .strictObject({
        engine_version: z.string(),
        run_created_at: Timestamp,
        rules_version: RulesVersion.optional(),
        hashes: z.strictObject({ request_hash: z.string(), artifact_hash: Hash }).meta({
          id: "DpmRunArtifactHashes",
          description: "The hashes of an artifact and of the request of its run.",
        }),
      })
      .meta({
        id: "DpmRunArtifactEvidence",
        description:
          "What binds an artifact to its run. `rules_version`: the rules of the run; absent: version 1.",
      }),
  })
  .meta({
    id: "DpmRunArtifactResponse",
    description:
      "The package of a run for a file or an auditor: what was asked, what came out, and the hashes that bind the two.",
  });
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
  .meta({
    id: "DpmRunReproduceResponse",
    description: "Whether a run comes out the same when its stored input is calculated again.",
  });
export type DpmRunReproduceResponse = z.output<typeof DpmRunReproduceResponse>;

export const runCursor = cursorOf("runs", TimePosition);

const tags = ["Runs"];
const run = answer("The run.", DpmRunLookupResponse);

export const listRuns = {
  operationId: "listRuns",
  tags,
  summary: "Runs, newest first",
  description:
    "Filters are combined; a page is stable while runs are added. Each scenario of a batch is a run.",
  querystring: filters({
    from: fromFilter,
    to: toFilter,
    status: oneOfFilter(RunStatus),
    request_hash: nameFilter,
    portfolio_id: nameFilter,
    limit: limitFilter(200, 50),
    cursor: cursorFilter(runCursor),
  }),
  response: { 200: answer("One page of runs.", DpmRunListResponse) },
};

export const getRun = {
  operationId: "getRun",
  tags,
  summary: "One run with its whole result",
  description: "The result is the bytes that were stored and sent when the run was made.",
  params: pathParams("rebalance_run_id"),
  response: { 200: run },
};

export const getRunByCorrelation = {
  operationId: "getRunByCorrelation",
  tags,
  summary: "The latest run of a correlation id",
  description: "The one that was made last, where several have the same correlation id.",
  params: pathParams("correlation_id"),
  response: { 200: run },
};

export const getRunByRequestHash = {
  operationId: "getRunByRequestHash",
  tags,
  summary: "The latest run of a request hash",
  description: "The one that was made last, where several were asked for the same.",
  params: pathParams("request_hash"),
  response: { 200: run },
};

export const getRunByIdempotencyKey = {
  operationId: "getRunByIdempotencyKey",
  tags,
  summary: "The run that a key of simulate maps to",
  description: "Where replay is off, the newest run that was made under the key.",
  params: pathParams("idempotency_key"),
  response: { 200: answer("The mapping.", DpmRunIdempotencyLookupResponse) },
};

export const reproduceRun = {
  operationId: "reproduceRun",
  tags,
  summary: "Execute the stored input again and compare with the stored result",
  description: "Uses the rules that made the run. Nothing is written.",
  params: pathParams("rebalance_run_id"),
  response: { 200: answer("Whether it came out the same.", DpmRunReproduceResponse) },
};

export const getRunArtifact = {
  operationId: "getRunArtifact",
  tags,
  summary: "The artifact of a run: the same bytes and hash whenever it is read",
  description: "What was asked, what came out, and the hashes that bind the two.",
  params: pathParams("rebalance_run_id"),
  response: { 200: answer("The artifact.", DpmRunArtifactResponse) },
};

export const getIdempotencyHistory = {
  operationId: "getIdempotencyHistory",
  tags,
  summary: "The newest 1,000 runs that a key led to, oldest first",
  description: "More than one only where replay was off.",
  params: pathParams("idempotency_key"),
  response: { 200: answer("The history.", DpmRunIdempotencyHistoryResponse) },
};

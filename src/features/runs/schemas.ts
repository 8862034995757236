import * as z from "zod";
import { pageOf } from "../../contract/page.ts";
import { RebalanceResult } from "../../contract/rebalance.ts";
import { RunStatus } from "../../contract/rules.ts";
import { Hash, Timestamp } from "../../contract/scalars.ts";
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
  authenticated_subject: z.string().nullable(),
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

export const runCursor = cursorOf("runs", TimePosition);

const tags = ["Runs"];
const run = answer("The run.", DpmRunLookupResponse);

export const listRuns = {
  operationId: "listRuns",
  tags,
  summary: "Runs, newest first",
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
  params: pathParams("rebalance_run_id"),
  response: { 200: run },
};

export const getRunByCorrelation = {
  operationId: "getRunByCorrelation",
  tags,
  summary: "The latest run of a correlation id",
  params: pathParams("correlation_id"),
  response: { 200: run },
};

export const getRunByRequestHash = {
  operationId: "getRunByRequestHash",
  tags,
  summary: "The latest run of a request hash",
  params: pathParams("request_hash"),
  response: { 200: run },
};

export const getRunByIdempotencyKey = {
  operationId: "getRunByIdempotencyKey",
  tags,
  summary: "The run that a key of simulate maps to",
  params: pathParams("idempotency_key"),
  response: { 200: answer("The mapping.", DpmRunIdempotencyLookupResponse) },
};

export const reproduceRun = {
  operationId: "reproduceRun",
  tags,
  summary: "Execute the stored input again and compare with the stored result",
  params: pathParams("rebalance_run_id"),
  response: { 200: answer("Whether it came out the same.", DpmRunReproduceResponse) },
};

export const getRunArtifact = {
  operationId: "getRunArtifact",
  tags,
  summary: "The artifact of a run: the same bytes and hash whenever it is read",
  params: pathParams("rebalance_run_id"),
  response: { 200: answer("The artifact.", DpmRunArtifactResponse) },
};

export const getIdempotencyHistory = {
  operationId: "getIdempotencyHistory",
  tags,
  summary: "The newest 1,000 runs that a key led to, oldest first",
  params: pathParams("idempotency_key"),
  response: { 200: answer("The history.", DpmRunIdempotencyHistoryResponse) },
};

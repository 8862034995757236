import * as z from "zod";
import { pageOf } from "../../contract/page.ts";
import { Timestamp } from "../../contract/scalars.ts";
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
import { cursorOf, TimePosition } from "../../platform/http/cursor.ts";
import { answer } from "../../platform/http/route-docs.ts";

export const OperationStatus = z.enum(["PENDING", "RUNNING", "SUCCEEDED", "FAILED"]);
export type OperationStatus = z.output<typeof OperationStatus>;

export const DpmOperationType = z.enum(["ANALYZE_SCENARIOS"]);
export type DpmOperationType = z.output<typeof DpmOperationType>;

export const ProposalOperationType = z.enum(["CREATE_PROPOSAL", "CREATE_PROPOSAL_VERSION"]);
export type ProposalOperationType = z.output<typeof ProposalOperationType>;

export type OperationType = DpmOperationType | ProposalOperationType;

export const DpmAsyncError = z
  .strictObject({ code: z.string(), message: z.string() })
  .meta({ id: "DpmAsyncError" });

export const DpmAsyncAcceptedResponse = z
  .strictObject({
    operation_id: z.string(),
    operation_type: DpmOperationType,
    status: OperationStatus,
    correlation_id: z.string(),
    created_at: Timestamp,
    status_url: z.string(),
    execute_url: z.string(),
  })
  .meta({ id: "DpmAsyncAcceptedResponse" });
export type DpmAsyncAcceptedResponse = z.output<typeof DpmAsyncAcceptedResponse>;

export const DpmAsyncOperationStatusResponse = z
  .strictObject({
    operation_id: z.string(),
    operation_type: DpmOperationType,
    status: OperationStatus,
    is_executable: z.boolean(),
    correlation_id: z.string(),
    created_at: Timestamp,
    started_at: Timestamp.nullable(),
    finished_at: Timestamp.nullable(),
    result: z.record(z.string(), z.unknown()).nullable(),
    error: DpmAsyncError.nullable(),
  })
  .meta({ id: "DpmAsyncOperationStatusResponse" });
export type DpmAsyncOperationStatusResponse = z.output<typeof DpmAsyncOperationStatusResponse>;

export const DpmAsyncOperationListItemResponse = z
  .strictObject({
    operation_id: z.string(),
    operation_type: DpmOperationType,
    status: OperationStatus,
    correlation_id: z.string(),
    is_executable: z.boolean(),
    created_at: Timestamp,
    started_at: Timestamp.nullable(),
    finished_at: Timestamp.nullable(),
  })
  .meta({ id: "DpmAsyncOperationListItemResponse" });
export type DpmAsyncOperationListItemResponse = z.output<typeof DpmAsyncOperationListItemResponse>;

export const DpmAsyncOperationListResponse = pageOf(DpmAsyncOperationListItemResponse).meta({
  id: "DpmAsyncOperationListResponse",
});
export type DpmAsyncOperationListResponse = z.output<typeof DpmAsyncOperationListResponse>;

export const operationCursor = cursorOf("operations", TimePosition);

const tags = ["Operations"];
const status = answer("The operation, with its result or error.", DpmAsyncOperationStatusResponse);

export const listOperations = {
  operationId: "listOperations",
  tags,
  summary: "Operations, newest first",
  querystring: filters({
    from: fromFilter,
    to: toFilter,
    operation_type: oneOfFilter(DpmOperationType),
    status: oneOfFilter(OperationStatus),
    correlation_id: nameFilter,
    limit: limitFilter(200, 50),
    cursor: cursorFilter(operationCursor),
  }),
  response: { 200: answer("One page of operations.", DpmAsyncOperationListResponse) },
};

export const getOperation = {
  operationId: "getOperation",
  tags,
  summary: "How far an operation is",
  params: pathParams("operation_id"),
  response: { 200: status },
};

export const getOperationByCorrelation = {
  operationId: "getOperationByCorrelation",
  tags,
  summary: "How far the latest operation of a correlation id is",
  params: pathParams("correlation_id"),
  response: { 200: status },
};

export const executeOperation = {
  operationId: "executeOperation",
  tags,
  summary: "Do a pending operation now, and answer with its final state",
  description:
    "Of several who try at once, workers among them, one does it. Where the attempt failed for a reason that may pass, the operation stays PENDING, is tried again by itself, and the answer is 503.",
  params: pathParams("operation_id"),
  response: { 200: answer("The operation, finished.", DpmAsyncOperationStatusResponse) },
};

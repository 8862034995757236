import * as z from "zod";
import { pageOf } from "../../contract/page.ts";
import { BatchRebalanceResult } from "../../contract/rebalance.ts";
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
import { answer, visibleText } from "../../platform/http/route-docs.ts";

export const OperationStatus = z.enum(["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]).meta({
  id: "OperationStatus",
  description:
    "PENDING: waits for an attempt. RUNNING: one is under way. SUCCEEDED, FAILED and CANCELLED: it has ended.",
});
export type OperationStatus = z.output<typeof OperationStatus>;

export const DpmOperationType = z
  .enum(["ANALYZE_SCENARIOS"])
  .meta({ id: "DpmOperationType", description: "The kinds of operations of the discretionary side." });
export type DpmOperationType = z.output<typeof DpmOperationType>;

export const ProposalOperationType = z
  .enum(["CREATE_PROPOSAL", "CREATE_PROPOSAL_VERSION"])
  .meta({ id: "ProposalOperationType", description: "The kinds of operations of the advisory side." });
export type ProposalOperationType = z.output<typeof ProposalOperationType>;

export type OperationType = DpmOperationType | ProposalOperationType;

export const DpmAsyncError = z
  .strictObject({ code: z.string(), message: z.string() })
  .meta({ id: "DpmAsyncError", description: "Why an attempt at an operation failed." });

const attempts = z.int().min(0).meta({
  description:
    "Attempts so far, the one under way included; one that was given back untouched does not count.",
});

/** What both kinds of operations say of their attempts: `last_error` in the type of their errors. */
export const attemptFields = <T extends z.ZodType>(error: T) => ({
  attempts,
  last_error: error.nullable().meta({
    description:
      "How the latest failed attempt ended, whether or not another follows; null where none has failed, and once one has succeeded.",
  }),
});

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
  .meta({
    id: "DpmAsyncAcceptedResponse",
    description: "An operation that was accepted, to be done exactly once.",
  });
export type DpmAsyncAcceptedResponse = z.output<typeof DpmAsyncAcceptedResponse>;

export const DpmAsyncOperationStatusResponse = z
  .strictObject({
    operation_id: z.string(),
    operation_type: DpmOperationType,
    status: OperationStatus,
    is_executable: z.boolean(),
    correlation_id: z.string(),
    authenticated_subject: z.string().nullable(),
    created_at: Timestamp,
    started_at: Timestamp.nullable(),
    finished_at: Timestamp.nullable(),
    result: BatchRebalanceResult.nullable(),
    error: DpmAsyncError.nullable(),
    ...attemptFields(DpmAsyncError),
  })
  .meta({
    id: "DpmAsyncOperationStatusResponse",
    description: "How far an operation is, with its result or error.",
  });
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
    ...attemptFields(DpmAsyncError),
  })
  .meta({
    id: "DpmAsyncOperationListItemResponse",
    description: "An operation of a list, without its result.",
  });
export type DpmAsyncOperationListItemResponse = z.output<typeof DpmAsyncOperationListItemResponse>;

export const DpmAsyncOperationListResponse = pageOf(DpmAsyncOperationListItemResponse).meta({
  id: "DpmAsyncOperationListResponse",
  description: "One page of operations, newest first.",
});
export type DpmAsyncOperationListResponse = z.output<typeof DpmAsyncOperationListResponse>;

export const operationCursor = cursorOf("operations", TimePosition);

const tags = ["Operations"];
const status = answer("The operation, with its result or error.", DpmAsyncOperationStatusResponse);

export const listOperations = {
  operationId: "listOperations",
  tags,
  summary: "Operations, newest first",
  description: "Filters are combined; a page is stable while operations are added.",
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
  description: "A finished operation is there until its time to live has passed.",
  params: pathParams("operation_id"),
  response: { 200: status },
};

export const getOperationByCorrelation = {
  operationId: "getOperationByCorrelation",
  tags,
  summary: "How far the latest operation of a correlation id is",
  description: "The one that was accepted last, where several have the same correlation id.",
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

/** The key of a request that is no critical write: it need not be sent. */
export const optionalKey = {
  "Idempotency-Key": visibleText(
    "Where it is sent, the same key gets the stored answer and nothing is done a second time.",
    255,
  ),
};

/** The words of the routes that change the course of an operation, the same for both kinds. */
export const RETRY = {
  summary: "Give a failed operation another attempt",
  description:
    "The operation is PENDING again, under the same id and with the same request; its attempts are counted on, and how the earlier ones ended is kept. Of several who try at once, one does it. Where the request itself was at fault the attempt will most likely fail again.",
};
export const CANCEL = {
  summary: "Cancel an operation that is not finished",
  description:
    "A PENDING operation is CANCELLED at once. A RUNNING one is when its worker next renews its lease, or is found to have vanished: until then the status says RUNNING, and from this answer on the attempt can write no result. Of a cancellation and a completion at the same time one wins. CANCELLED is final.",
};

export const retryOperation = {
  operationId: "retryOperation",
  tags,
  ...RETRY,
  headers: optionalKey,
  params: pathParams("operation_id"),
  response: { 200: status },
};

export const cancelOperation = {
  operationId: "cancelOperation",
  tags,
  ...CANCEL,
  headers: optionalKey,
  params: pathParams("operation_id"),
  response: { 200: status },
};

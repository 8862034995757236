import * as z from "zod";
import { pageOf } from "../../contract/page.ts";
import { Timestamp } from "../../contract/scalars.ts";
import { ProposalCreateResponse } from "../proposals/schemas.ts";

export const OperationStatus = z.enum(["PENDING", "RUNNING", "SUCCEEDED", "FAILED"]);
export type OperationStatus = z.output<typeof OperationStatus>;

export const DpmOperationType = z.enum(["ANALYZE_SCENARIOS"]);
export type DpmOperationType = z.output<typeof DpmOperationType>;

export const ProposalOperationType = z.enum(["CREATE_PROPOSAL", "CREATE_PROPOSAL_VERSION"]);
export type ProposalOperationType = z.output<typeof ProposalOperationType>;

const CodeAndMessage = z.strictObject({ code: z.string(), message: z.string() });

export const DpmAsyncError = CodeAndMessage.meta({ id: "DpmAsyncError" });
export const ProposalAsyncError = CodeAndMessage.meta({ id: "ProposalAsyncError" });

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

export const ProposalAsyncAcceptedResponse = z
  .strictObject({
    operation_id: z.string(),
    operation_type: ProposalOperationType,
    status: OperationStatus,
    correlation_id: z.string(),
    created_at: Timestamp,
    status_url: z.string(),
  })
  .meta({ id: "ProposalAsyncAcceptedResponse" });
export type ProposalAsyncAcceptedResponse = z.output<typeof ProposalAsyncAcceptedResponse>;

export const ProposalAsyncOperationStatusResponse = z
  .strictObject({
    operation_id: z.string(),
    operation_type: ProposalOperationType,
    status: OperationStatus,
    correlation_id: z.string(),
    idempotency_key: z.string().nullable(),
    proposal_id: z.string().nullable(),
    created_by: z.string(),
    created_at: Timestamp,
    started_at: Timestamp.nullable(),
    finished_at: Timestamp.nullable(),
    result: ProposalCreateResponse.nullable(),
    error: ProposalAsyncError.nullable(),
  })
  .meta({ id: "ProposalAsyncOperationStatusResponse" });
export type ProposalAsyncOperationStatusResponse = z.output<typeof ProposalAsyncOperationStatusResponse>;

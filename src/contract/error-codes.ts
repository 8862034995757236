import * as z from "zod";

/**
 * Every code that `detail` of a problem can be: callers tell by it what happened. None is ever renamed or given another
 * meaning. What follows a colon belongs to the code.
 */
export const ErrorCode = z
  .enum([
    // The request cannot be understood.
    "EXPECTATION_FAILED",
    "HEADERS_TOO_LARGE",
    "MALFORMED_JSON",
    "MALFORMED_REQUEST",
    "MALFORMED_URL",
    "METHOD_NOT_ALLOWED",
    "PAYLOAD_TOO_LARGE",
    "REQUEST_TIMEOUT",
    "ROUTE_NOT_FOUND",
    "UNSUPPORTED_MEDIA_TYPE",
    "URL_TOO_LONG",
    // It says what cannot be.
    "VALIDATION_FAILED",
    "ACTOR_INVALID",
    "BATCH_TOO_LARGE",
    "CURSOR_EXPIRED",
    "DUPLICATE_ID",
    "CURSOR_INVALID",
    "PROPOSAL_INVALID_TRADE_INPUT",
    // Who asks may not.
    "UNAUTHENTICATED",
    "TOKEN_EXPIRED",
    "TOKEN_INVALID",
    "ACTOR_MISMATCH",
    "FORBIDDEN",
    "HOST_NOT_ALLOWED",
    "SEGREGATION_OF_DUTIES",
    "TENANT_MISMATCH",
    "RATE_LIMITED",
    // Idempotency keys.
    "IDEMPOTENCY_IN_PROGRESS",
    "IDEMPOTENCY_KEY_CONFLICT: request hash mismatch",
    "IDEMPOTENCY_KEY_INVALID",
    "IDEMPOTENCY_KEY_REQUIRED",
    "DPM_IDEMPOTENCY_KEY_NOT_FOUND",
    "DPM_IDEMPOTENCY_STORE_INCONSISTENT",
    "PROPOSAL_IDEMPOTENCY_KEY_NOT_FOUND",
    "PROPOSAL_IDEMPOTENCY_STORE_INCONSISTENT",
    // Runs, their review, operations and policy packs.
    "DPM_ASYNC_ATTEMPT_FAILED",
    "DPM_ASYNC_OPERATION_NOT_CANCELLABLE",
    "DPM_ASYNC_OPERATION_NOT_EXECUTABLE",
    "DPM_ASYNC_OPERATION_NOT_FOUND",
    "DPM_ASYNC_OPERATION_NOT_RETRYABLE",
    "DPM_POLICY_PACK_NOT_FOUND",
    "DPM_POLICY_PACK_UNKNOWN",
    "DPM_RUN_NOT_FOUND",
    "DPM_WORKFLOW_INVALID_TRANSITION",
    "DPM_WORKFLOW_NOT_REQUIRED_FOR_RUN_STATUS",
    "PRECONDITION_FAILED",
    // Proposals and their operations.
    "INVALID_APPROVAL_STATE",
    "INVALID_TRANSITION",
    "PORTFOLIO_CONTEXT_MISMATCH",
    "PROPOSAL_ASYNC_OPERATION_NOT_CANCELLABLE",
    "PROPOSAL_ASYNC_OPERATION_NOT_FOUND",
    "PROPOSAL_ASYNC_OPERATION_NOT_RETRYABLE",
    "PROPOSAL_NOT_FOUND",
    "PROPOSAL_SIMULATION_DISABLED: set options.enable_proposal_simulation=true",
    "PROPOSAL_TERMINAL_STATE: cannot create version",
    "PROPOSAL_VERSION_NOT_FOUND",
    "STATE_CONFLICT: expected_state is required",
    "STATE_CONFLICT: expected_state mismatch",
    "STATE_CONFLICT: version blocked",
    "STATE_CONFLICT: version not approved",
    "STATE_CONFLICT: version superseded",
    // Waves.
    "WAVE_EMPTY",
    "WAVE_FULL",
    "WAVE_INVALID_STATE",
    "WAVE_ITEM_EXISTS",
    "WAVE_NOT_FOUND",
    // A group of operations is switched off.
    "DPM_ARTIFACTS_DISABLED",
    "DPM_ASYNC_MANUAL_EXECUTION_DISABLED",
    "DPM_ASYNC_OPERATIONS_DISABLED",
    "DPM_IDEMPOTENCY_HISTORY_APIS_DISABLED",
    "DPM_LINEAGE_APIS_DISABLED",
    "DPM_POLICY_PACK_ADMIN_APIS_DISABLED",
    "DPM_SUPPORTABILITY_SUMMARY_APIS_DISABLED",
    "DPM_SUPPORT_APIS_DISABLED",
    "DPM_SUPPORT_BUNDLE_APIS_DISABLED",
    "DPM_WAVES_DISABLED",
    "DPM_WORKFLOW_DISABLED",
    "PROPOSAL_ASYNC_OPERATIONS_DISABLED",
    "PROPOSAL_SUPPORT_APIS_DISABLED",
    "PROPOSAL_WORKFLOW_LIFECYCLE_DISABLED",
    // The service cannot at the moment; Retry-After says when to come back.
    "DATABASE_BUSY",
    "DATABASE_DISK_FULL",
    "DATABASE_OUT_OF_MEMORY",
    "DATABASE_READ_ONLY",
    "DATABASE_RESTARTING",
    "DATABASE_TOO_MANY_CONNECTIONS",
    "DATABASE_UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "IDENTITY_PROVIDER_UNAVAILABLE",
    "NOT_READY",
    "OUTCOME_UNKNOWN",
    "OVERLOADED",
    "SERVICE_OVERLOADED",
    // It failed, and its log says why.
    "INTERNAL_ERROR",
  ])
  .meta({
    id: "ErrorCode",
    description:
      "What happened, as a stable code; what follows a colon belongs to it. Later versions may add codes: treat one that you do not know by the status of the answer.",
  });
export type ErrorCode = z.output<typeof ErrorCode>;

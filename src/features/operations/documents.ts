import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinObject } from "../../platform/json/join-json.ts";
import { isExecutable } from "./core.ts";
import type { ListedOperation, StoredOperation } from "./reads.ts";
import type { AcceptedOperation } from "./repository.ts";

/** The answers of the contract, as canonical text. Stored results go in as they are. */

/** Every acceptance says PENDING, whatever has become of the operation by the time it is sent: a replay repeats it. */
export function dpmAcceptedText(operation: AcceptedOperation): string {
  const url = `/rebalance/operations/${operation.operationId}`;
  return canonicalJson({ ...accepted(operation), status_url: url, execute_url: `${url}/execute` });
}

export function proposalAcceptedText(operation: AcceptedOperation): string {
  const url = `/rebalance/proposals/operations/${operation.operationId}`;
  return canonicalJson({ ...accepted(operation), status_url: url });
}

function accepted(operation: AcceptedOperation) {
  return {
    operation_id: operation.operationId,
    operation_type: operation.operationType,
    status: "PENDING",
    correlation_id: operation.correlationId,
    created_at: operation.createdAt,
  };
}

export function dpmStatusText(operation: StoredOperation, manualExecutionEnabled: boolean): string {
  const executable = isExecutable(operation.status, manualExecutionEnabled);
  return joinObject({ ...status(operation), is_executable: canonicalJson(executable) });
}

export function proposalStatusText(operation: StoredOperation): string {
  return joinObject({
    ...status(operation),
    idempotency_key: canonicalJson(operation.idempotency_key),
    proposal_id: canonicalJson(operation.proposal_id),
    created_by: canonicalJson(operation.created_by),
  });
}

/** What went wrong in an attempt that is followed by another is nobody's answer: only FAILED shows its error. */
function status(operation: StoredOperation): Record<string, string> {
  const error =
    operation.status === "FAILED" ? { code: operation.error_code, message: operation.error_message } : null;
  return {
    operation_id: canonicalJson(operation.operation_id),
    operation_type: canonicalJson(operation.operation_type),
    status: canonicalJson(operation.status),
    correlation_id: canonicalJson(operation.correlation_id),
    created_at: canonicalJson(operation.created_at),
    started_at: canonicalJson(operation.started_at),
    finished_at: canonicalJson(operation.finished_at),
    result: operation.result_text ?? "null",
    error: canonicalJson(error),
  };
}

export function listText(
  operations: readonly ListedOperation[],
  nextCursor: string | null,
  manualExecutionEnabled: boolean,
): string {
  const items = operations.map((operation) => ({
    ...operation,
    is_executable: isExecutable(operation.status, manualExecutionEnabled),
  }));
  return canonicalJson({ items, next_cursor: nextCursor });
}

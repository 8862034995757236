import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinLarge } from "../../platform/json/join-json.ts";
import type { Text } from "../../platform/text-parts.ts";
import type { AcceptedOperation, ListedOperation, StoredOperation } from "./repository/operations.ts";
import type { OperationStatus } from "./schemas.ts";

/** Why an operation failed, as its status shows it. */
export type OperationError = { readonly code: string; readonly message: string };

export const WORKER_LOST: OperationError = {
  code: "DPM_ASYNC_WORKER_LOST",
  message: "the worker stopped before it finished the last attempt",
};

/**
 * Operations that were finished before this moment have expired: they are not there for anybody who reads, whether they
 * have been purged yet or not.
 */
export function expiryCutoff(now: Date, ttlSeconds: number): string {
  return new Date(now.getTime() - ttlSeconds * 1_000).toISOString();
}

/** Only what failed can be retried: what succeeded has its effect, and a cancellation is for good. */
export function isRetryable(status: OperationStatus): boolean {
  return status === "FAILED";
}

/** `at_once`: nobody is at work on it, or whoever was has vanished. `by_worker`: when it next renews its lease. */
export type Cancellation = "at_once" | "by_worker" | "refused";

export function cancellationOf(operation: {
  readonly status: OperationStatus;
  readonly is_lease_over: boolean;
}): Cancellation {
  if (operation.status === "PENDING") return "at_once";
  if (operation.status !== "RUNNING") return "refused";
  return operation.is_lease_over ? "at_once" : "by_worker";
}

/** Only what nobody has taken yet can be executed by hand, and only where that is switched on. */
export function isExecutable(status: OperationStatus, manualExecutionEnabled: boolean): boolean {
  return manualExecutionEnabled && status === "PENDING";
}

/** Every acceptance says PENDING, whatever has become of the operation by the time it is sent: a replay repeats it. */
export function dpmAcceptedText(operation: AcceptedOperation): string {
  const url = `/rebalance/operations/${operation.operation_id}`;
  return canonicalJson({ ...acceptedFields(operation), status_url: url, execute_url: `${url}/execute` });
}

/** What the acceptance of every type says. */
export function acceptedFields(operation: AcceptedOperation) {
  return {
    operation_id: operation.operation_id,
    operation_type: operation.operation_type,
    status: "PENDING",
    correlation_id: operation.correlation_id,
    created_at: operation.created_at,
  };
}

export function dpmStatusText(operation: StoredOperation, manualExecutionEnabled: boolean): Text {
  const executable = isExecutable(operation.status, manualExecutionEnabled);
  return joinLarge({ ...statusFields(operation), is_executable: canonicalJson(executable) });
}

/** The members of a status, as canonical text. An attempt that is followed by another shows no error: only FAILED does. */
export function statusFields(operation: StoredOperation): Record<string, Text> {
  return {
    operation_id: canonicalJson(operation.operation_id),
    operation_type: canonicalJson(operation.operation_type),
    status: canonicalJson(operation.status),
    attempts: canonicalJson(operation.attempt),
    correlation_id: canonicalJson(operation.correlation_id),
    authenticated_subject: canonicalJson(operation.authenticated_subject),
    created_at: canonicalJson(operation.created_at),
    started_at: canonicalJson(operation.started_at),
    finished_at: canonicalJson(operation.finished_at),
    result: operation.result ?? "null",
    error: canonicalJson(operation.status === "FAILED" ? lastError(operation) : null),
    last_error: canonicalJson(lastError(operation)),
  };
}

/** An operation of a list. */
export function dpmListItem(operation: ListedOperation, manualExecutionEnabled: boolean) {
  const { operation_id, operation_type, status, correlation_id } = operation;
  const { created_at, started_at, finished_at } = operation;
  return {
    operation_id,
    operation_type,
    status,
    is_executable: isExecutable(status, manualExecutionEnabled),
    attempts: operation.attempt,
    correlation_id,
    created_at,
    started_at,
    finished_at,
    last_error: lastError(operation),
  };
}

/** How the latest failed attempt ended. One that its worker did not end leaves nothing in the row but its count. */
function lastError(
  operation: Pick<StoredOperation, "lost_attempts" | "error_code" | "error_message">,
): OperationError | null {
  const { lost_attempts, error_code: code, error_message: message } = operation;
  if (lost_attempts > 0) return WORKER_LOST;
  return code === null || message === null ? null : { code, message };
}

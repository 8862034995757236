import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinObject } from "../../platform/json/join-json.ts";
import type { AcceptedOperation, StoredOperation } from "./repository/operations.ts";
import type { OperationStatus } from "./schemas.ts";

/** Why an operation failed, as its status shows it. */
export type OperationError = { readonly code: string; readonly message: string };

/**
 * One attempt at one operation. Owners are unique to a process and its start, so owner and attempt together name an
 * attempt for ever: whoever wants to write as this attempt shows both.
 */
export type Lease = { readonly lease_owner: string; readonly attempt: number };

/** Infrastructure may fail an operation this often; a fault of the request fails it at once. */
export const MOST_ATTEMPTS = 5;

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * How long to wait before the attempt after `attempt`: doubling, bounded, and spread over the upper half, so that what
 * failed together does not come back together. Null: that was the last attempt. `random` is from 0 to 1.
 */
export function pauseAfter(attempt: number, random: number): number | null {
  if (attempt >= MOST_ATTEMPTS) return null;
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
  return Math.round(pauseMs * (0.5 + random / 2));
}

/**
 * Attempts beyond the last come about only when workers vanish in the middle of their attempts and their leases run
 * out: such an operation is ended, not tried, or it would take one worker after the other with it.
 */
export function isBeyondLastAttempt({ attempt }: Lease): boolean {
  return attempt > MOST_ATTEMPTS;
}

export const WORKER_LOST: OperationError = {
  code: "DPM_ASYNC_WORKER_LOST",
  message: "the worker stopped before it finished the last attempt",
};

/** Renewed well before it runs out, so that two renewals may fail. */
export function renewalPauseMs(leaseMs: number): number {
  return Math.floor(leaseMs / 3);
}

/** Whose an operation is; `ended`: this very attempt has written its end, only the reply to its COMMIT was lost. */
export type LeaseState = "held" | "ended" | "lost";

export function leaseStateOf(row: Lease & { readonly status: OperationStatus }, lease: Lease): LeaseState {
  if (row.lease_owner !== lease.lease_owner || row.attempt !== lease.attempt) return "lost";
  return row.status === "RUNNING" ? "held" : "ended";
}

/**
 * Operations that were finished before this moment have expired: they are not there for anybody who reads, whether they
 * have been purged yet or not.
 */
export function expiryCutoff(now: Date, ttlSeconds: number): string {
  return new Date(now.getTime() - ttlSeconds * 1_000).toISOString();
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

export function dpmStatusText(operation: StoredOperation, manualExecutionEnabled: boolean): string {
  const executable = isExecutable(operation.status, manualExecutionEnabled);
  return joinObject({ ...statusFields(operation), is_executable: canonicalJson(executable) });
}

/** The members of a status, as canonical text. An attempt that is followed by another shows no error: only FAILED does. */
export function statusFields(operation: StoredOperation): Record<string, string> {
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

import type { DpmOperationType, OperationStatus, ProposalOperationType } from "./schemas.ts";

export type OperationType = DpmOperationType | ProposalOperationType;

/**
 * One attempt at one operation. Owners are unique to a process and its start, so owner and attempt together name an
 * attempt for ever: whoever wants to write as this attempt shows both.
 */
export type Lease = { readonly owner: string; readonly attempt: number };

/** Why an operation failed, as its status shows it. */
export type Failure = { readonly code: string; readonly message: string };

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
export function isBeyondLastAttempt(lease: Lease): boolean {
  return lease.attempt > MOST_ATTEMPTS;
}

export const WORKER_LOST: Failure = {
  code: "DPM_ASYNC_WORKER_LOST",
  message: "the worker stopped before it finished the last attempt",
};

/** Renewed well before it runs out, so that two renewals may fail. */
export function renewalPauseMs(leaseMs: number): number {
  return Math.floor(leaseMs / 3);
}

/** `settled`: this very attempt has already written its outcome, only the reply to its COMMIT was lost. */
export type Standing = "held" | "settled" | "lost";

export function standingOf(
  row: { readonly status: OperationStatus; readonly lease_owner: string | null; readonly attempt: number },
  lease: Lease,
): Standing {
  if (row.lease_owner !== lease.owner || row.attempt !== lease.attempt) return "lost";
  return row.status === "RUNNING" ? "held" : "settled";
}

/**
 * Operations that were finished before this moment are past their keep: they are not there for anybody who reads,
 * whether they have been purged yet or not.
 */
export function keptSince(now: Date, ttlSeconds: number): string {
  return new Date(now.getTime() - ttlSeconds * 1_000).toISOString();
}

/** Only what nobody has taken yet can be executed by hand, and only where that is switched on. */
export function isExecutable(status: OperationStatus, manualExecutionEnabled: boolean): boolean {
  return manualExecutionEnabled && status === "PENDING";
}

/** What is true of everything that a process takes for a while: operations, and the items of waves. Pure. */

/**
 * One attempt. Owners are unique to a process and its start, so owner and attempt together name an attempt for ever:
 * whoever wants to write as this attempt shows both.
 */
export type Lease = { readonly lease_owner: string; readonly attempt: number };

/** The leases that a process takes: in whose name, and for how long at a time. */
export type LeaseTerms = { readonly owner: string; readonly leaseMs: number };

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;

/**
 * How long to wait after so many failures in a row: doubling, bounded, and spread over the upper half, so that what
 * failed together does not come back together. `random` is from 0 to 1.
 */
export function pauseAfter(failures: number, random: number): number {
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
  return Math.round(pauseMs * (0.5 + random / 2));
}

/** The failures that were not the request's fault, since it was accepted or last retried by request. */
export type Failures = { readonly failed_attempts: number; readonly failing_for_ms: number };

/**
 * What follows on one more such failure: another attempt after a pause, or null, the end. The time is counted from the
 * first of these failures and not from acceptance: what nobody had time for yet loses none of it.
 */
export function pauseBeforeNext(failures: Failures, retryForMs: number, random: number): number | null {
  if (failures.failing_for_ms >= retryForMs) return null;
  return pauseAfter(failures.failed_attempts + 1, random);
}

/** Workers that may vanish in a row under one piece of work, leaving attempts of which nobody recorded the end. */
export const MOST_LOST_ATTEMPTS = 5;

/** Such work is ended, not tried, or it would take one worker after the other with it. */
export function isBeyondTrying({ lost_attempts }: { readonly lost_attempts: number }): boolean {
  return lost_attempts >= MOST_LOST_ATTEMPTS;
}

/** Renewed well before it runs out, so that two renewals may fail. */
export function renewalPauseMs(leaseMs: number): number {
  return Math.floor(leaseMs / 3);
}

/** Whose it is; `ended`: this very attempt has written its end, only the reply to its COMMIT was lost. */
export type LeaseState = "held" | "ended" | "lost";

export function leaseStateOf(row: Lease & { readonly status: string }, lease: Lease): LeaseState {
  if (row.lease_owner !== lease.lease_owner || row.attempt !== lease.attempt) return "lost";
  return row.status === "RUNNING" ? "held" : "ended";
}

import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { startClaimLoop, type ClaimLoop } from "../../platform/leases/claim-loop.ts";
import type { LeaseTerms } from "../../platform/leases/lease.ts";
import type { InFlightAttempts } from "./in-flight-attempts.ts";
import { claimDue } from "./repository/leases.ts";

export type WorkerDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly terms: LeaseTerms;
  readonly attempts: InFlightAttempts;
  /** Attempts under way at once, beyond which the worker claims none. */
  readonly concurrency: number;
  readonly pollMs: number;
  readonly onClaimError: (error: unknown) => void;
};

/** Claims operations that are due, as many as it may work on at once, until it is stopped. */
export function startWorker(deps: WorkerDeps): ClaimLoop {
  const { database, clock, terms, attempts, concurrency, pollMs, onClaimError } = deps;
  return startClaimLoop({
    room: () => concurrency - attempts.count(),
    claim: (limit) => {
      const startedAt = clock().toISOString();
      return inTransaction(database, { tenantId: null }, (tx) => claimDue(tx, terms, limit, startedAt));
    },
    start: attempts.start,
    pollMs,
    onClaimError,
  });
}

import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { renewalPauseMs } from "./core.ts";
import {
  cancelIfRequested,
  renewLease,
  type ClaimedOperation,
  type LeaseTerms,
} from "./repository/leases.ts";

export type HeartbeatDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly terms: LeaseTerms;
  readonly hooks: {
    /** A renewal or a return of the lease failed: the lease then runs out by itself. */
    readonly onLeaseError: (claimed: ClaimedOperation, error: unknown) => void;
  };
};

export type Heartbeat = {
  /** Whether the lease can still be this attempt's, by what was last heard of it. */
  readonly mayHoldLease: () => boolean;
  readonly stop: () => void;
};

/**
 * Renews the lease of an attempt until it is stopped, and cancels the operation where that was asked for. A renewal that
 * fails is made up for by the next; one that finds the lease gone changes nothing, nor will the end of the attempt.
 */
export function startHeartbeat(deps: HeartbeatDeps, claimed: ClaimedOperation): Heartbeat {
  const { leaseMs } = deps.terms;
  const pauseMs = renewalPauseMs(leaseMs);
  const context = { tenantId: claimed.tenant_id, deadlineMs: pauseMs };
  let leaseEndsAt = performance.now() + leaseMs;

  async function beat(): Promise<void> {
    const sentAt = performance.now();
    const finishedAt = deps.clock().toISOString();
    const isRenewed = await inTransaction(deps.database, context, async (tx) => {
      const [, renewed] = await Promise.all([
        cancelIfRequested(tx, claimed, finishedAt),
        renewLease(tx, claimed, leaseMs),
      ]);
      return renewed;
    });
    if (isRenewed) leaseEndsAt = sentAt + leaseMs;
  }

  const timer = setInterval(() => {
    beat().catch((error: unknown) => {
      deps.hooks.onLeaseError(claimed, error);
    });
  }, pauseMs);
  return {
    mayHoldLease: () => performance.now() < leaseEndsAt,
    stop: () => {
      clearInterval(timer);
    },
  };
}

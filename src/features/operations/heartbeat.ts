import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { startHeartbeat as startBeating, type Heartbeat } from "../../platform/leases/heartbeat.ts";
import type { LeaseTerms } from "../../platform/leases/lease.ts";
import { cancelIfRequested, renewLease, type ClaimedOperation } from "./repository/leases.ts";

export type HeartbeatDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly terms: LeaseTerms;
  readonly hooks: {
    /** A renewal or a return of the lease failed: the lease then runs out by itself. */
    readonly onLeaseError: (claimed: ClaimedOperation, error: unknown) => void;
  };
};

/** Renews the lease of an attempt until it is stopped, and cancels the operation where that was asked for. */
export function startHeartbeat(deps: HeartbeatDeps, claimed: ClaimedOperation): Heartbeat {
  const { leaseMs } = deps.terms;
  return startBeating({
    leaseMs,
    renew: (deadlineMs) => {
      const finishedAt = deps.clock().toISOString();
      return inTransaction(deps.database, { tenantId: claimed.tenant_id, deadlineMs }, async (tx) => {
        const [, isRenewed] = await Promise.all([
          cancelIfRequested(tx, claimed, finishedAt),
          renewLease(tx, claimed, leaseMs),
        ]);
        return isRenewed;
      });
    },
    onError: (error) => deps.hooks.onLeaseError(claimed, error),
  });
}

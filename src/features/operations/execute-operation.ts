import { inTransaction } from "../../platform/database/transaction.ts";
import type { AttemptDeps, AttemptEnd } from "./attempt-operation.ts";
import type { InFlightAttempts } from "./in-flight-attempts.ts";
import { claimPending, type ClaimedOperation } from "./repository/leases.ts";

export type ExecuteDeps = Pick<AttemptDeps, "database" | "clock" | "terms"> & {
  readonly attempts: InFlightAttempts;
};

/**
 * Claims a PENDING operation and makes one attempt at it, now. Of several that try, workers among them, the row lets
 * one win; the others get undefined.
 */
export async function executeNow(
  deps: ExecuteDeps,
  tenantId: string,
  operation: Pick<ClaimedOperation, "operation_id" | "operation_type">,
): Promise<AttemptEnd | undefined> {
  const startedAt = deps.clock().toISOString();
  const claimed = await inTransaction(deps.database, { tenantId }, (tx) =>
    claimPending(tx, tenantId, operation, deps.terms, startedAt),
  );
  return claimed === undefined ? undefined : deps.attempts.start(claimed);
}

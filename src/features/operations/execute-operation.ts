import { inTransaction } from "../../platform/database/transaction.ts";
import { TimeLimitError, within } from "../../platform/time-limit.ts";
import type { AttemptDeps, AttemptEnd } from "./attempt-operation.ts";
import type { InFlightAttempts } from "./in-flight-attempts.ts";
import { claimPending, type ClaimedOperation } from "./repository/leases.ts";

export type ExecuteDeps = Pick<AttemptDeps, "database" | "clock" | "terms"> & {
  readonly attempts: InFlightAttempts;
};

/**
 * Claims a PENDING operation and makes one attempt at it, now. Of several that try, workers among them, the row lets
 * one win; the others get undefined. An attempt is the process's and not the caller's: one that is `under_way` at the
 * deadline goes on, and its end is found with the operation.
 */
export async function executeNow(
  deps: ExecuteDeps,
  tenantId: string,
  operation: Pick<ClaimedOperation, "operation_id" | "operation_type">,
): Promise<AttemptEnd | "under_way" | undefined> {
  const startedAt = deps.clock().toISOString();
  const claimed = await inTransaction(deps.database, { tenantId }, (tx) =>
    claimPending(tx, tenantId, operation, deps.terms, startedAt),
  );
  if (claimed === undefined) return undefined;
  const attempting = deps.attempts.start(claimed);
  return within({ signal: deps.database.deadline?.signal }, attempting).catch((error: unknown) => {
    if (error instanceof TimeLimitError) return "under_way";
    throw error;
  });
}

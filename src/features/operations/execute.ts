import { inTransaction } from "../../platform/database/transaction.ts";
import type { OperationType } from "./core.ts";
import type { AttemptEnd, ExecutionDeps } from "./execution.ts";
import type { Hands } from "./hands.ts";
import { claimPending } from "./repository.ts";

export type ExecuteDeps = Pick<ExecutionDeps, "database" | "clock" | "terms"> & { readonly hands: Hands };

/**
 * Claims a PENDING operation and makes one attempt at it, now. Of several that try, workers among them, the row lets
 * one win; the others get undefined.
 */
export async function executeNow(
  deps: ExecuteDeps,
  tenantId: string,
  operation: {
    readonly operationId: string;
    readonly operationType: OperationType;
  },
): Promise<AttemptEnd | undefined> {
  const startedAt = deps.clock().toISOString();
  const claim = await inTransaction(deps.database, { tenantId }, (tx) =>
    claimPending(tx, tenantId, operation, deps.terms, startedAt),
  );
  return claim === undefined ? undefined : deps.hands.attempt(claim);
}

import { inTransaction } from "../../platform/database/transaction.ts";
import type { Runtime } from "../../runtime.ts";
import { expiryCutoff } from "./core.ts";
import { findOperation, type OperationKey, type StoredOperation } from "./repository/operations.ts";
import type { OperationType } from "./schemas.ts";

/**
 * An operation with its status; undefined: there is none of these types, or it has expired. A status decides what the
 * caller does next, so it comes from the primary.
 */
export function readOperation(
  { database, clock, config }: Pick<Runtime, "database" | "clock" | "config">,
  tenantId: string,
  key: OperationKey,
  types: readonly OperationType[],
): Promise<StoredOperation | undefined> {
  const cutoff = expiryCutoff(clock(), config.rebalance.operations.ttlSeconds);
  return inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    findOperation(tx, tenantId, key, types, cutoff),
  );
}

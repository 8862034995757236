import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { isPack, type StoredPack } from "./core.ts";
import { findRevision, listPacks } from "./repository.ts";

/** The pack in force, now or at a moment. */
export async function readStoredPack(
  database: Database,
  tenantId: string,
  policyPackId: string,
  asOf?: string,
): Promise<StoredPack | undefined> {
  const revision = await inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    findRevision(tx, tenantId, policyPackId, asOf),
  );
  return isPack(revision) ? revision : undefined;
}

/** Every pack in force. */
export function readCatalogue(database: Database, tenantId: string): Promise<readonly StoredPack[]> {
  return inTransaction(database, { tenantId, readOnly: true }, (tx) => listPacks(tx, tenantId));
}

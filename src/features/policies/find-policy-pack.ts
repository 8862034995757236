import type { Database } from "../../platform/database/database.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { isPack, type PolicyPack } from "./core.ts";
import { findRevision } from "./repository.ts";

/** The pack of this id that is in force; undefined where there is none: then runs go on without. */
export async function findPolicyPack(
  tx: Tx,
  tenantId: string,
  policyPackId: string,
): Promise<PolicyPack | undefined> {
  const stored = await findRevision(tx, tenantId, policyPackId);
  if (!isPack(stored)) return undefined;
  const { version, revision, definition_text } = stored;
  return { id: policyPackId, version, revision, definition_text };
}

/** The same in a transaction of its own, which is spared where no pack is selected. */
export async function readPolicyPack(
  database: Database,
  tenantId: string,
  policyPackId: string | null,
): Promise<PolicyPack | undefined> {
  if (policyPackId === null) return undefined;
  return inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    findPolicyPack(tx, tenantId, policyPackId),
  );
}

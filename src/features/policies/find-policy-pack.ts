import type { Database } from "../../platform/database/database.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { isPack, type PackInForce, type PolicyPack } from "./core.ts";
import { findRevision } from "./repository.ts";

/** The pack of this id that is in force, now or at a moment; undefined where there is none. */
export async function findPolicyPack(
  tx: Tx,
  tenantId: string,
  policyPackId: string,
  asOf?: string,
): Promise<PolicyPack | undefined> {
  const stored = await findRevision(tx, tenantId, policyPackId, asOf);
  if (!isPack(stored)) return undefined;
  const { version, revision, definition_text, valid_from } = stored;
  return { id: policyPackId, version, revision, definition_text, valid_from };
}

/** What a selection comes to, in a transaction of its own, which is spared where no pack is selected. */
export async function readPackInForce(
  database: Database,
  tenantId: string,
  policyPackId: string | null,
  asOf?: string,
): Promise<PackInForce> {
  if (policyPackId === null) return { policyPack: undefined, isPackMissing: false };
  const policyPack = await inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    findPolicyPack(tx, tenantId, policyPackId, asOf),
  );
  return { policyPack, isPackMissing: policyPack === undefined };
}

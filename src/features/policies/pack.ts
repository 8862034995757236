import { identifier } from "../../contract/scalars.ts";
import { wireObject } from "../../contract/wire.ts";
import type { Database } from "../../platform/database/database.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { readJsonBody } from "../../platform/json/read-json.ts";
import { readStoredJson } from "../../platform/json/stored-json.ts";
import { DpmPolicyPackUpsertRequest } from "./schemas.ts";
import { isPack } from "./core.ts";
import { findRevision } from "./repository.ts";

/** A pack as runs are shaped by it: which one, and what it says. */
export type PolicyPack = {
  readonly id: string;
  readonly version: string;
  readonly revision: number;
  readonly definition: DpmPolicyPackUpsertRequest;
};

const StoredDefinition = wireObject({ policy_pack_id: identifier, ...DpmPolicyPackUpsertRequest.shape });

/** The definition of a stored pack, read through the contract that it passed when it came. */
export function parseDefinition(definitionText: string): DpmPolicyPackUpsertRequest {
  return StoredDefinition.parse(readStoredJson(definitionText));
}

/** The same for a text that may have been altered: undefined where it is no definition (any more). */
export function readDefinition(definitionText: string): DpmPolicyPackUpsertRequest | undefined {
  const body = readJsonBody(Buffer.from(definitionText, "utf8"));
  return body.ok ? StoredDefinition.safeParse(body.value).data : undefined;
}

/** The pack of this id that is in force; undefined where there is none: then runs go on without. */
export async function findPolicyPack(
  tx: Tx,
  tenantId: string,
  policyPackId: string,
): Promise<PolicyPack | undefined> {
  const stored = await findRevision(tx, tenantId, policyPackId);
  if (!isPack(stored)) return undefined;
  const { version, revision, definition_text } = stored;
  return { id: policyPackId, version, revision, definition: parseDefinition(definition_text) };
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

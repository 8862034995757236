import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { writeOnce } from "../../platform/idempotency.ts";
import type { DpmPolicyPackUpsertRequest } from "./schemas.ts";
import {
  deletePack,
  isPack,
  putPack,
  type PackChange,
  type PackRevision,
  type Preconditions,
  type StoredPack,
  type WriteContext,
} from "./core.ts";
import { findRevision, insertRevision, listPacks, lockPack, revisionExists } from "./repository.ts";

export type CatalogueDeps = { readonly database: Database; readonly clock: Clock };

/** Which pack of which tenant, and the request that writes. */
export type PackWrite = {
  readonly tenantId: string;
  readonly policyPackId: string;
  readonly correlationId: string;
  readonly preconditions: Preconditions;
};

/** Puts a definition into force. A repetition of what is in force changes nothing. */
export function putPolicyPack(
  deps: CatalogueDeps,
  write: PackWrite,
  definition: DpmPolicyPackUpsertRequest,
): Promise<PackChange> {
  return change(deps, write, (newest, context) =>
    putPack(write.policyPackId, newest, definition, write.preconditions, context),
  );
}

/** Takes a pack out of force; what it was before stays readable with `as_of`. */
export function deletePolicyPack(deps: CatalogueDeps, write: PackWrite): Promise<PackChange> {
  return change(deps, write, (newest, context) =>
    deletePack(write.policyPackId, newest, write.preconditions, context),
  );
}

type Decide = (newest: PackRevision | undefined, context: WriteContext) => PackChange;

/** Writers of one pack take turns: each decides on what the one before it left. */
async function change(deps: CatalogueDeps, write: PackWrite, decide: Decide): Promise<PackChange> {
  const { tenantId, policyPackId, correlationId } = write;
  let outcome: PackChange = { kind: "not_found" };
  await writeOnce(
    deps,
    tenantId,
    async (tx) => outcome.kind === "append" && (await revisionExists(tx, tenantId, outcome.revision)),
    async (tx) => {
      await lockPack(tx, tenantId, policyPackId);
      const newest = await findRevision(tx, tenantId, policyPackId);
      outcome = decide(newest, { correlationId, now: deps.clock() });
      if (outcome.kind === "append") await insertRevision(tx, tenantId, outcome.revision);
    },
  );
  return outcome;
}

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

import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { findStoredOutcome, type RequestKey } from "../../platform/idempotency/repository.ts";
import { replayOf, type WriteOutcome } from "../../platform/idempotency/write.ts";
import type { PackInForce, PackSelection } from "../policies/core.ts";
import { findPolicyPack } from "../policies/find-policy-pack.ts";

/** What is there before anything is calculated. */
export type Ahead = PackInForce & {
  /** What the key stands for already; undefined: nothing, or it was not looked up. */
  readonly stored: WriteOutcome<never> | undefined;
  readonly isLookedUp: boolean;
  /** The request needs a pack that does not exist. What is stored under its key is answered all the same. */
  readonly isRefused: boolean;
};

/** A request that is refused for its pack. Not stored under its key: the pack may be put a moment later. */
export type UnknownPack = { readonly kind: "unknown_policy_pack" };

/**
 * Reads the selected pack and, in the same transaction, what is stored under the key: so a run with a pack takes no
 * transaction more than one without. Where no pack is selected there is nothing to read ahead.
 */
export async function lookAhead(
  database: Database,
  tenantId: string,
  { id, isRequired }: PackSelection,
  key: RequestKey | null,
): Promise<Ahead> {
  if (id === null) return NOTHING;
  return inTransaction(database, { tenantId, readOnly: true }, async (tx) => {
    const [policyPack, found] = await Promise.all([
      findPolicyPack(tx, tenantId, id),
      key === null ? undefined : findStoredOutcome(tx, key),
    ]);
    const stored = found?.kind === "stored" ? replayOf(found.answer) : found;
    const isPackMissing = policyPack === undefined;
    const isRefused = isPackMissing && isRequired;
    return { policyPack, isPackMissing, isRefused, stored, isLookedUp: key !== null };
  });
}

const NOTHING: Ahead = {
  policyPack: undefined,
  isPackMissing: false,
  isRefused: false,
  stored: undefined,
  isLookedUp: false,
};

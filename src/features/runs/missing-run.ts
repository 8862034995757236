import type { Tx } from "../../platform/database/transaction.ts";
import { findKeyMapping, type RunKey } from "./repository.ts";

/** Why there is no run; `inconsistent`: the key maps to a run that is not there. */
export type MissingRun =
  { readonly kind: "run_not_found" } | { readonly kind: "key_not_found" } | { readonly kind: "inconsistent" };

/** What was asked for about a run, or why there is nothing. */
export type AboutRun<T> = { readonly kind: "found"; readonly value: T } | MissingRun;

/** A key of simulate is known by its record, so its run must be there too. */
export async function whyMissing(tx: Tx, tenantId: string, { by, value }: RunKey): Promise<MissingRun> {
  if (by !== "idempotency_key") return { kind: "run_not_found" };
  const mapping = await findKeyMapping(tx, tenantId, value);
  return { kind: mapping === undefined ? "key_not_found" : "inconsistent" };
}

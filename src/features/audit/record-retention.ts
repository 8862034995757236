import type { Clock } from "../../platform/clock.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import type { Ids } from "../../platform/ids.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { appendEvent, lockChain } from "./append-event.ts";
import { DEPLOYMENT } from "./chain.ts";
import { retentionEntry } from "./core.ts";
import { findNewestEvent } from "./repository.ts";
import { RetentionDetails } from "./schemas.ts";

export type RetentionAnnounced = {
  /** The process that says it. */
  readonly process: string;
  /** Whether this is the first time that the process says anything. */
  readonly isFirst: boolean;
  readonly details: RetentionDetails;
};

/**
 * Records a change of the deployment's retention, in the transaction in which a process said it (of the tenant
 * `DEPLOYMENT`): another one rules than was recorded last, or a process begins that is configured otherwise. What
 * processes of different configurations repeat is no change.
 */
export async function recordRetention(
  tx: Tx,
  { newId, clock }: { readonly newId: Ids; readonly clock: Clock },
  announced: RetentionAnnounced,
): Promise<void> {
  if (!(await isChange(tx, announced))) return;
  await lockChain(tx, DEPLOYMENT);
  // Another process may have recorded the same meanwhile.
  if (!(await isChange(tx, announced))) return;
  await appendEvent(
    tx,
    DEPLOYMENT,
    retentionEntry(announced.details, announced.process, newId("aev_")),
    clock,
  );
}

async function isChange(tx: Tx, { details, isFirst }: RetentionAnnounced): Promise<boolean> {
  const newest = await findNewestEvent(tx, DEPLOYMENT, "RETENTION_SET");
  if (newest === undefined) return true;
  const recorded = RetentionDetails.safeParse(JSON.parse(newest.details_text)).data;
  const isSame = (part: keyof RetentionDetails) =>
    canonicalJson(recorded?.[part] ?? null) === canonicalJson(details[part]);
  return !isSame("ruling") || (isFirst && !isSame("configured"));
}

import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { leaseStateOf } from "../../platform/leases/lease.ts";
import { settle } from "../../platform/leases/settle.ts";
import type { Runtime } from "../../runtime.ts";
import type { RunRecord } from "../runs/repository.ts";
import type { WaveTotal } from "./core/totals.ts";
import { settleWhenOver } from "./record-event.ts";
import {
  lockItems,
  markFailed,
  markSucceeded,
  putBack,
  type ClaimedItem,
  type ItemError,
  type LeasedItem,
} from "./repository/leases.ts";
import { insertItemRuns, type MadeRun } from "./repository/runs.ts";
import { addTotals } from "./repository/totals.ts";
import { countEnded, type EndedChange } from "./repository/waves.ts";

export type EndsDeps = Pick<Runtime, "database" | "clock" | "newId">;

/** What an attempt at an item has come to. */
export type ItemEnd =
  | { readonly kind: "succeeded"; readonly run: RunRecord }
  | { readonly kind: "failed"; readonly error: ItemError }
  /** It failed for no fault of its own: what follows depends on how long it has been failing. */
  | { readonly kind: "unfinished"; readonly decide: (row: LeasedItem) => Unfinished };

/** Another attempt after a pause, or none. */
export type Unfinished = { readonly error: ItemError; readonly pauseMs: number | null };

export type EndedItem = { readonly item: ClaimedItem; readonly end: ItemEnd };

/** Items of one wave that were worked on together. */
export type EndedBatch = {
  readonly tenantId: string;
  readonly waveId: string;
  readonly submitter: string | null;
  readonly ends: readonly EndedItem[];
  /** The sums over all runs of the batch. */
  readonly totals: readonly WaveTotal[];
};

/** How an attempt at an item ended, as it is counted. */
export type Outcome = "succeeded" | "failed" | "put_back" | "lease_lost" | "unsettled";

/** Some of the leases are somebody else's by now, so that the sums are not those of what may be written. */
export class PartlyLost extends Error {}

/**
 * Writes what the items of a batch came to, in one transaction: runs, documents, edges, records, items, sums, and the end of
 * the wave where they were its last. The items stay locked from the look at their leases until COMMIT: nobody can take one
 * over in between. Where the leases of some are lost, nothing is written: `PartlyLost`.
 */
export function writeEnds(deps: EndsDeps, batch: EndedBatch): Promise<ReadonlyMap<string, Outcome>> {
  const { tenantId } = batch;
  return settle(() => inTransaction(deps.database, { tenantId }, (tx) => writeHeld(tx, deps, batch)));
}

async function writeHeld(tx: Tx, deps: EndsDeps, batch: EndedBatch): Promise<ReadonlyMap<string, Outcome>> {
  const { tenantId, waveId, ends } = batch;
  const keys = ends.map(({ item }) => item.item_key);
  const rows = new Map((await lockItems(tx, { tenantId, waveId, keys })).map((row) => [row.item_key, row]));
  const outcomes = new Map<string, Outcome>();
  const held: (EndedItem & { readonly row: LeasedItem })[] = [];
  for (const ended of ends) {
    const row = rows.get(ended.item.item_key);
    const state = row === undefined ? "lost" : leaseStateOf(row, ended.item);
    if (row !== undefined && state === "held") held.push({ ...ended, row });
    else
      outcomes.set(ended.item.item_key, row !== undefined && state === "ended" ? endOf(row) : "lease_lost");
  }
  if (held.length === 0) return outcomes;
  if (held.length < ends.length) throw new PartlyLost();
  await writeAll(tx, deps, batch, held, outcomes);
  return outcomes;
}

function endOf({ status }: LeasedItem): Outcome {
  if (status === "SUCCEEDED") return "succeeded";
  return status === "FAILED" ? "failed" : "put_back";
}

async function writeAll(
  tx: Tx,
  deps: EndsDeps,
  batch: EndedBatch,
  held: readonly (EndedItem & { readonly row: LeasedItem })[],
  outcomes: Map<string, Outcome>,
): Promise<void> {
  const { tenantId, waveId, totals } = batch;
  const finishedAt = deps.clock().toISOString();
  const made: MadeRun[] = [];
  for (const { item, end, row } of held) {
    const { item_key } = item;
    if (end.kind === "succeeded") {
      made.push({ item_key, run: end.run });
      outcomes.set(item_key, "succeeded");
      continue;
    }
    const unfinished = end.kind === "failed" ? { error: end.error, pauseMs: null } : end.decide(row);
    const { error, pauseMs } = unfinished;
    if (pauseMs === null) await markFailed(tx, tenantId, waveId, item_key, error, finishedAt);
    else await putBack(tx, tenantId, waveId, item_key, error, pauseMs);
    outcomes.set(item_key, pauseMs === null ? "failed" : "put_back");
  }
  await writeRuns(tx, batch, made, finishedAt);
  const change = changeOf(made, outcomes);
  if (change === undefined) return;
  // The lock of the wave comes last, and is held for as long as it takes to add up and commit.
  const [wave] = await Promise.all([
    countEnded(tx, tenantId, waveId, change),
    addTotals(tx, tenantId, waveId, totals),
  ]);
  if (wave === undefined) throw new Error(`wave ${waveId} is gone under the lock of its items`);
  await settleWhenOver(tx, deps, tenantId, wave);
}

async function writeRuns(
  tx: Tx,
  { tenantId, waveId, submitter }: EndedBatch,
  made: readonly MadeRun[],
  finishedAt: string,
): Promise<void> {
  if (made.length === 0) return;
  await insertItemRuns(tx, { tenantId, waveId, submitter }, made);
  const succeeded = made.map(({ item_key, run }) => ({
    item_key,
    rebalance_run_id: run.rebalance_run_id,
    run_status: run.status,
    result_hash: run.result_hash,
  }));
  await markSucceeded(tx, tenantId, waveId, succeeded, finishedAt);
}

/** What is to be counted; undefined: nothing has ended. */
function changeOf(made: readonly MadeRun[], outcomes: ReadonlyMap<string, Outcome>): EndedChange | undefined {
  const ofStatus = (status: string) => made.filter(({ run }) => run.status === status).length;
  const failed = [...outcomes.values()].filter((outcome) => outcome === "failed").length;
  if (made.length === 0 && failed === 0) return undefined;
  return {
    ready_count: ofStatus("READY"),
    pending_review_count: ofStatus("PENDING_REVIEW"),
    blocked_count: ofStatus("BLOCKED"),
    failed_count: failed,
    cancelled_count: 0,
  };
}

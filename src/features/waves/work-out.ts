import { databaseFault } from "../../platform/database/errors.ts";
import { isBeyondTrying, pauseAfter, pauseBeforeNext } from "../../platform/leases/lease.ts";
import type { CalculationTerms } from "../../platform/threads.ts";
import type { PackInForce } from "../policies/core.ts";
import type { Batch, BatchDeps } from "./batch.ts";
import { CALCULATE_ITEMS, type CalculatedItems } from "./calculations.ts";
import { DATABASE_AWAY, invalidPortfolio, ITEM_FAILED, ITEM_LOST } from "./core/items.ts";
import type { ClaimedItem, ItemWork, LeasedItem } from "./repository/leases.ts";
import type { WaveWork } from "./repository/waves.ts";
import type { EndedBatch, EndedItem, ItemEnd, Unfinished } from "./write-ends.ts";

/** Items wait for a thread behind all people, and for as long as it takes. */
const ITEM_WORK: CalculationTerms = { cost: Infinity, waits: true, yields: true };

/** What the engine cannot calculate, it will hardly do in an hour: so many attempts, and then its failure is shown. */
const MOST_CALCULATIONS = 5;

/** What each item comes to: those that can be calculated are, together. */
export async function workOut(
  deps: BatchDeps,
  batch: Batch,
  wave: WaveWork,
  works: readonly ItemWork[],
): Promise<Pick<EndedBatch, "ends" | "totals">> {
  const workOf = new Map(works.map((work) => [work.item_key, work]));
  const ends: EndedItem[] = [];
  const calculated: { readonly item: ClaimedItem; readonly work: ItemWork }[] = [];
  for (const item of batch.items) {
    const work = workOf.get(item.item_key);
    if (work === undefined) throw new Error(`item ${item.item_key} has no portfolio`);
    if (isBeyondTrying(item)) ends.push({ item, end: { kind: "failed", error: ITEM_LOST } });
    else if (work.faults_text !== null) {
      ends.push({ item, end: { kind: "failed", error: invalidPortfolio(work.faults_text) } });
    } else calculated.push({ item, work });
  }
  if (calculated.length === 0) return { ends, totals: [] };
  const result = await calculate(deps, wave, calculated);
  for (const [index, { item }] of calculated.entries()) {
    ends.push({ item, end: endOf(deps, batch, item, result.items[index]) });
  }
  return { ends, totals: result.totals };
}

function calculate(
  { config, calculations, newId, engineVersion, clock }: BatchDeps,
  wave: WaveWork,
  calculated: readonly { readonly work: ItemWork }[],
): Promise<CalculatedItems> {
  const input = {
    sharedText: wave.shared_text,
    pack: packOf(wave),
    items: calculated.map(({ work }) => ({
      portfolioText: work.portfolio_text,
      runId: newId("rr_"),
      correlationId: `${wave.correlation_id}:${work.item_key}`,
    })),
    engineVersion,
    defaultRulesVersion: wave.default_rules_version,
    createdAt: clock().toISOString(),
    storesArtifact: config.rebalance.artifactStoreMode === "PERSISTED",
  };
  return calculations.run(CALCULATE_ITEMS, input, ITEM_WORK);
}

function packOf({ is_pack_missing: isPackMissing, ...wave }: WaveWork): PackInForce {
  const { policy_pack_id: id, policy_pack_version: version, policy_pack_revision: revision } = wave;
  if (id === null) return { policyPack: undefined, isPackMissing };
  const { definition_text, valid_from } = wave;
  if (version === null || revision === null || definition_text === null || valid_from === null) {
    throw new Error(`policy pack ${id}, which a wave was created with, is not stored`);
  }
  return { policyPack: { id, version, revision, definition_text, valid_from }, isPackMissing };
}

function endOf(
  deps: BatchDeps,
  batch: Batch,
  item: ClaimedItem,
  calculated: CalculatedItems["items"][number] | undefined,
): ItemEnd {
  if (calculated?.kind === "run") return { kind: "succeeded", run: calculated.run };
  if (calculated?.kind === "refused")
    return { kind: "failed", error: invalidPortfolio(calculated.faultsText) };
  const error = new Error(calculated?.reason ?? "it was not calculated");
  deps.hooks.onItemError(batch, item.item_key, error);
  return { kind: "unfinished", decide: (row) => unfinished(deps, row, error) };
}

/** Of the database, or of the calculation: what a caller may know of it, and when it is tried again. */
export function unfinished({ retryForMs, random }: BatchDeps, row: LeasedItem, error: unknown): Unfinished {
  if (databaseFault(error) !== undefined) {
    return { error: DATABASE_AWAY, pauseMs: pauseBeforeNext(row, retryForMs, random()) };
  }
  const attempts = row.failed_attempts + 1;
  return {
    error: ITEM_FAILED,
    pauseMs: attempts >= MOST_CALCULATIONS ? null : pauseAfter(attempts, random()),
  };
}

import type { Clock } from "../../platform/clock.ts";
import { databaseFault } from "../../platform/database/errors.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { startHeartbeat, type Heartbeat } from "../../platform/leases/heartbeat.ts";
import {
  isBeyondTrying,
  leaseStateOf,
  pauseAfter,
  pauseBeforeNext,
  type LeaseTerms,
} from "../../platform/leases/lease.ts";
import { recordWhileHeld, settle } from "../../platform/leases/settle.ts";
import type { CalculationTerms } from "../../platform/threads.ts";
import type { Runtime } from "../../runtime.ts";
import type { PackInForce } from "../policies/core.ts";
import { CALCULATE_ITEMS, type CalculatedItems } from "./calculations.ts";
import { DATABASE_AWAY, invalidPortfolio, ITEM_FAILED, ITEM_LOST } from "./core/items.ts";
import {
  findItemWork,
  lockItems,
  release,
  renewLeases,
  type ClaimedItem,
  type ItemsOfWave,
  type ItemWork,
  type LeasedItem,
} from "./repository/items.ts";
import { findWaveWork, type WaveWork } from "./repository/waves.ts";
import {
  writeEnds,
  type EndedBatch,
  type EndedItem,
  type ItemEnd,
  type Outcome,
  type Unfinished,
} from "./write-ends.ts";

/** Items of one wave that a process has taken together, each under a lease of its own. */
export type Batch = {
  readonly tenantId: string;
  readonly waveId: string;
  readonly items: readonly ClaimedItem[];
};

export type Outcomes = ReadonlyMap<string, Outcome>;

/** Called at the moments that are worth counting or logging. */
export type BatchHooks = {
  readonly onRuns: (statuses: readonly string[]) => void;
  readonly onBatchEnd: (batch: Batch, outcomes: Outcomes) => void;
  readonly onItemError: (batch: Batch, itemKey: string | null, error: unknown) => void;
  readonly onLeaseError: (batch: Batch, error: unknown) => void;
};

export type BatchDeps = Pick<Runtime, "config" | "database" | "calculations" | "newId" | "engineVersion"> & {
  readonly clock: Clock;
  readonly terms: LeaseTerms;
  readonly random: () => number;
  /** How long failures of the database are followed by another attempt, from the first of them on. */
  readonly retryForMs: number;
  readonly hooks: BatchHooks;
};

/** Items wait for a thread behind all people, and for as long as it takes. */
const ITEM_WORK: CalculationTerms = { cost: Infinity, waits: true, yields: true };

/** What the engine cannot calculate, it will hardly do in an hour: so many attempts, and then its failure is shown. */
const MOST_CALCULATIONS = 5;

/**
 * One attempt at the items of a batch, to its end. Never throws. A batch that fails is tried item by item, so that one that
 * is bad costs itself only.
 */
export async function attemptBatch(deps: BatchDeps, batch: Batch): Promise<Outcomes> {
  const heartbeat = startBeating(deps, batch);
  try {
    const outcomes = await workOn(deps, batch, heartbeat);
    deps.hooks.onBatchEnd(batch, outcomes);
    return outcomes;
  } catch (error) {
    deps.hooks.onItemError(batch, null, error);
    const outcomes = await recordUnfinished(deps, batch, heartbeat, error);
    deps.hooks.onBatchEnd(batch, outcomes);
    return outcomes;
  } finally {
    heartbeat.stop();
  }
}

function startBeating({ database, terms, hooks }: BatchDeps, batch: Batch): Heartbeat {
  const { tenantId } = batch;
  return startHeartbeat({
    leaseMs: terms.leaseMs,
    renew: async (deadlineMs) => {
      const renewed = await inTransaction(database, { tenantId, deadlineMs }, (tx) =>
        renewLeases(tx, itemsOf(batch), terms.owner, terms.leaseMs),
      );
      return renewed > 0;
    },
    onError: (error) => hooks.onLeaseError(batch, error),
  });
}

function itemsOf({ tenantId, waveId, items }: Batch): ItemsOfWave {
  return { tenantId, waveId, keys: items.map(({ item_key }) => item_key) };
}

async function workOn(deps: BatchDeps, batch: Batch, heartbeat: Heartbeat): Promise<Outcomes> {
  try {
    return await workTogether(deps, batch);
  } catch (error) {
    if (batch.items.length === 1 || isOutage(error)) throw error;
    deps.hooks.onItemError(batch, null, error);
    const outcomes = new Map<string, Outcome>();
    for (const item of batch.items) {
      const alone = { ...batch, items: [item] };
      for (const [key, outcome] of await workAlone(deps, alone, heartbeat)) outcomes.set(key, outcome);
    }
    return outcomes;
  }
}

async function workAlone(deps: BatchDeps, batch: Batch, heartbeat: Heartbeat): Promise<Outcomes> {
  try {
    return await workTogether(deps, batch);
  } catch (error) {
    deps.hooks.onItemError(batch, batch.items[0]?.item_key ?? null, error);
    return recordUnfinished(deps, batch, heartbeat, error);
  }
}

/** What would meet each item as well as all of them. */
function isOutage(error: unknown): boolean {
  const kind = databaseFault(error)?.kind;
  return kind !== undefined && !OF_THE_DATA.has(kind);
}

const OF_THE_DATA: ReadonlySet<string> = new Set([
  "unique_violation",
  "constraint_violation",
  "rejected",
  "not_permitted",
]);

async function workTogether(deps: BatchDeps, batch: Batch): Promise<Outcomes> {
  const { tenantId, waveId } = batch;
  const { hooks } = deps;
  const [wave, works] = await inTransaction(deps.database, { tenantId, readOnly: true }, (tx) =>
    Promise.all([findWaveWork(tx, tenantId, waveId), findItemWork(tx, itemsOf(batch))]),
  );
  if (wave === undefined) throw new Error(`wave ${waveId} is gone, and items of it are there`);
  const { ends, totals } = await workOut(deps, batch, wave, works);
  const ended: EndedBatch = { tenantId, waveId, submitter: wave.authenticated_subject, ends, totals };
  const outcomes = await writeEnds(deps, ended);
  hooks.onRuns(
    ends.flatMap(({ item, end }) =>
      end.kind === "succeeded" && outcomes.get(item.item_key) === "succeeded" ? [end.run.status] : [],
    ),
  );
  return outcomes;
}

/** What each item comes to: those that can be calculated are, together. */
async function workOut(
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
function unfinished({ retryForMs, random }: BatchDeps, row: LeasedItem, error: unknown): Unfinished {
  if (databaseFault(error) !== undefined) {
    return { error: DATABASE_AWAY, pauseMs: pauseBeforeNext(row, retryForMs, random()) };
  }
  const attempts = row.failed_attempts + 1;
  return {
    error: ITEM_FAILED,
    pauseMs: attempts >= MOST_CALCULATIONS ? null : pauseAfter(attempts, random()),
  };
}

/** Records that none of the items came to an end, as often as it takes while their leases are held. */
async function recordUnfinished(
  deps: BatchDeps,
  batch: Batch,
  heartbeat: Heartbeat,
  error: unknown,
): Promise<Outcomes> {
  const { tenantId, waveId, items } = batch;
  const outcomes = new Map<string, Outcome>();
  for (const item of items) {
    const end: ItemEnd = { kind: "unfinished", decide: (row) => unfinished(deps, row, error) };
    const ended = { tenantId, waveId, submitter: null, ends: [{ item, end }], totals: [] };
    const recorded = await recordWhileHeld(heartbeat, () => writeEnds(deps, ended));
    outcomes.set(item.item_key, recorded?.get(item.item_key) ?? "unsettled");
  }
  return outcomes;
}

/** Hands items that are not going to be finished in time to other processes, at once. */
export async function releaseBatch({ database }: Pick<BatchDeps, "database">, batch: Batch): Promise<void> {
  const { tenantId, waveId } = batch;
  await settle(() =>
    inTransaction(database, { tenantId }, async (tx) => {
      const rows = new Map((await lockItems(tx, itemsOf(batch))).map((row) => [row.item_key, row]));
      const keys = batch.items.flatMap((item) => {
        const row = rows.get(item.item_key);
        return row !== undefined && leaseStateOf(row, item) === "held" ? [item.item_key] : [];
      });
      if (keys.length > 0) await release(tx, { tenantId, waveId, keys });
    }),
  );
}

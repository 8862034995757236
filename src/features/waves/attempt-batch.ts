import { databaseFault } from "../../platform/database/errors.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { startHeartbeat, type Heartbeat } from "../../platform/leases/heartbeat.ts";
import { leaseStateOf } from "../../platform/leases/lease.ts";
import { recordWhileHeld, settle } from "../../platform/leases/settle.ts";
import type { Batch, BatchDeps, Outcomes } from "./batch.ts";
import { findItemWork, lockItems, release, renewLeases, type ItemsOfWave } from "./repository/leases.ts";
import { findWaveWork } from "./repository/waves.ts";
import { unfinished, workOut } from "./work-out.ts";
import { writeEnds, type EndedBatch, type ItemEnd, type Outcome } from "./write-ends.ts";

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

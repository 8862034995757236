import type { Runtime } from "../../runtime.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { startClaimLoop, type ClaimLoop } from "../../platform/leases/claim-loop.ts";
import { createInFlight, type InFlight } from "../../platform/leases/in-flight.ts";
import { attemptBatch, releaseBatch } from "./attempt-batch.ts";
import type { Batch, BatchDeps, BatchHooks, Outcomes } from "./batch.ts";
import { goOnCancelling } from "./change-wave.ts";
import { claimItems, type ClaimedItem } from "./repository/leases.ts";
import { listCancelledWaves } from "./repository/waves.ts";

/** Items that are claimed, calculated and committed together: some tens of milliseconds of a thread. */
const ITEMS_OF_BATCH = 20;

/** What a process that vanished had in hand is taken over within half a minute, whatever operations are given. */
const LONGEST_LEASE_MS = 20_000;

/** Cancelled waves of which items are cancelled in one go. */
const CANCELLED_WAVES_AT_ONCE = 10;

/** What items are worked on with in this process. */
export type WaveWorks = {
  readonly deps: BatchDeps;
  readonly batches: InFlight<Batch, Outcomes>;
};

/** Made once in a process. `owner` names it and its start. */
export function createWaveWorks(runtime: Runtime, owner: string): WaveWorks {
  const { config } = runtime;
  const deps: BatchDeps = {
    ...runtime,
    terms: { owner, leaseMs: Math.min(config.worker.leaseMs, LONGEST_LEASE_MS) },
    random: Math.random,
    retryForMs: config.rebalance.operations.retryForMs,
    hooks: batchHooks(runtime),
  };
  const batches = createInFlight({
    attempt: (batch: Batch) => attemptBatch(deps, batch),
    release: (batch) => releaseBatch(deps, batch),
    onReleaseError: deps.hooks.onLeaseError,
  });
  return { deps, batches };
}

export type RunnerDeps = WaveWorks & {
  readonly writes: Runtime["writes"];
  /** Batches under way at once; 0: this process works on none. */
  readonly mostBatches: number;
  readonly pollMs: number;
  readonly onClaimError: (error: unknown) => void;
};

/** Claims items of waves that run, as many as it may work on at once, until it is stopped. */
export function startRunner(runner: RunnerDeps): ClaimLoop {
  const { batches, mostBatches, pollMs, onClaimError } = runner;
  return startClaimLoop({
    room: () => mostBatches - batches.count(),
    claim: (limit) => claimBatches(runner, limit),
    start: batches.start,
    pollMs,
    onClaimError,
  });
}

async function claimBatches({ deps, writes }: RunnerDeps, limit: number): Promise<readonly Batch[]> {
  const { database, clock, newId, terms } = deps;
  const startedAt = clock().toISOString();
  const claimed = await inTransaction(database, { tenantId: null }, (tx) =>
    claimItems(tx, terms, limit * ITEMS_OF_BATCH, startedAt),
  );
  // With time to spare, what is left to do of cancelled waves.
  if (claimed.length === 0) await cancelWhatIsLeft({ writes, newId, clock });
  return inBatches(claimed);
}

/** Of one wave each, and of so many items. */
function inBatches(claimed: readonly ClaimedItem[]): Batch[] {
  const byWave = new Map<string, ClaimedItem[]>();
  for (const item of claimed) {
    const name = JSON.stringify([item.tenant_id, item.wave_id]);
    const items = byWave.get(name);
    if (items === undefined) byWave.set(name, [item]);
    else items.push(item);
  }
  return [...byWave.values()].flatMap((items) => {
    const [first] = items;
    if (first === undefined) return [];
    const { tenant_id: tenantId, wave_id: waveId } = first;
    return Array.from({ length: Math.ceil(items.length / ITEMS_OF_BATCH) }, (_, index) => ({
      tenantId,
      waveId,
      items: items.slice(index * ITEMS_OF_BATCH, (index + 1) * ITEMS_OF_BATCH),
    }));
  });
}

async function cancelWhatIsLeft(deps: Parameters<typeof goOnCancelling>[1]): Promise<void> {
  const { database } = deps.writes;
  const waves = await inTransaction(database, { tenantId: null, readOnly: true }, (tx) =>
    listCancelledWaves(tx, CANCELLED_WAVES_AT_ONCE),
  );
  for (const { tenant_id: tenantId, wave_id: waveId } of waves) {
    let isMoreLeft = true;
    while (isMoreLeft) {
      isMoreLeft = await inTransaction(database, { tenantId }, (tx) =>
        goOnCancelling(tx, deps, tenantId, waveId),
      );
    }
  }
}

/** What is counted and logged of batches. */
function batchHooks({ log, metrics }: Pick<Runtime, "log" | "metrics">): BatchHooks {
  const ids = ({ tenantId, waveId }: Batch) => ({ tenantId, waveId });
  return {
    onRuns: (statuses) => {
      for (const status of statuses) metrics.runs.inc({ status });
    },
    onBatchEnd: (_batch, outcomes) => {
      for (const end of outcomes.values()) metrics.waveItems.inc({ end });
    },
    onItemError: (batch, itemKey, error) =>
      log.warn({ ...ids(batch), itemKey, err: error }, "an attempt at items of a wave failed"),
    onLeaseError: (batch, error) =>
      log.warn({ ...ids(batch), err: error }, "leases of wave items were not renewed"),
  };
}

import type { Tx } from "../../platform/database/transaction.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import type { Runtime } from "../../runtime.ts";
import type { WaveEventRow } from "./core/event.ts";
import { faultsOfAdditions, faultsOfChain, faultsOfCounts, isOver } from "./core/verification.ts";
import { hashOfItems, listEvents } from "./repository/events.ts";
import {
  checkAddition,
  countItems,
  isSharedUnaltered,
  listAdditions,
  listItemsWithRuns,
} from "./repository/verification.ts";
import { findWave, type WaveRow } from "./repository/waves.ts";
import type { WaveVerificationFailure } from "./schemas.ts";

export type WaveVerification = {
  readonly checked: { readonly events: number; readonly items: number; readonly runs: number };
  readonly items_hash: string | null;
  readonly failures: readonly WaveVerificationFailure[];
};

const EVENTS_AT_ONCE = 1_000;
const ITEMS_AT_ONCE = 5_000;
/** More help nobody. */
const MOST_FAILURES = 1_000;

/**
 * Recomputes what can be recomputed about a wave: its chain of events, the hashes of what was sent, the counts, the hash
 * over all items, and that each item and its run say the same. Of one snapshot; undefined: there is no such wave.
 */
export function verifyWave(
  { database, config }: Pick<Runtime, "database" | "config">,
  tenantId: string,
  waveId: string,
): Promise<WaveVerification | undefined> {
  const { verifyDeadlineMs: deadlineMs } = config.server;
  const runsMayBeGone = config.rebalance.retentionDays > 0;
  return inTransaction(database, { tenantId, readOnly: true, deadlineMs }, async (tx) => {
    const wave = await findWave(tx, tenantId, waveId);
    if (wave === undefined) return undefined;
    const events = await allEvents(tx, tenantId, waveId);
    const itemsHash = isOver(wave) ? await hashOfItems(tx, tenantId, waveId) : null;
    const runs = await checkRuns(tx, tenantId, waveId, runsMayBeGone);
    const counted = await countItems(tx, tenantId, waveId);
    const failures = [
      ...faultsOfChain(wave, events, itemsHash),
      ...(await checkContents(tx, tenantId, wave, events)),
      ...faultsOfCounts(wave, counted),
      ...runs.failures,
    ];
    return {
      checked: { events: events.length, items: counted.item_count, runs: runs.count },
      items_hash: itemsHash,
      failures: failures.slice(0, MOST_FAILURES),
    };
  });
}

async function allEvents(tx: Tx, tenantId: string, waveId: string): Promise<WaveEventRow[]> {
  const events: WaveEventRow[] = [];
  for (;;) {
    const page = await listEvents(tx, tenantId, waveId, events.at(-1)?.event_no ?? 0, EVENTS_AT_ONCE);
    events.push(...page);
    if (page.length < EVENTS_AT_ONCE) return events;
  }
}

/** What was sent: what the items share, and the portfolios of each addition. */
async function checkContents(
  tx: Tx,
  tenantId: string,
  wave: WaveRow,
  events: readonly WaveEventRow[],
): Promise<WaveVerificationFailure[]> {
  const { wave_id: waveId } = wave;
  const failures: WaveVerificationFailure[] = [];
  if (!(await isSharedUnaltered(tx, tenantId, waveId))) {
    failures.push({ kind: "wave", id: waveId, reason: "what its items share does not give its shared_hash" });
  }
  const additions = [];
  for (const addition of await listAdditions(tx, tenantId, waveId)) {
    const checked = await checkAddition(tx, tenantId, waveId, addition.upload_id);
    if (checked !== undefined) additions.push({ ...addition, ...checked });
  }
  return [...failures, ...faultsOfAdditions(events, additions)];
}

async function checkRuns(tx: Tx, tenantId: string, waveId: string, mayBeGone: boolean) {
  const failures: WaveVerificationFailure[] = [];
  let count = 0;
  for (let after = ""; ;) {
    const page = await listItemsWithRuns(tx, tenantId, waveId, after, ITEMS_AT_ONCE);
    for (const { item_key, rebalance_run_id: id, is_run_there, agrees } of page) {
      if (is_run_there) count += 1;
      if (!is_run_there && !mayBeGone) failures.push({ kind: "run", id, reason: "is missing" });
      else if (is_run_there && !agrees) {
        failures.push({ kind: "item", id: item_key, reason: "says something else than its run" });
      }
    }
    const last = page.at(-1);
    if (last === undefined || page.length < ITEMS_AT_ONCE) return { count, failures };
    after = last.item_key;
  }
}

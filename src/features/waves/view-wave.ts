import type { Tx } from "../../platform/database/transaction.ts";
import { waveText, type WaveView } from "./core/wave.ts";
import { countRunning } from "./repository/items.ts";
import { listTotals } from "./repository/totals.ts";
import { findWave, type WaveRow } from "./repository/waves.ts";

export const MOST_TRADES = 50;

/** All of a wave as of the snapshot, or the locks, of this transaction. Pipelined. */
export async function viewWave(
  tx: Tx,
  tenantId: string,
  waveId: string,
  asOf: string,
): Promise<WaveView | undefined> {
  const [wave, running, totals] = await Promise.all([
    findWave(tx, tenantId, waveId),
    countRunning(tx, tenantId, waveId),
    listTotals(tx, tenantId, waveId, MOST_TRADES),
  ]);
  return wave === undefined ? undefined : { wave, running, totals, asOf };
}

/** The answer of a write: the wave as the write leaves it. */
export async function writtenWaveText(
  tx: Tx,
  tenantId: string,
  wave: WaveRow,
  asOf: string,
): Promise<string> {
  const [running, totals] = await Promise.all([
    countRunning(tx, tenantId, wave.wave_id),
    listTotals(tx, tenantId, wave.wave_id, MOST_TRADES),
  ]);
  return waveText({ wave, running, totals, asOf });
}

import type { Tx } from "../../../platform/database/transaction.ts";
import type { WaveMeasure, WaveTotal } from "../core/totals.ts";

/**
 * Adds to the sums of a wave. Called under its lock, so that two transactions do not wait for each other's rows in two
 * orders.
 */
export async function addTotals(
  tx: Tx,
  tenantId: string,
  waveId: string,
  totals: readonly WaveTotal[],
): Promise<void> {
  if (totals.length === 0) return;
  await tx`
    insert into wave_total as t (tenant_id, wave_id, measure, label, currency, amount, quantity, count)
    select ${tenantId}, ${waveId}, made.*
      from unnest(${totals.map(({ measure }) => measure)}::text[],
                  ${totals.map(({ label }) => label)}::text[],
                  ${totals.map(({ currency }) => currency)}::text[],
                  ${totals.map(({ amount }) => amount)}::numeric[],
                  ${totals.map(({ quantity }) => quantity)}::numeric[],
                  ${totals.map(({ count }) => count)}::bigint[]) as made
        on conflict on constraint wave_total_pkey do update
       set amount = t.amount + excluded.amount,
           quantity = t.quantity + excluded.quantity,
           count = t.count + excluded.count`;
}

export type TotalRow = {
  readonly measure: WaveMeasure;
  readonly label: string;
  readonly currency: string;
  /** As PostgreSQL writes a numeric. */
  readonly amount: string;
  readonly quantity: string;
  readonly count: number;
};

/** The sums of a wave: all of them, and of trades the largest. */
export async function listTotals(
  tx: Tx,
  tenantId: string,
  waveId: string,
  mostTrades: number,
): Promise<readonly TotalRow[]> {
  return tx<TotalRow>`
    (select measure, label, currency, amount, quantity, count::int
       from wave_total
      where tenant_id = ${tenantId}
        and wave_id = ${waveId}
        and measure not in ('BUY', 'SELL')
      order by measure, currency)
    union all
    (select measure, label, currency, amount, quantity, count::int
       from wave_total
      where tenant_id = ${tenantId}
        and wave_id = ${waveId}
        and measure in ('BUY', 'SELL')
      order by amount desc, label, measure, currency
      limit ${mostTrades})`;
}

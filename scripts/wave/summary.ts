import Table from "cli-table3";
import type * as z from "zod";
import type { WaveItem, WaveResponse } from "../../src/features/waves/schemas.ts";

const MOST_SHOWN = 10;

/** What a wave has come to, for reading. */
export function waveSummary(wave: z.output<typeof WaveResponse>, failed: readonly WaveItem[]): string {
  const { counts, aggregates } = wave;
  const facts = new Table({ style: { head: [], border: [] } });
  const money = (sums: readonly { amount: string; currency: string }[]) =>
    sums.map(({ amount, currency }) => `${currency} ${readable(amount)}`).join("\n") || "none";
  facts.push(
    ["Wave", `${wave.wave_name} (${wave.wave_id})`],
    ["State", wave.state],
    [
      "Portfolios",
      `${counts.total}: ${counts.items.SUCCEEDED} done, ${counts.items.FAILED} failed, ${counts.items.CANCELLED} cancelled`,
    ],
    [
      "Runs",
      `${counts.runs.READY} ready, ${counts.runs.PENDING_REVIEW} to be reviewed, ${counts.runs.BLOCKED} blocked`,
    ],
    ["Portfolios a second", wave.items_per_second ?? "none"],
    ["Turnover", money(aggregates.turnover)],
    ["Gains realized", money(aggregates.realized_gains)],
    ["Losses realized", money(aggregates.realized_losses)],
    ["FX bought", money(aggregates.fx_bought)],
    ["FX sold", money(aggregates.fx_sold)],
    ["Cash before", money(aggregates.cash_before)],
    ["Cash after", money(aggregates.cash_after)],
  );
  const trades = new Table({
    head: ["Largest trades", "Side", "Portfolios", "In base currency"],
    style: { head: [], border: [] },
  });
  for (const { instrument_id, side, count, notional_base } of aggregates.trades.slice(0, MOST_SHOWN)) {
    trades.push([
      instrument_id,
      side,
      String(count),
      `${notional_base.currency} ${readable(notional_base.amount)}`,
    ]);
  }
  const parts = [facts.toString(), ...(aggregates.trades.length > 0 ? [trades.toString()] : [])];
  if (failed.length > 0) parts.push(failures(failed));
  return parts.join("\n");
}

function failures(failed: readonly WaveItem[]): string {
  const table = new Table({
    head: ["Failed", "Why"],
    colWidths: [30, 80],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  for (const { item_key, error } of failed.slice(0, MOST_SHOWN)) {
    const places = error?.errors?.map(({ loc, msg }) => `${loc.join(".")} ${msg}`) ?? [];
    table.push([item_key, [error?.code ?? "", ...places].join("\n")]);
  }
  return table.toString();
}

/** For reading only: two decimals, cut off, with thousands apart. The service keeps every digit. */
export function readable(amount: string): string {
  const [whole = "", fraction = ""] = amount.split(".");
  return `${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${fraction.padEnd(2, "0").slice(0, 2)}`;
}

import { ROUNDED } from "../../decimal/arithmetic.ts";
import {
  absolute,
  add,
  compare,
  divide,
  isPositive,
  multiply,
  ZERO,
  type Decimal,
} from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { moneyText } from "../money.ts";
import { compareCodePoints } from "../order.ts";
import type { TradingContext } from "./stages.ts";
import type { Trade } from "./trades.ts";

type RankedTrade = { readonly trade: Trade; readonly size: Decimal; readonly score: Decimal };

/**
 * Takes the trades from the largest down and drops each that no longer fits within the turnover cap. Trades that
 * all fit are returned in their order, otherwise the kept ones are in order of rank. The cap is a share of the
 * portfolio's value.
 */
export function capTurnover(
  trades: readonly Trade[],
  { diagnostics, lookups, options, total }: TradingContext,
): readonly Trade[] {
  const { baseCurrency } = lookups;
  const { max_turnover_pct: maxTurnover } = options;
  if (maxTurnover === null) return trades;
  const budget = multiply(total, maxTurnover);
  const ranked = trades.map((trade) => rank(trade, total));
  if (compare(ROUNDED.sum(ranked.map(({ size }) => size)), budget) <= 0) return trades;
  const kept: Trade[] = [];
  let used = ZERO;
  for (const { trade, size, score } of ranked.sort(compareRank)) {
    const next = add(used, size);
    if (compare(next, budget) <= 0) {
      kept.push(trade);
      used = next;
    } else {
      drop(diagnostics, trade, score, baseCurrency);
    }
  }
  if (kept.length < trades.length) diagnostics.warnings.push("PARTIAL_REBALANCE_TURNOVER_LIMIT");
  return kept;
}

function rank(trade: Trade, total: Decimal): RankedTrade {
  const size = absolute(trade.notionalBase);
  return { trade, size, score: isPositive(total) ? divide(size, total) : ZERO };
}

function compareRank(a: RankedTrade, b: RankedTrade): number {
  return (
    compare(b.score, a.score) ||
    compare(a.size, b.size) ||
    compareCodePoints(a.trade.instrumentId, b.trade.instrumentId) ||
    compareCodePoints(a.trade.intentId, b.trade.intentId)
  );
}

function drop(diagnostics: Diagnostics, trade: Trade, score: Decimal, baseCurrency: string): void {
  diagnostics.dropped_intents.push({
    instrument_id: trade.instrumentId,
    potential_notional: moneyText(trade.notionalBase, baseCurrency),
    reason: "TURNOVER_LIMIT",
    score: toText(score),
  });
}

import {
  compare,
  isNegative,
  isPositive,
  isZero,
  maximum,
  minimum,
  ONE,
  ZERO,
  type Decimal,
} from "../../decimal/decimal.ts";
import { absolute, divide, floorShare, multiply, subtract, sum } from "../../decimal/exact.ts";
import { toText } from "../../decimal/text.ts";
import type { Lookups } from "../lookups.ts";
import { moneyText } from "../money.ts";
import { baseCashAfter } from "./minor-unit-fx.ts";
import type { TradingContext } from "./stages.ts";
import { isTooSmall, stepOf } from "./stepped-sizing.ts";
import type { Trade } from "./trades.ts";

/** A share of a quantity as a fraction, so that it is exact. */
type Share = { readonly numerator: Decimal; readonly denominator: Decimal };

const ALL: Share = { numerator: ONE, denominator: ONE };

/**
 * Scales all trades by one factor to the turnover cap, a share of the portfolio's value; each is rounded down to its
 * step. Sells that were rounded down no longer pay for quite as much: then the buys are scaled once more, so that each
 * that is kept is funded.
 */
export function scaleToTurnover(trades: readonly Trade[], context: TradingContext): readonly Trade[] {
  const { diagnostics, options, total } = context;
  const { max_turnover_pct: cap } = options;
  if (cap === null) return trades;
  const budget = maximum(ZERO, multiply(total, cap));
  const turnover = sum(trades.map(({ notionalBase }) => absolute(notionalBase)));
  if (compare(turnover, budget) <= 0) return trades;
  const scaled = trades.map((trade) => scale(trade, { numerator: budget, denominator: turnover }, context));
  const funded = fund(scaled, trades, context);
  const kept: Trade[] = [];
  funded.forEach((trade, index) => {
    const asked = trades[index] ?? trade;
    if (isPositive(trade.quantity)) kept.push(trade);
    if (compare(trade.quantity, asked.quantity) < 0) report(asked, trade.quantity, context);
  });
  if (diagnostics.dropped_intents.length > 0) diagnostics.warnings.push("PARTIAL_REBALANCE_TURNOVER_LIMIT");
  return kept;
}

/** What is left of a trade, in whole steps; nothing, if it has become too small to be made. */
function scale(trade: Trade, { numerator, denominator }: Share, context: TradingContext): Trade {
  const { lookups } = context;
  const step = stepOf(lookups, trade.instrumentId);
  const quantity = multiply(floorShare(trade.quantity, numerator, denominator, step), step);
  if (compare(quantity, trade.quantity) >= 0) return trade;
  const price = lookups.prices.get(trade.instrumentId)?.price ?? ZERO;
  const smaller = resized(trade, quantity, multiply(quantity, price), lookups);
  return isTooSmall(smaller, context) ? resized(trade, ZERO, ZERO, lookups) : smaller;
}

function resized(trade: Trade, quantity: Decimal, notional: Decimal, { rateToBase }: Lookups): Trade {
  const { constraints, currency, instrumentId, intentId, side } = trade;
  return {
    constraints: constraints.includes(TURNOVER_LIMIT) ? constraints : [...constraints, TURNOVER_LIMIT],
    currency,
    instrumentId,
    intentId,
    notional,
    notionalBase: multiply(notional, rateToBase(currency) ?? ZERO),
    quantity,
    side,
  };
}

const TURNOVER_LIMIT = "TURNOVER_LIMIT";

/** More rounds than it takes: each takes a step at least off every buy. */
const MOST_ROUNDS = 8;

/**
 * Takes off the buys what the base currency's account lacks for them, as long as it would not have lacked that without
 * the cap, or without any trade.
 */
function fund(scaled: readonly Trade[], asked: readonly Trade[], context: TradingContext): readonly Trade[] {
  const cashAfter = (trades: readonly Trade[]): Decimal =>
    baseCashAfter(context.balances, trades, context.lookups, context.options.fx_buffer_pct);
  if (!isNegative(cashAfter(scaled))) return scaled;
  const floor = minimum(ZERO, minimum(cashAfter([]), cashAfter(asked)));
  let trades = scaled;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const missing = subtract(floor, cashAfter(trades));
    if (!isPositive(missing)) return trades;
    const bought = sum(trades.filter(isBuy).map(({ notionalBase }) => notionalBase));
    const left = subtract(bought, missing);
    const share = isNegative(left) ? { ...ALL, numerator: ZERO } : { numerator: left, denominator: bought };
    trades = trades.map((trade) => (isBuy(trade) ? scale(trade, share, context) : trade));
  }
  return trades.map((trade) => (isBuy(trade) ? scale(trade, { ...ALL, numerator: ZERO }, context) : trade));
}

function isBuy({ quantity, side }: Trade): boolean {
  return side === "BUY" && !isZero(quantity);
}

function report(
  { instrumentId, notionalBase, quantity }: Trade,
  kept: Decimal,
  { diagnostics, lookups, total }: TradingContext,
): void {
  diagnostics.dropped_intents.push({
    instrument_id: instrumentId,
    kept_quantity: toText(kept),
    potential_notional: moneyText(notionalBase, lookups.baseCurrency),
    reason: TURNOVER_LIMIT,
    requested_quantity: toText(quantity),
    score: toText(isPositive(total) ? divide(absolute(notionalBase), total) : ZERO),
  });
}

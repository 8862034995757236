import type { Price } from "../../contract/market-data.ts";
import type { Money } from "../../contract/money.ts";
import type { EngineOptions } from "../../contract/options.ts";
import type { Position } from "../../contract/portfolio.ts";
import {
  absolute,
  compare,
  divide,
  isPositive,
  isZero,
  multiply,
  subtract,
  ZERO,
  type Decimal,
} from "../../decimal/decimal.ts";
import { floorQuotient } from "../../decimal/quotient.ts";
import { logMissingRate, type Diagnostics } from "../diagnostics.ts";
import { moneyAsText, moneyText } from "../money.ts";
import type { TradingContext } from "./stages.ts";
import { sellableQuantity } from "./tax-lots.ts";
import type { Trade } from "./trades.ts";

/** Turns target weights into trades in whole units, each instrument once, in the order of the targets. */
export function sizeTrades(weights: Iterable<readonly [string, Decimal]>, context: TradingContext): Trade[] {
  const trades: Trade[] = [];
  for (const [instrumentId, weight] of weights) {
    const trade = sizeTrade(instrumentId, weight, context, trades.length + 1);
    if (trade !== null) trades.push(trade);
  }
  return trades;
}

function sizeTrade(
  instrumentId: string,
  weight: Decimal,
  context: TradingContext,
  ordinal: number,
): Trade | null {
  const { lookups, diagnostics } = context;
  const price = lookups.prices.get(instrumentId);
  if (price === undefined || isZero(price.price)) {
    diagnostics.data_quality.price_missing.push(instrumentId);
    return null;
  }
  const rate = lookups.rateToBase(price.currency);
  if (rate === undefined) {
    logMissingRate(diagnostics.data_quality, price.currency, lookups.baseCurrency);
    return null;
  }
  const position = context.positions.get(instrumentId);
  const target = divide(multiply(context.total, weight), rate);
  const delta = subtract(target, currentValue(position, price));
  const side = isPositive(delta) ? "BUY" : "SELL";
  const wanted = floorQuotient(absolute(delta), price.price);
  const quantity = side === "SELL" ? sellable(wanted, position, price, rate, context) : wanted;
  const notional = multiply(quantity, price.price);
  const threshold =
    context.options.min_trade_notional ?? lookups.shelf.get(instrumentId)?.min_notional ?? null;
  if (threshold !== null && isDust(notional, threshold, context.options)) {
    suppress(diagnostics, instrumentId, { amount: notional, currency: price.currency }, threshold);
    return null;
  }
  if (!isPositive(quantity)) return null;
  return {
    constraints: constraintsApplied(threshold !== null, compare(quantity, wanted) < 0),
    currency: price.currency,
    instrumentId,
    intentId: `oi_${ordinal}`,
    notional,
    notionalBase: multiply(notional, rate),
    quantity,
    side,
  };
}

/** A market value supplied with the position takes precedence here, in every valuation mode. */
function currentValue(position: Position | undefined, { price }: Price): Decimal {
  if (position === undefined) return ZERO;
  return position.market_value?.amount ?? multiply(position.quantity, price);
}

function sellable(
  wanted: Decimal,
  position: Position | undefined,
  price: Price,
  rateToBase: Decimal,
  { taxLedger, lookups, diagnostics }: TradingContext,
): Decimal {
  if (taxLedger === null || position === undefined || position.lots.length === 0) return wanted;
  if (!isPositive(wanted)) return wanted;
  return sellableQuantity({ wanted, position, price, rateToBase }, taxLedger, lookups, diagnostics);
}

/** The threshold is compared as a number; its currency is ignored. */
function isDust(notional: Decimal, threshold: Money, options: EngineOptions): boolean {
  return options.suppress_dust_trades && compare(notional, threshold.amount) < 0;
}

function suppress(diagnostics: Diagnostics, instrument_id: string, notional: Money, threshold: Money): void {
  diagnostics.suppressed_intents.push({
    instrument_id,
    intended_notional: moneyText(notional.amount, notional.currency),
    reason: "BELOW_MIN_NOTIONAL",
    threshold: moneyAsText(threshold),
  });
}

function constraintsApplied(hasThreshold: boolean, cutByTax: boolean): string[] {
  return [...(hasThreshold ? ["MIN_NOTIONAL"] : []), ...(cutByTax ? ["TAX_BUDGET"] : [])];
}

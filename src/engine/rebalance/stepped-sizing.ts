import type { Money } from "../../contract/money.ts";
import type { Price } from "../../contract/market-data.ts";
import type { ShelfEntry } from "../../contract/shelf.ts";
import {
  compare,
  isNegative,
  isPositive,
  isZero,
  minimum,
  ONE,
  ZERO,
  type Decimal,
} from "../../decimal/decimal.ts";
import { absolute, floorQuotient, floorToStep, multiply, subtract } from "../../decimal/exact.ts";
import { toText } from "../../decimal/text.ts";
import { logMissingRate } from "../diagnostics.ts";
import type { Lookups } from "../lookups.ts";
import { moneyAsText, moneyText } from "../money.ts";
import type { ValuedPosition } from "../valuation.ts";
import type { TradingContext } from "./stages.ts";
import { sellableInSteps, type SteppedSale } from "./stepped-tax.ts";
import type { Trade } from "./trades.ts";

/** One unit of an instrument: what it costs, and in what multiples it trades. */
type Unit = {
  readonly price: Price;
  readonly shelf: ShelfEntry | undefined;
  /** From the price's currency into the base currency. */
  readonly rate: Decimal;
  readonly step: Decimal;
  /** What one unit is worth in base currency. */
  readonly value: Decimal;
};

/** The multiple in which an instrument trades. */
export function stepOf({ shelf }: Lookups, instrumentId: string): Decimal {
  return shelf.get(instrumentId)?.quantity_step ?? ONE;
}

/** Turns target weights into trades in whole steps. What is locked is not traded. */
export function sizeInSteps(weights: Iterable<readonly [string, Decimal]>, context: TradingContext): Trade[] {
  const held = new Map(context.before.positions.map((position) => [position.instrumentId, position]));
  const trades: Trade[] = [];
  for (const [instrumentId, weight] of weights) {
    if (context.universe.locked.has(instrumentId)) continue;
    const unit = unitOf(instrumentId, context);
    if (unit === undefined) continue;
    const trade = sizeTrade(unit, weight, held.get(instrumentId), context, trades.length + 1);
    if (trade !== null) trades.push(trade);
  }
  return trades;
}

/** Undefined, and logged, for what cannot be sized. */
function unitOf(instrumentId: string, { diagnostics, lookups }: TradingContext): Unit | undefined {
  const price = lookups.prices.get(instrumentId);
  if (price === undefined || isZero(price.price)) {
    diagnostics.data_quality.price_missing.push(instrumentId);
    return undefined;
  }
  const rate = lookups.rateToBase(price.currency);
  if (rate !== undefined) {
    const shelf = lookups.shelf.get(instrumentId);
    const step = shelf?.quantity_step ?? ONE;
    return { price, rate, shelf, step, value: multiply(price.price, rate) };
  }
  logMissingRate(diagnostics.data_quality, price.currency, lookups.baseCurrency);
  return undefined;
}

function sizeTrade(
  unit: Unit,
  weight: Decimal,
  held: ValuedPosition | undefined,
  context: TradingContext,
  ordinal: number,
): Trade | null {
  const delta = subtract(multiply(context.total, weight), held?.valueInBase ?? ZERO);
  const side = isPositive(delta) ? "BUY" : "SELL";
  const wanted = side === "BUY" ? boughtUnits(delta, unit) : soldUnits(delta, weight, unit, held);
  if (!isPositive(wanted)) return null;
  const sale = side === "SELL" ? sellableInSteps(wanted, unit, context) : null;
  const quantity = sale?.quantity ?? wanted;
  if (!isPositive(quantity)) return null;
  const { price, rate, shelf } = unit;
  const notional = multiply(quantity, price.price);
  const notionalBase = multiply(notional, rate);
  const least = leastOf(shelf, context);
  // Field by field: spreading costs several times as much, and this runs for every instrument.
  const trade = {
    constraints: constraintsOf(least.notional !== null, sale),
    currency: price.currency,
    instrumentId: price.instrument_id,
    intentId: `oi_${ordinal}`,
    notional,
    notionalBase,
    quantity,
    side,
  } as const;
  return isSuppressed(trade, unit, least, context) ? null : trade;
}

const NO_CONSTRAINTS: readonly string[] = [];
const MIN_NOTIONAL: readonly string[] = ["MIN_NOTIONAL"];

function constraintsOf(hasThreshold: boolean, sale: SteppedSale | null): readonly string[] {
  const constraints = hasThreshold ? MIN_NOTIONAL : NO_CONSTRAINTS;
  return sale === null || sale.constraints.length === 0 ? constraints : [...constraints, ...sale.constraints];
}

/** The smallest trade in an instrument; null where nothing is too small. */
type Least = { readonly notional: Money | null; readonly quantity: Decimal | null };

/** The larger of the minimum notional and the dust threshold counts. */
function leastOf(shelf: ShelfEntry | undefined, { lookups, options }: TradingContext): Least {
  const notional = options.min_trade_notional ?? shelf?.min_notional ?? null;
  const dust = options.dust_trade_threshold;
  return { notional: largerOf(notional, dust, lookups), quantity: shelf?.min_quantity ?? null };
}

/** Whether a trade is too small to be made: fewer units than may be traded, or dust. */
export function isTooSmall(trade: Measured, context: TradingContext): boolean {
  const least = leastOf(context.lookups.shelf.get(trade.instrumentId), context);
  return isTooFew(trade, least) || isDust(trade, least, context);
}

function isSuppressed(trade: Trade, { price }: Unit, least: Least, context: TradingContext): boolean {
  const isFew = isTooFew(trade, least);
  if (!isFew && !isDust(trade, least, context)) return false;
  const { currency, instrumentId, notional, quantity } = trade;
  const intended = { instrument_id: instrumentId, intended_notional: moneyText(notional, currency) };
  const none = { amount: ZERO, currency };
  const units = least.quantity ?? ZERO;
  context.diagnostics.suppressed_intents.push(
    isFew
      ? {
          ...intended,
          intended_quantity: toText(quantity),
          min_quantity: toText(units),
          reason: "BELOW_MIN_QUANTITY",
          threshold: moneyText(multiply(units, price.price), currency),
        }
      : { ...intended, reason: "BELOW_MIN_NOTIONAL", threshold: moneyAsText(least.notional ?? none) },
  );
  return true;
}

type Measured = Pick<Trade, "currency" | "instrumentId" | "notional" | "notionalBase" | "quantity">;

function isTooFew({ quantity }: Measured, least: Least): boolean {
  return least.quantity !== null && compare(quantity, least.quantity) < 0;
}

/** Compared in one currency. Without a rate for that nothing is dust, and the missing pair is logged. */
function isDust(
  { currency, notional, notionalBase }: Measured,
  { notional: threshold }: Least,
  { diagnostics, lookups, options }: TradingContext,
): boolean {
  if (!options.suppress_dust_trades || threshold === null) return false;
  if (threshold.currency === currency) return compare(notional, threshold.amount) < 0;
  const rate = lookups.rateToBase(threshold.currency);
  if (rate !== undefined) return compare(notionalBase, multiply(threshold.amount, rate)) < 0;
  logMissingRate(diagnostics.data_quality, threshold.currency, lookups.baseCurrency);
  return false;
}

function largerOf(a: Money | null, b: Money | null, { rateToBase }: Lookups): Money | null {
  if (a === null || b === null) return a ?? b;
  if (a.currency === b.currency) return compare(a.amount, b.amount) >= 0 ? a : b;
  const valueOf = ({ amount, currency }: Money) => multiply(amount, rateToBase(currency) ?? ONE);
  return compare(valueOf(a), valueOf(b)) >= 0 ? a : b;
}

function boughtUnits(delta: Decimal, { shelf, step, value }: Unit): Decimal {
  // What is held short of a SELL_ONLY instrument is not bought back.
  if (shelf?.status === "SELL_ONLY") return ZERO;
  return inSteps(delta, value, step);
}

/** As many whole steps as an amount pays for. */
function inSteps(amount: Decimal, value: Decimal, step: Decimal): Decimal {
  return step === ONE
    ? floorQuotient(amount, value)
    : multiply(floorQuotient(amount, multiply(value, step)), step);
}

/**
 * A target of zero sells all there is. Otherwise units are sold until the value is that of the target, and, as long as
 * that is not below zero, no more than there are: a trusted market value may be worth more units than are held.
 */
function soldUnits(
  delta: Decimal,
  weight: Decimal,
  { step, value }: Unit,
  held: ValuedPosition | undefined,
): Decimal {
  const quantity = held?.quantity ?? ZERO;
  if (!isPositive(value)) return ZERO;
  if (isZero(weight) && isPositive(quantity)) return floorToStep(quantity, step);
  const wanted = inSteps(absolute(delta), value, step);
  return isNegative(weight) ? wanted : minimum(wanted, floorToStep(quantity, step));
}

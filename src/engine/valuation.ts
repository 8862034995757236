import type { ValuationMode } from "../contract/options.ts";
import type { CashBalance, Position } from "../contract/portfolio.ts";
import type { Arithmetic } from "../decimal/arithmetic.ts";
import { isZero, ONE, ZERO, type Decimal } from "../decimal/decimal.ts";
import { logMissingRate, type DataQualityLog } from "./diagnostics.ts";
import type { Lookups } from "./lookups.ts";
import { compareCodePoints } from "./order.ts";

/** What is valued: a portfolio snapshot or a working copy of it. */
export type Holdings = {
  readonly positions: readonly Position[];
  readonly cash_balances: readonly CashBalance[];
};

export type ValuedPosition = {
  readonly instrumentId: string;
  readonly quantity: Decimal;
  /** The currency it is valued in: the price's, or that of a trusted market value. */
  readonly currency: string;
  readonly assetClass: string;
  readonly attributes: readonly (readonly [attribute: string, value: string])[];
  /** Null without a price entry. */
  readonly price: Decimal | null;
  readonly value: Decimal;
  readonly valueInBase: Decimal;
};

/** A named part of the total; the weight is not rounded. */
export type Bucket = { readonly key: string; readonly value: Decimal; readonly weight: Decimal };

/**
 * A portfolio's value with all digits, for rules, drift and suitability. `toState` makes its rounded wire
 * shape.
 */
export type Valuation = {
  /** How it was rounded, and what is calculated from it is. */
  readonly arithmetic: Arithmetic;
  readonly baseCurrency: string;
  readonly total: Decimal;
  /** What weights are shares of: the total, or 1 where that is 0. */
  readonly divisor: Decimal;
  /** One entry per position row, in order. */
  readonly positions: readonly ValuedPosition[];
  readonly cashBalances: readonly CashBalance[];
  /** In order of first appearance, CASH last unless a position has that asset class. */
  readonly assetClasses: readonly Bucket[];
  /** Weight of the CASH bucket. */
  readonly cashWeight: Decimal;
  readonly attributes: ReadonlyMap<string, readonly Bucket[]>;
};

const CASH = "CASH";

/**
 * Values holdings in base currency. What has no price or rate counts as zero and is logged. The total is one
 * running sum, positions first and then cash, because the order decides the 28th digit.
 */
export function valueHoldings(
  holdings: Holdings,
  mode: ValuationMode,
  lookups: Lookups,
  log: DataQualityLog,
): Valuation {
  const { arithmetic } = lookups;
  const { add } = arithmetic;
  const positions = holdings.positions.map((position) => valuePosition(position, mode, lookups, log));
  let total = ZERO;
  for (const { valueInBase } of positions) total = add(total, valueInBase);
  let cash = ZERO;
  for (const balance of holdings.cash_balances) {
    const value = valueCash(balance, lookups, log);
    total = add(total, value);
    cash = add(cash, value);
  }
  const divisor = isZero(total) ? ONE : total;
  const assetClasses = sumByAssetClass(positions, cash, divisor, lookups);
  return {
    arithmetic,
    baseCurrency: lookups.baseCurrency,
    total,
    divisor,
    positions,
    cashBalances: holdings.cash_balances,
    assetClasses,
    cashWeight: assetClasses.find(({ key }) => key === CASH)?.weight ?? ZERO,
    attributes: sumByAttribute(positions, divisor, lookups),
  };
}

/** A position's share of the total, with all digits. */
export function weightOf({ valueInBase }: ValuedPosition, { arithmetic, divisor }: Valuation): Decimal {
  return arithmetic.divide(valueInBase, divisor);
}

function valuePosition(
  position: Position,
  mode: ValuationMode,
  lookups: Lookups,
  log: DataQualityLog,
): ValuedPosition {
  const { price, assetClass, attributes } = lookups.instrument(position.instrument_id);
  if (price === undefined) log.price_missing.push(position.instrument_id);
  const trusted = mode === "TRUST_SNAPSHOT" ? position.market_value : null;
  const currency = trusted?.currency ?? price?.currency ?? lookups.baseCurrency;
  const value = trusted?.amount ?? lookups.arithmetic.multiply(position.quantity, price?.price ?? ZERO);
  return {
    instrumentId: position.instrument_id,
    quantity: position.quantity,
    currency,
    assetClass,
    attributes,
    price: price?.price ?? null,
    value,
    valueInBase: inBase(value, currency, lookups, log),
  };
}

function valueCash(balance: CashBalance, lookups: Lookups, log: DataQualityLog): Decimal {
  return inBase(balance.amount, balance.currency, lookups, log);
}

function inBase(amount: Decimal, currency: string, lookups: Lookups, log: DataQualityLog): Decimal {
  const rate = lookups.rateToBase(currency);
  if (rate !== undefined) return lookups.arithmetic.multiply(amount, rate);
  logMissingRate(log, currency, lookups.baseCurrency);
  return ZERO;
}

function sumByAssetClass(
  values: readonly ValuedPosition[],
  cash: Decimal,
  divisor: Decimal,
  lookups: Lookups,
): Bucket[] {
  const { add } = lookups.arithmetic;
  const sums = new Map<string, Decimal>();
  for (const { assetClass, valueInBase } of values) addTo(sums, assetClass, valueInBase, add);
  addTo(sums, CASH, cash, add);
  return toBuckets(sums, divisor, lookups);
}

function sumByAttribute(
  values: readonly ValuedPosition[],
  divisor: Decimal,
  lookups: Lookups,
): Map<string, Bucket[]> {
  const { add } = lookups.arithmetic;
  const sums = new Map<string, Map<string, Decimal>>();
  for (const { attributes, valueInBase } of values) {
    for (const [attribute, value] of attributes) {
      let ofAttribute = sums.get(attribute);
      if (ofAttribute === undefined) sums.set(attribute, (ofAttribute = new Map<string, Decimal>()));
      addTo(ofAttribute, value, valueInBase, add);
    }
  }
  return new Map([...sums].map(([attribute, byValue]) => [attribute, toBuckets(byValue, divisor, lookups)]));
}

type Operation = (a: Decimal, b: Decimal) => Decimal;

function addTo(sums: Map<string, Decimal>, key: string, value: Decimal, add: Operation): void {
  const sum = sums.get(key);
  sums.set(key, sum === undefined ? value : add(sum, value));
}

function toBuckets(
  sums: ReadonlyMap<string, Decimal>,
  divisor: Decimal,
  { arithmetic, isSorted }: Lookups,
): Bucket[] {
  const buckets = [...sums].map(([key, value]) => ({
    key,
    value,
    weight: arithmetic.divide(value, divisor),
  }));
  return isSorted ? buckets.sort(byKeyCashLast) : buckets;
}

function byKeyCashLast(a: Bucket, b: Bucket): number {
  if (a.key === CASH || b.key === CASH) return Number(a.key === CASH) - Number(b.key === CASH);
  return compareCodePoints(a.key, b.key);
}

import type { CashBalance } from "../../contract/portfolio.ts";
import { compare, isPositive, ONE, ZERO, type Decimal } from "../../decimal/decimal.ts";
import { absolute, add, multiply, negate, subtract } from "../../decimal/exact.ts";
import { minorUnit, upToMinorUnits } from "../currency.ts";
import { logMissingRate, type Diagnostics } from "../diagnostics.ts";
import type { Lookups } from "../lookups.ts";
import { sortedBy } from "../order.ts";
import type { FxLeg, Trade } from "./trades.ts";

/** What is short of one minor unit of a currency cannot be paid, and so is not owed. */
export function isPayable(amount: Decimal, currency: string): boolean {
  return compare(amount, minorUnit(currency)) >= 0;
}

/**
 * Buys every foreign currency that is negative after the trades, rounded up to what can be paid, and sells the whole of
 * every positive balance.
 */
export function payableFxLegs(
  balances: readonly CashBalance[],
  trades: readonly Trade[],
  lookups: Lookups,
  bufferPct: Decimal,
  diagnostics: Diagnostics,
): FxLeg[] {
  const { baseCurrency } = lookups;
  const legs: FxLeg[] = [];
  for (const [currency, balance] of projectCash(balances, trades)) {
    if (currency === baseCurrency) continue;
    const rate = lookups.rateToBase(currency);
    if (rate === undefined) {
      logMissingRate(diagnostics.data_quality, currency, baseCurrency);
      continue;
    }
    const flow = flowOf(currency, balance, rate, baseCurrency, bufferPct);
    if (flow === null) continue;
    const intentId = `oi_fx_${trades.length + legs.length + 1}`;
    legs.push({ ...flow, currency, intentId, pair: `${currency}/${baseCurrency}` });
  }
  return legs;
}

/** Cash by currency after the trades, in code point order. */
export function projectCash(
  balances: readonly CashBalance[],
  trades: readonly Pick<Trade, "currency" | "notional" | "side">[],
): readonly (readonly [string, Decimal])[] {
  const projected = new Map<string, Decimal>();
  const change = (currency: string, amount: Decimal): void => {
    projected.set(currency, add(projected.get(currency) ?? ZERO, amount));
  };
  for (const { amount, currency } of balances) change(currency, amount);
  for (const { currency, notional, side } of trades) {
    change(currency, side === "SELL" ? notional : negate(notional));
  }
  return sortedBy([...projected], ([currency]) => currency);
}

type Flow = Omit<FxLeg, "currency" | "intentId" | "pair">;

function flowOf(
  currency: string,
  balance: Decimal,
  rate: Decimal,
  base: string,
  bufferPct: Decimal,
): Flow | null {
  if (isPositive(balance)) {
    const buyAmount = multiply(balance, rate);
    return { buyAmount, buyCurrency: base, purpose: "SWEEP", sellAmount: balance, sellCurrency: currency };
  }
  if (!isPayable(absolute(balance), currency)) return null;
  // The buffer is there because the rate at execution is not known.
  const buyAmount = upToMinorUnits(multiply(absolute(balance), add(ONE, bufferPct)), currency);
  const sellAmount = upToMinorUnits(multiply(buyAmount, rate), base);
  return { buyAmount, buyCurrency: currency, purpose: "FUNDING", sellAmount, sellCurrency: base };
}

/** What the base currency's account holds after trades and FX legs. */
export function baseCashAfter(
  balances: readonly CashBalance[],
  trades: readonly Pick<Trade, "currency" | "notional" | "side">[],
  { baseCurrency, rateToBase }: Lookups,
  bufferPct: Decimal,
): Decimal {
  let cash = ZERO;
  for (const [currency, balance] of projectCash(balances, trades)) {
    const rate = rateToBase(currency);
    if (currency === baseCurrency) cash = add(cash, balance);
    else if (rate !== undefined) {
      const flow = flowOf(currency, balance, rate, baseCurrency, bufferPct);
      if (flow?.purpose === "SWEEP") cash = add(cash, flow.buyAmount);
      if (flow?.purpose === "FUNDING") cash = subtract(cash, flow.sellAmount);
    }
  }
  return cash;
}

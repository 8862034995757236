import type { CashBalance } from "../../contract/portfolio.ts";
import {
  absolute,
  add,
  isNegative,
  isZero,
  multiply,
  ONE,
  subtract,
  ZERO,
  type Decimal,
} from "../../decimal/decimal.ts";
import { logMissingRate, type Diagnostics } from "../diagnostics.ts";
import type { Lookups } from "../lookups.ts";
import type { FxLeg, Trade } from "./trades.ts";

/**
 * Buys every foreign currency that is negative after the trades (funding) and sells every positive one (sweep).
 * A currency without a rate is left unchanged and logged. That happens only in runs that tolerate missing
 * rates: others are blocked when the cash is valued or the trade is sized.
 */
export function fxLegs(
  balances: readonly CashBalance[],
  trades: readonly Trade[],
  lookups: Lookups,
  bufferPct: Decimal,
  diagnostics: Diagnostics,
): FxLeg[] {
  const legs: FxLeg[] = [];
  for (const [currency, balance] of projectCash(balances, trades)) {
    if (currency === lookups.baseCurrency) continue;
    const rate = lookups.rateToBase(currency);
    if (rate === undefined) {
      logMissingRate(diagnostics.data_quality, currency, lookups.baseCurrency);
    } else if (!isZero(balance)) {
      const intentId = `oi_fx_${trades.length + legs.length + 1}`;
      const pair = `${currency}/${lookups.baseCurrency}`;
      const flow = isNegative(balance)
        ? fundingFlow(currency, balance, rate, lookups.baseCurrency, bufferPct)
        : sweepFlow(currency, balance, rate, lookups.baseCurrency);
      legs.push({ ...flow, currency, intentId, pair });
    }
  }
  return legs;
}

/** Cash per currency after the trades. Of several balances in one currency the last one counts. */
function projectCash(balances: readonly CashBalance[], trades: readonly Trade[]): Map<string, Decimal> {
  const projected = new Map(balances.map(({ currency, amount }) => [currency, amount]));
  for (const { currency, notional, side } of trades) {
    const balance = projected.get(currency) ?? ZERO;
    projected.set(currency, side === "SELL" ? add(balance, notional) : subtract(balance, notional));
  }
  return projected;
}

type Flow = Omit<FxLeg, "currency" | "intentId" | "pair">;

/** Buys the missing amount and a buffer, because the rate at execution is not known. */
function fundingFlow(
  currency: string,
  balance: Decimal,
  rate: Decimal,
  base: string,
  bufferPct: Decimal,
): Flow {
  const buyAmount = multiply(absolute(balance), add(ONE, bufferPct));
  const sellAmount = multiply(buyAmount, rate);
  return { buyAmount, buyCurrency: currency, purpose: "FUNDING", sellAmount, sellCurrency: base };
}

function sweepFlow(currency: string, balance: Decimal, rate: Decimal, base: string): Flow {
  const buyAmount = multiply(balance, rate);
  return { buyAmount, buyCurrency: base, purpose: "SWEEP", sellAmount: balance, sellCurrency: currency };
}

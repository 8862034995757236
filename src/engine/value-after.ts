import type { ValuationMode } from "../contract/options.ts";
import type { Position } from "../contract/portfolio.ts";
import { isZero, ZERO, type Decimal } from "../decimal/decimal.ts";
import { add, divide, multiply, subtract } from "../decimal/exact.ts";
import type { DataQualityLog } from "./diagnostics.ts";
import type { Lookups } from "./lookups.ts";
import { sortedBy } from "./order.ts";
import { valueHoldings, type Valuation } from "./valuation.ts";
import type { SettledTrade, WorkingPortfolio } from "./working-portfolio.ts";

/** Values a portfolio that trades were applied to. `mode` is that of the request. */
export type AfterValuation = (
  portfolio: WorkingPortfolio,
  trades: readonly SettledTrade[],
  mode: ValuationMode,
  lookups: Lookups,
  log: DataQualityLog,
) => Valuation;

/** By price in every mode: a market value that came with a position is that of its quantity before the trades. */
export const valueByPrice: AfterValuation = (portfolio, _trades, _mode, lookups, log) =>
  valueHoldings(portfolio, "CALCULATED", lookups, log);

/**
 * In the mode of the request. A trusted market value changes by what is paid for the trades of its position, so that
 * trades conserve value; what was sold out is worth nothing.
 */
export const valueInMode: AfterValuation = (portfolio, trades, mode, lookups, log) => {
  const positions =
    mode === "TRUST_SNAPSHOT" ? withTradedValues(portfolio, trades, lookups) : portfolio.positions;
  return valueHoldings(
    {
      cash_balances: sortedBy(portfolio.cash_balances, ({ currency }) => currency),
      positions: sortedBy(positions, ({ instrument_id }) => instrument_id),
    },
    mode,
    lookups,
    log,
  );
};

function withTradedValues(
  { positions }: WorkingPortfolio,
  trades: readonly SettledTrade[],
  lookups: Lookups,
): Position[] {
  const paid = paidInBase(trades, lookups);
  return positions.map((position) => {
    const { instrument_id, market_value, quantity } = position;
    const change = paid.get(instrument_id);
    if (change === undefined || market_value === null) return position;
    const rate = lookups.rateToBase(market_value.currency);
    if (isZero(quantity) || rate === undefined) return { ...position, market_value: null };
    const amount = add(market_value.amount, divide(change, rate));
    return { ...position, market_value: { ...market_value, amount } };
  });
}

/** What was paid for each traded instrument, less what was received. */
function paidInBase(trades: readonly SettledTrade[], lookups: Lookups): Map<string, Decimal> {
  const paid = new Map<string, Decimal>();
  for (const { currency, instrumentId, notional, side } of trades) {
    const value = multiply(notional, lookups.rateToBase(currency) ?? ZERO);
    const before = paid.get(instrumentId) ?? ZERO;
    paid.set(instrumentId, side === "BUY" ? add(before, value) : subtract(before, value));
  }
  return paid;
}

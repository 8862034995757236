import type { PortfolioSnapshot, Position } from "../../contract/portfolio.ts";
import type { UniverseData } from "../../contract/rebalance.ts";
import { isZero, ONE, ZERO, type Decimal } from "../../decimal/decimal.ts";
import { absolute, add, divide, multiply } from "../../decimal/exact.ts";
import { toText } from "../../decimal/text.ts";
import type { Lookups } from "../lookups.ts";
import type { RebalanceStages } from "./stages.ts";

type Coverage = UniverseData["coverage"];

/** 1 for a run that was simulated to the end, 0 for one that was blocked before trading. */
export const wholeOrNothing: RebalanceStages["coverage"] = (_portfolio, _lookups, isSimulated) => {
  const share = isSimulated ? "1" : "0";
  const coverage: Coverage = { fx_coverage_pct: share, price_coverage_pct: share };
  return coverage;
};

const WHOLE: Coverage = { fx_coverage_pct: "1", price_coverage_pct: "1" };

type Shares = { total: Decimal; priced: Decimal; converted: Decimal };

/**
 * The share of the portfolio's value that has a price, and that has a rate. A value is known by price, or else by the
 * market value that came with the position; what has neither, or no rate to count it by, is in no share. Values count
 * without their sign, so that each share is from 0 to 1.
 */
export const coveredShares: RebalanceStages["coverage"] = (portfolio, lookups) => {
  if (isAllKnown(portfolio, lookups)) return WHOLE;
  const shares: Shares = { total: ZERO, priced: ZERO, converted: ZERO };
  for (const position of portfolio.positions) countPosition(shares, position, lookups);
  for (const { amount, currency } of portfolio.cash_balances) {
    const value = inBase(amount, currency, lookups);
    if (value !== undefined) count(shares, value, true, true);
  }
  return {
    fx_coverage_pct: toText(shareOf(shares.converted, shares.total)),
    price_coverage_pct: toText(shareOf(shares.priced, shares.total)),
  };
};

function isAllKnown(
  { cash_balances, positions }: PortfolioSnapshot,
  { prices, rateToBase }: Lookups,
): boolean {
  const hasRate = (currency: string | undefined) =>
    currency !== undefined && rateToBase(currency) !== undefined;
  return (
    positions.every(({ instrument_id }) => hasRate(prices.get(instrument_id)?.currency)) &&
    cash_balances.every(({ currency }) => hasRate(currency))
  );
}

function countPosition(
  shares: Shares,
  { instrument_id, market_value, quantity }: Position,
  lookups: Lookups,
): void {
  const price = lookups.prices.get(instrument_id);
  const byPrice =
    price === undefined ? undefined : inBase(multiply(quantity, price.price), price.currency, lookups);
  const trusted =
    market_value === null ? undefined : inBase(market_value.amount, market_value.currency, lookups);
  const value = byPrice ?? trusted;
  if (value === undefined) return;
  const isConverted = price === undefined || byPrice !== undefined;
  count(shares, value, price !== undefined, isConverted);
}

function inBase(amount: Decimal, currency: string, lookups: Lookups): Decimal | undefined {
  const rate = lookups.rateToBase(currency);
  return rate === undefined ? undefined : absolute(multiply(amount, rate));
}

function count(shares: Shares, value: Decimal, isPriced: boolean, isConverted: boolean): void {
  shares.total = add(shares.total, value);
  if (isPriced) shares.priced = add(shares.priced, value);
  if (isConverted) shares.converted = add(shares.converted, value);
}

/** Of nothing, nothing is missing. */
function shareOf(part: Decimal, total: Decimal): Decimal {
  return isZero(total) ? ONE : divide(part, total);
}

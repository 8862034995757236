import type { FxRate } from "../contract/market-data.ts";
import type { Arithmetic } from "../decimal/arithmetic.ts";
import { isZero, ONE, type Decimal } from "../decimal/decimal.ts";

/** The first quote of each pair, by its name `FROM/TO`. */
export type FxQuotes = ReadonlyMap<string, Decimal>;

/** Finds a rate; undefined when it is neither quoted nor the inverse of a quote. */
export type RateLookup = (currency: string) => Decimal | undefined;

export function indexQuotes(rates: readonly FxRate[]): FxQuotes {
  const quotes = new Map<string, Decimal>();
  for (const { pair, rate } of rates) {
    if (!quotes.has(pair)) quotes.set(pair, rate);
  }
  return quotes;
}

/**
 * What an amount in `from` is multiplied by to give `to`: the direct quote, else the inverse of the opposite
 * quote. A quote of zero counts as missing.
 */
export function fxRate(
  quotes: FxQuotes,
  from: string,
  to: string,
  { divide }: Arithmetic,
): Decimal | undefined {
  if (from === to) return ONE;
  const direct = quotes.get(`${from}/${to}`);
  if (direct !== undefined && !isZero(direct)) return direct;
  const opposite = quotes.get(`${to}/${from}`);
  return opposite === undefined || isZero(opposite) ? undefined : divide(ONE, opposite);
}

/** Rates into one currency, cached, because many positions share few currencies. */
export function ratesInto(quotes: FxQuotes, to: string, arithmetic: Arithmetic): RateLookup {
  const cache = new Map<string, Decimal | undefined>();
  return (from) => {
    const rate = cache.get(from);
    if (rate !== undefined || cache.has(from)) return rate;
    const found = fxRate(quotes, from, to, arithmetic);
    cache.set(from, found);
    return found;
  };
}

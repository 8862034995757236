import type { MarketDataSnapshot, Price } from "../contract/market-data.ts";
import type { ShelfEntry } from "../contract/shelf.ts";
import { indexQuotes, ratesInto, type FxQuotes, type RateLookup } from "./fx.ts";

/** What a run looks up by id, indexed once so that cost grows with positions, not positions × prices. */
export type Lookups = {
  readonly baseCurrency: string;
  readonly quotes: FxQuotes;
  readonly rateToBase: RateLookup;
  readonly prices: ReadonlyMap<string, Price>;
  /** The first shelf entry of each instrument: eligibility, asset class, attributes of a state, dust. */
  readonly shelf: ReadonlyMap<string, ShelfEntry>;
  /** The last one: group constraints, settlement days, suitability, shelf check of proposed trades. */
  readonly latestShelf: ReadonlyMap<string, ShelfEntry>;
};

export function buildLookups(
  baseCurrency: string,
  marketData: MarketDataSnapshot,
  shelfEntries: readonly ShelfEntry[],
): Lookups {
  const quotes = indexQuotes(marketData.fx_rates);
  return {
    baseCurrency,
    quotes,
    rateToBase: ratesInto(quotes, baseCurrency),
    prices: firstById(marketData.prices),
    shelf: firstById(shelfEntries),
    latestShelf: new Map(shelfEntries.map((entry) => [entry.instrument_id, entry])),
  };
}

function firstById<T extends { readonly instrument_id: string }>(entries: readonly T[]): Map<string, T> {
  const index = new Map<string, T>();
  for (const entry of entries) {
    if (!index.has(entry.instrument_id)) index.set(entry.instrument_id, entry);
  }
  return index;
}

import type { MarketDataSnapshot, Price } from "../contract/market-data.ts";
import type { ShelfEntry } from "../contract/shelf.ts";
import type { Arithmetic } from "../decimal/arithmetic.ts";
import { indexQuotes, ratesInto, type FxQuotes, type RateLookup } from "./fx.ts";

/**
 * What the valuation of a position needs of its instrument; cached, because states before and after are
 * valued.
 */
export type Instrument = {
  readonly price: Price | undefined;
  readonly assetClass: string;
  readonly attributes: readonly (readonly [attribute: string, value: string])[];
};

/**
 * Indexes of the input by id, built once, so that the cost grows with positions and not with positions ×
 * prices.
 */
export type Lookups = {
  /** How the run rounds. */
  readonly arithmetic: Arithmetic;
  /** Whether lists by name are sorted; else they are in order of appearance. */
  readonly isSorted: boolean;
  readonly baseCurrency: string;
  readonly quotes: FxQuotes;
  readonly rateToBase: RateLookup;
  readonly prices: ReadonlyMap<string, Price>;
  readonly instrument: (instrumentId: string) => Instrument;
  /** The first shelf entry of each instrument: eligibility, asset class, attributes of a state, dust. */
  readonly shelf: ReadonlyMap<string, ShelfEntry>;
  /** The last one: group constraints, settlement days, suitability, shelf check of proposed trades. */
  readonly latestShelf: ReadonlyMap<string, ShelfEntry>;
};

export function buildLookups(
  baseCurrency: string,
  marketData: MarketDataSnapshot,
  shelfEntries: readonly ShelfEntry[],
  arithmetic: Arithmetic,
  isSorted = false,
): Lookups {
  const quotes = indexQuotes(marketData.fx_rates);
  const prices = firstById(marketData.prices);
  const shelf = firstById(shelfEntries);
  const hasRepeats = shelf.size < shelfEntries.length;
  return {
    arithmetic,
    isSorted,
    baseCurrency,
    quotes,
    rateToBase: ratesInto(quotes, baseCurrency, arithmetic),
    prices,
    instrument: instrumentLookup(prices, shelf),
    shelf,
    latestShelf: hasRepeats ? new Map(shelfEntries.map((entry) => [entry.instrument_id, entry])) : shelf,
  };
}

function instrumentLookup(
  prices: ReadonlyMap<string, Price>,
  shelf: ReadonlyMap<string, ShelfEntry>,
): Lookups["instrument"] {
  const cache = new Map<string, Instrument>();
  return (id) => {
    const found = cache.get(id);
    if (found !== undefined) return found;
    const entry = shelf.get(id);
    const instrument = {
      price: prices.get(id),
      assetClass: entry?.asset_class ?? "UNKNOWN",
      attributes: Object.entries(entry?.attributes ?? {}),
    };
    cache.set(id, instrument);
    return instrument;
  };
}

function firstById<T extends { readonly instrument_id: string }>(entries: readonly T[]): Map<string, T> {
  const index = new Map<string, T>();
  for (const entry of entries) {
    if (!index.has(entry.instrument_id)) index.set(entry.instrument_id, entry);
  }
  return index;
}

import * as z from "zod";
import { currency, decimal, identifier } from "./scalars.ts";
import { listOf, wireObject } from "./wire.ts";

const MOST_PRICES = 5_000;

export const Price = wireObject({ instrument_id: identifier, price: decimal, currency }).meta({
  id: "Price",
  description: "The price of one unit of an instrument.",
});
export type Price = z.output<typeof Price>;

/** `pair` is `FROM/TO`: an amount in FROM times the rate is the amount in TO. */
export const FxRate = wireObject({ pair: identifier, rate: decimal }).meta({
  id: "FxRate",
  description:
    "The rate of a pair of currencies. `pair` is `FROM/TO`: an amount in FROM times the rate is the amount in TO.",
});
export type FxRate = z.output<typeof FxRate>;

export const MarketDataSnapshot = wireObject({
  snapshot_id: identifier.nullable().default(null),
  prices: listOf(Price, MOST_PRICES).default([]),
  fx_rates: z.array(FxRate).default([]),
}).meta({ id: "MarketDataSnapshot", description: "Prices and FX rates of one moment." });
export type MarketDataSnapshot = z.output<typeof MarketDataSnapshot>;

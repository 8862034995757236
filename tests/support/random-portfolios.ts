import fc from "fast-check";
import { RebalanceRequest } from "../../src/contract/rebalance.ts";
import { asJsonBody } from "./rebalance-request.ts";

/** One instrument of a random portfolio, as the bodies of both engines are made of it. */
export type RandomInstrument = {
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly currency: string;
  readonly held: number;
  readonly lotCosts: readonly number[];
  readonly minNotional: number | null;
  readonly minQuantity: number | null;
  readonly price: string;
  readonly status: string;
  readonly step: string;
  readonly target: number | null;
  /** What it is said to be worth, in EUR; null: nothing is said. */
  readonly trusted: number | null;
};

export type RandomPortfolio = {
  readonly cash: Readonly<Record<string, string>>;
  readonly instruments: readonly RandomInstrument[];
  readonly options: Readonly<Record<string, unknown>>;
};

const cents = (most: number) => fc.integer({ min: 0, max: most }).map((amount) => `${amount}e-2`);
const thousandths = (most: number) => fc.integer({ min: 0, max: most }).map((share) => `${share}e-3`);
const currency = fc.constantFrom("EUR", "EUR", "EUR", "USD", "JPY");

const instrument = fc.record({
  attributes: fc.record({ sector: fc.constantFrom("X", "Y", "Z"), region: fc.constantFrom("P", "Q") }),
  currency,
  held: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 400 })),
  lotCosts: fc.array(fc.integer({ min: 1, max: 40_000 }), { maxLength: 3 }),
  minNotional: fc.constantFrom(null, null, null, 200),
  minQuantity: fc.constantFrom(null, null, null, 5),
  price: fc.integer({ min: 10, max: 30_000 }).map((price) => `${price}e-2`),
  status: fc.constantFrom(
    "APPROVED",
    "APPROVED",
    "APPROVED",
    "APPROVED",
    "SELL_ONLY",
    "SUSPENDED",
    "RESTRICTED",
    "BANNED",
    "MISSING",
  ),
  step: fc.constantFrom("1", "1", "1", "10", "0.0001"),
  target: fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 500 })),
  trusted: fc.oneof(
    { weight: 3, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 60_000 }) },
  ),
});

/** Group limits over both attributes, so that they overlap. */
export const groupLimits = fc.dictionary(
  fc.constantFrom("sector:X", "sector:Y", "sector:Z", "region:P", "region:Q"),
  fc.record({ max_weight: thousandths(1000) }),
  { maxKeys: 4 },
);

const limits = fc.record(
  {
    cash_band_max_weight: thousandths(1000),
    cash_band_min_weight: thousandths(100),
    group_constraints: groupLimits,
    min_cash_buffer_pct: thousandths(200),
    single_position_max_weight: thousandths(700),
  },
  { requiredKeys: [] },
);

const methods = fc.record({
  fx_buffer_pct: fc.constantFrom("0", "0.01"),
  target_method: fc.constantFrom("HEURISTIC", "SOLVER"),
});

/** Portfolios in EUR of some instruments with targets, limits and locked holdings; prices and rates are all there. */
export const randomPortfolio: fc.Arbitrary<RandomPortfolio> = fc
  .record({
    base: cents(5_000_000),
    chosen: fc.tuple(methods, limits),
    foreign: fc.record(
      { JPY: fc.integer({ min: 0, max: 900_000 }).map(String), USD: cents(300_000) },
      { requiredKeys: [] },
    ),
    instruments: fc.array(instrument, { minLength: 1, maxLength: 8 }),
    isInvested: fc.boolean(),
  })
  .map(({ base, chosen: [method, limit], foreign, instruments, isInvested }) => {
    const wanted = instruments.reduce((sum, { target }) => sum + (target ?? 0), 0);
    // Half of the models are of the usual kind, whose weights add up to no more than one.
    const divisor = isInvested && wanted > 1000 ? wanted : 1000;
    return {
      cash: { EUR: base, ...foreign },
      instruments: instruments.map((random, index) => ({
        ...random,
        id: `I${index}`,
        target: random.target === null ? null : Math.floor((random.target * 1000) / divisor),
      })),
      options: { rules_version: "2", ...method, ...limit },
    };
  });

/** The parts of a body that both engines take. */
export function inputsOf({ cash, instruments }: RandomPortfolio) {
  const listed = instruments.filter(({ status, target }) => status !== "MISSING" || target !== null);
  return {
    market_data_snapshot: {
      fx_rates: [
        { pair: "USD/EUR", rate: "0.9213" },
        { pair: "EUR/JPY", rate: "162.37" },
      ],
      prices: instruments.map(({ currency: code, id, price }) => ({
        currency: code,
        instrument_id: id,
        price,
      })),
    },
    portfolio_snapshot: {
      base_currency: "EUR",
      cash_balances: Object.entries(cash).map(([code, amount]) => ({ amount, currency: code })),
      portfolio_id: "pf_1",
      positions: instruments
        .filter(({ held }) => held > 0)
        .map(({ currency: code, held, id, lotCosts, trusted }) => ({
          instrument_id: id,
          lots: lotCosts.map((cost, index) => ({
            lot_id: `lot-${index}`,
            purchase_date: "2024-01-01",
            quantity:
              index === 0
                ? String(held - (lotCosts.length - 1) * Math.floor(held / 4))
                : String(Math.floor(held / 4)),
            unit_cost: { amount: `${cost}e-2`, currency: code },
          })),
          market_value: trusted === null ? null : { amount: String(trusted), currency: "EUR" },
          quantity: String(held),
        })),
    },
    shelf_entries: listed.map(
      ({ attributes, currency: code, id, minNotional, minQuantity, status, step }) => ({
        attributes,
        instrument_id: id,
        min_notional: minNotional === null ? null : { amount: String(minNotional), currency: code },
        min_quantity: minQuantity === null ? null : String(minQuantity),
        quantity_step: step,
        // A target without a shelf entry would block the whole run.
        status: status === "MISSING" ? "APPROVED" : status,
      }),
    ),
  };
}

export function bodyOf(portfolio: RandomPortfolio, options: Readonly<Record<string, unknown>> = {}) {
  return {
    ...inputsOf(portfolio),
    model_portfolio: {
      targets: portfolio.instruments.flatMap(({ id, target }) =>
        target === null ? [] : [{ instrument_id: id, weight: `${target}e-3` }],
      ),
    },
    options: { ...portfolio.options, ...options },
  };
}

export function requestOf(body: unknown): RebalanceRequest {
  return RebalanceRequest.parse(asJsonBody(body));
}

/** The same lists in another order, by a number that decides it. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const keyed = items.map((item, index) => ({ item, key: Math.sin((index + 1) * (seed + 1)) }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

/** The same value with the keys of each object in it in another order; lists stay as they are. */
export function withShuffledKeys<T>(value: T, seed: number): T {
  return JSON.parse(
    JSON.stringify(value, (_, part: unknown) =>
      part !== null && typeof part === "object" && !Array.isArray(part)
        ? Object.fromEntries(shuffled(Object.entries(part), seed))
        : part,
    ),
  ) as T;
}

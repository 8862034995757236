import fc from "fast-check";

/**
 * Bodies of rebalances that are valid and anything but tidy: missing prices and rates, rows given twice, zero
 * and negative numbers, numbers of every length, names that JavaScript might trip over.
 */

const ids = fc.constantFrom("A", "B", "C", "D", "E", "F", "__proto__", "constructor", "𝒳", "");
const instrument = ids.filter((id) => id !== "");
const currency = fc.constantFrom("EUR", "USD", "JPY", "CHF");
const flag = fc.boolean();

const tidy = fc
  .tuple(fc.integer({ min: -500, max: 20_000 }), fc.integer({ min: 0, max: 4 }))
  .map(([digits, decimals]) => `${digits}e-${decimals}`);
const wild = fc
  .tuple(fc.constantFrom("", "-"), fc.stringMatching(/^\d{1,18}$/), fc.stringMatching(/^\d{0,30}$/))
  .map(([sign, whole, fraction]) => `${sign}${whole}.${fraction}`);
const amount = fc.oneof({ weight: 9, arbitrary: tidy }, { weight: 1, arbitrary: wild });
const share = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 0, max: 1000 }).map((digits) => `${digits}e-3`) },
  { weight: 1, arbitrary: fc.stringMatching(/^0\.\d{1,30}$/) },
);
const money = fc.record({ amount, currency });
const days = fc.integer({ min: 0, max: 10 });

const price = fc.record({ currency, instrument_id: instrument, price: amount });
const pairs = ["USD/EUR", "EUR/JPY", "CHF/EUR", "USD/CHF", "EUR/USD"];
const fxRate = fc.record({ pair: fc.constantFrom(...pairs), rate: amount });

const attributes = fc.dictionary(fc.constantFrom("sector", "region", "__proto__"), fc.constantFrom("X", "Y"));
const shelfEntry = fc.record(
  {
    asset_class: fc.constantFrom("EQUITY", "BOND", "CASH"),
    attributes,
    instrument_id: instrument,
    min_notional: fc.option(money),
    settlement_days: days,
    status: fc.constantFrom(
      "APPROVED",
      "APPROVED",
      "APPROVED",
      "SELL_ONLY",
      "RESTRICTED",
      "SUSPENDED",
      "BANNED",
    ),
  },
  { requiredKeys: ["instrument_id", "status"] },
);

/** Lots that add up to their position, as the contract asks. */
const lotted = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 500 }), money, fc.constantFrom("2020-01-01", "2023-06-30")), {
    minLength: 1,
    maxLength: 4,
  })
  .map((lots) => ({
    lots: lots.map(([quantity, unit_cost, purchase_date], index) => ({
      lot_id: `lot-${index}`,
      purchase_date,
      quantity: String(quantity),
      unit_cost,
    })),
    quantity: String(lots.reduce((sum, [quantity]) => sum + quantity, 0)),
  }));
const position = fc
  .tuple(instrument, fc.option(money), fc.oneof(fc.record({ quantity: amount }), lotted))
  .map(([instrument_id, market_value, held]) => ({ instrument_id, market_value, ...held }));

const cashBalance = fc.record(
  { amount, currency, settled: fc.option(amount) },
  { requiredKeys: ["amount", "currency"] },
);

const groupKey = fc.constantFrom("sector:X", "sector:Y", "region:X", "nowhere:X", "__proto__:X");

const options = fc.record(
  {
    allow_restricted: flag,
    block_on_missing_fx: flag,
    block_on_missing_prices: flag,
    cash_band_max_weight: share,
    cash_band_min_weight: share,
    compare_target_methods: flag,
    enable_settlement_awareness: flag,
    enable_tax_awareness: flag,
    enable_workflow_gates: flag,
    fx_buffer_pct: share,
    fx_settlement_days: days,
    group_constraints: fc.dictionary(groupKey, fc.record({ max_weight: share })),
    link_buy_to_same_currency_sell_dependency: fc.option(flag),
    max_overdraft_by_ccy: fc.dictionary(fc.constantFrom("EUR", "USD"), fc.constantFrom("0", "100", "1e6")),
    max_realized_capital_gains: fc.option(fc.constantFrom("0", "10", "1000.5")),
    max_turnover_pct: fc.option(share),
    min_cash_buffer_pct: share,
    min_trade_notional: fc.option(money),
    settlement_horizon_days: days,
    single_position_max_weight: fc.option(share),
    suppress_dust_trades: flag,
    target_method: fc.constantFrom("HEURISTIC", "SOLVER"),
    valuation_mode: fc.constantFrom("CALCULATED", "TRUST_SNAPSHOT"),
    workflow_requires_client_consent: flag,
  },
  { requiredKeys: [] },
);

export const arbitraryRebalance = fc.record({
  market_data_snapshot: fc.record({
    fx_rates: fc.array(fxRate, { maxLength: 6 }),
    prices: fc.array(price, { minLength: 2, maxLength: 12 }),
  }),
  model_portfolio: fc.record({
    targets: fc.array(fc.record({ instrument_id: instrument, weight: fc.oneof(share, amount) }), {
      maxLength: 6,
    }),
  }),
  options,
  portfolio_snapshot: fc.record({
    base_currency: currency,
    cash_balances: fc.array(cashBalance, { maxLength: 4 }),
    portfolio_id: fc.constant("pf_1"),
    positions: fc.array(position, { maxLength: 6 }),
  }),
  shelf_entries: fc.array(shelfEntry, { minLength: 2, maxLength: 12 }),
});
export type ArbitraryRebalance = typeof arbitraryRebalance extends fc.Arbitrary<infer T> ? T : never;

/**
 * The same with every price, rate and shelf entry in place, in sensible sizes and without repetitions: most of
 * these trade.
 */
export const tidyRebalance = fc
  .record({
    options,
    cash: fc.uniqueArray(fc.record({ amount: fc.integer({ min: 0, max: 50_000 }).map(String), currency }), {
      maxLength: 3,
      selector: ({ currency: code }) => code,
    }),
    instruments: fc.uniqueArray(
      fc.record({
        attributes,
        currency,
        held: lotted,
        id: instrument,
        min_notional: fc.constantFrom(null, { amount: "50", currency: "EUR" }),
        price: fc.integer({ min: 1, max: 50_000 }).map((cents) => `${cents}e-2`),
        settlement_days: days,
        status: fc.constantFrom("APPROVED", "APPROVED", "APPROVED", "SELL_ONLY", "SUSPENDED"),
        target: fc.option(share),
      }),
      { minLength: 1, maxLength: 6, selector: ({ id }) => id },
    ),
  })
  .map(({ cash, instruments, options: chosen }) => ({
    market_data_snapshot: {
      fx_rates: [
        { pair: "USD/EUR", rate: "0.9213" },
        { pair: "EUR/JPY", rate: "162.37" },
        { pair: "CHF/EUR", rate: "1.0461" },
      ],
      prices: instruments.map(({ currency: code, id, price: amountOf }) => ({
        currency: code,
        instrument_id: id,
        price: amountOf,
      })),
    },
    model_portfolio: {
      targets: instruments.flatMap(({ id, target }) =>
        target === null ? [] : [{ instrument_id: id, weight: target }],
      ),
    },
    options: { ...chosen, valuation_mode: "CALCULATED" },
    portfolio_snapshot: {
      base_currency: "EUR",
      cash_balances: cash,
      portfolio_id: "pf_1",
      positions: instruments.map(({ held, id }) => ({ instrument_id: id, ...held })),
    },
    shelf_entries: instruments.map(({ attributes: named, id, min_notional, settlement_days, status }) => ({
      attributes: named,
      instrument_id: id,
      min_notional,
      settlement_days,
      status,
    })),
  }));

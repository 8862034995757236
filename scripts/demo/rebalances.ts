import { marketData, shelf } from "./market.ts";

/** One story: what is asked, and of which endpoint. */
export type Scenario = {
  readonly title: string;
  readonly path: "/rebalance/simulate" | "/rebalance/analyze";
  readonly body: Readonly<Record<string, unknown>>;
};

type Holding = { instrument_id: string; quantity: string; lots?: readonly Lot[] };
type Lot = {
  lot_id: string;
  quantity: string;
  unit_cost: { amount: string; currency: string };
  purchase_date: string;
};
type Cash = { currency: string; amount: string; settled?: string };

type Book = {
  readonly portfolio: string;
  readonly base: string;
  readonly positions: readonly Holding[];
  readonly cash: readonly Cash[];
  readonly targets: Readonly<Record<string, string>>;
  readonly status?: Readonly<Record<string, string>>;
  readonly unpriced?: readonly string[];
};

function inputs(book: Book) {
  const ids = [
    ...new Set([...book.positions.map((held) => held.instrument_id), ...Object.keys(book.targets)]),
  ];
  return {
    portfolio_snapshot: {
      snapshot_id: `ps_${book.portfolio}`,
      portfolio_id: book.portfolio,
      base_currency: book.base,
      positions: book.positions,
      cash_balances: book.cash,
    },
    market_data_snapshot: marketData(ids.filter((id) => !(book.unpriced ?? []).includes(id))),
    model_portfolio: {
      targets: Object.entries(book.targets).map(([instrument_id, weight]) => ({ instrument_id, weight })),
    },
    shelf_entries: shelf(ids, book.status),
  };
}

function simulation(title: string, book: Book, options: Record<string, unknown> = {}): Scenario {
  return { title, path: "/rebalance/simulate", body: { ...inputs(book), options } };
}

const BALANCED: Book = {
  portfolio: "pf_keller_balanced",
  base: "USD",
  positions: [
    { instrument_id: "US_MSFT", quantity: "1500" },
    { instrument_id: "US_TREASURY_10Y", quantity: "4000" },
  ],
  cash: [{ currency: "USD", amount: "85000.00" }],
  targets: { US_MSFT: "0.45", US_TREASURY_10Y: "0.50" },
};

const lot = (lot_id: string, quantity: string, amount: string, purchase_date: string): Lot => ({
  lot_id,
  quantity,
  unit_cost: { amount, currency: "USD" },
  purchase_date,
});

/** The rebalances of the demonstration, each with one thing to see. */
export const REBALANCES: readonly Scenario[] = [
  simulation("Drift back to the model", BALANCED),
  simulation("Sell to fund a new holding", {
    ...BALANCED,
    cash: [{ currency: "USD", amount: "1200.00" }],
    targets: { US_MSFT: "0.30", US_TREASURY_10Y: "0.40", GLOBAL_BOND_FUND: "0.29" },
  }),
  simulation("Three currencies, with the FX to pay for it", {
    portfolio: "pf_meier_global",
    base: "CHF",
    positions: [
      { instrument_id: "CH_NESTLE", quantity: "5200" },
      { instrument_id: "EU_ASML", quantity: "310" },
    ],
    cash: [
      { currency: "CHF", amount: "240000.00" },
      { currency: "EUR", amount: "18500.00" },
    ],
    targets: { CH_NESTLE: "0.35", EU_ASML: "0.25", US_APPLE: "0.20", EU_BUND_2033: "0.15" },
  }),
  simulation("A holding that may only be sold", {
    ...BALANCED,
    portfolio: "pf_tan_income",
    positions: [...BALANCED.positions, { instrument_id: "GOLD_ETC", quantity: "600" }],
    targets: { US_MSFT: "0.40", US_TREASURY_10Y: "0.45", GOLD_ETC: "0.10" },
    status: { GOLD_ETC: "SELL_ONLY" },
  }),
  simulation("A missing price stops the run", { ...BALANCED, unpriced: ["US_TREASURY_10Y"] }),
  simulation(
    "Tax-aware, with a gains budget of 40,000",
    {
      ...BALANCED,
      portfolio: "pf_lopez_taxable",
      positions: [
        {
          instrument_id: "US_MSFT",
          quantity: "1500",
          lots: [
            lot("2016", "600", "51.20", "2016-04-11"),
            lot("2021", "500", "251.75", "2021-06-02"),
            lot("2024", "400", "420.10", "2024-03-19"),
          ],
        },
        { instrument_id: "US_TREASURY_10Y", quantity: "4000" },
      ],
      targets: { US_MSFT: "0.25", US_TREASURY_10Y: "0.65" },
    },
    { enable_tax_awareness: true, max_realized_capital_gains: "40000" },
  ),
  simulation(
    "Cash that is not settled in time",
    {
      portfolio: "pf_weber_settlement",
      base: "USD",
      positions: [{ instrument_id: "GLOBAL_BOND_FUND", quantity: "3000" }],
      cash: [{ currency: "USD", amount: "15000.00", settled: "2500.00" }],
      targets: { GLOBAL_BOND_FUND: "0.45", US_APPLE: "0.50" },
    },
    { enable_settlement_awareness: true, settlement_horizon_days: 5 },
  ),
  simulation(
    "Solver, with a cap on technology",
    {
      portfolio: "pf_rossi_solver",
      base: "USD",
      positions: [{ instrument_id: "US_TREASURY_10Y", quantity: "2500" }],
      cash: [{ currency: "USD", amount: "760000.00" }],
      targets: { US_MSFT: "0.30", US_APPLE: "0.25", GOLD_ETC: "0.10", US_TREASURY_10Y: "0.35" },
    },
    {
      target_method: "SOLVER",
      cash_band_min_weight: "0.02",
      cash_band_max_weight: "0.10",
      group_constraints: { "sector:TECH": { max_weight: "0.40" } },
    },
  ),
  simulation(
    "Turnover capped at 10 percent",
    {
      ...BALANCED,
      portfolio: "pf_ong_lowturnover",
      targets: { US_MSFT: "0.20", US_APPLE: "0.30", US_TREASURY_10Y: "0.42" },
    },
    { max_turnover_pct: "0.10" },
  ),
  {
    title: "A suspended holding above its cap, by the rules",
    path: "/rebalance/analyze",
    body: {
      ...inputs({
        ...BALANCED,
        portfolio: "pf_roth_suspended",
        targets: { US_APPLE: "0.20", US_TREASURY_10Y: "0.30" },
        status: { US_MSFT: "SUSPENDED" },
      }),
      scenarios: Object.fromEntries(
        ["1", "2"].map((rules_version) => [
          `version_${rules_version}`,
          { options: { group_constraints: { "sector:TECH": { max_weight: "0.40" } }, rules_version } },
        ]),
      ),
    },
  },
  {
    title: "What if: three ways side by side",
    path: "/rebalance/analyze",
    body: {
      ...inputs(BALANCED),
      scenarios: {
        as_is: { options: {} },
        capped: {
          description: "no position above 40 percent",
          options: { single_position_max_weight: "0.40" },
        },
        low_turnover: { description: "at most 3 percent", options: { max_turnover_pct: "0.03" } },
      },
    },
  },
];

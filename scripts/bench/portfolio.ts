/** A realistic request of any size, the same every time: prices, lots of currencies, drift on every position. */

const CURRENCIES = ["USD", "EUR", "CHF", "SGD"];
export const CLASSES = ["EQUITY", "FIXED_INCOME", "ALTERNATIVE"];
const SECTORS = ["TECH", "HEALTH", "ENERGY", "FINANCIALS", "STAPLES"];

function pick<T>(items: readonly [T, ...T[]] | readonly T[], at: number): T {
  const item = items[at % items.length];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}

/** The body of POST /rebalance/simulate for a portfolio of `size` positions. `salt` makes equal bodies differ. */
export function simulateBody(size: number, salt = 0) {
  const ids = Array.from({ length: size }, (_, at) => `EQ_${String(at).padStart(5, "0")}`);
  const price = (at: number): string =>
    `${20 + ((at * 37) % 180)}.${String((at * 13) % 100).padStart(2, "0")}`;
  return {
    portfolio_snapshot: {
      portfolio_id: `pf_bench_${salt}`,
      base_currency: "USD",
      positions: ids.map((instrument_id, at) => ({
        instrument_id,
        quantity: String(100 + ((at * 7919 + salt) % 900)),
      })),
      cash_balances: [{ currency: "USD", amount: "250000.00" }],
    },
    market_data_snapshot: {
      prices: ids.map((instrument_id, at) => ({
        instrument_id,
        price: price(at),
        currency: pick(CURRENCIES, at),
      })),
      fx_rates: [
        { pair: "EUR/USD", rate: "1.0616" },
        { pair: "USD/CHF", rate: "0.8840" },
        { pair: "SGD/USD", rate: "0.7455" },
      ],
    },
    model_portfolio: {
      targets: ids.map((instrument_id) => ({ instrument_id, weight: (0.97 / size).toFixed(8) })),
    },
    shelf_entries: ids.map((instrument_id, at) => ({
      instrument_id,
      status: "APPROVED",
      asset_class: pick(CLASSES, at),
      attributes: { sector: pick(SECTORS, at) },
    })),
    options: { single_position_max_weight: "0.20", max_turnover_pct: "0.50" },
  };
}

/** A request that a newcomer can send as it stands; the README's first call is this one. */
const INPUTS = {
  portfolio_snapshot: {
    portfolio_id: "pf_keller",
    base_currency: "USD",
    positions: [
      { instrument_id: "US_MSFT", quantity: "150" },
      { instrument_id: "US_TREASURY", quantity: "400" },
    ],
    cash_balances: [{ currency: "USD", amount: "8500.00" }],
  },
  market_data_snapshot: {
    prices: [
      { instrument_id: "US_MSFT", price: "412.50", currency: "USD" },
      { instrument_id: "US_TREASURY", price: "96.75", currency: "USD" },
    ],
  },
  model_portfolio: {
    targets: [
      { instrument_id: "US_MSFT", weight: "0.45" },
      { instrument_id: "US_TREASURY", weight: "0.50" },
    ],
  },
  shelf_entries: [
    { instrument_id: "US_MSFT", status: "APPROVED", asset_class: "EQUITY" },
    { instrument_id: "US_TREASURY", status: "APPROVED", asset_class: "FIXED_INCOME" },
  ],
};

export const SIMULATE_EXAMPLE = { ...INPUTS, options: {} };

export const ANALYZE_EXAMPLE = {
  ...INPUTS,
  scenarios: {
    as_is: { options: {} },
    capped: { description: "no position above 40 percent", options: { single_position_max_weight: "0.40" } },
  },
};

/** Requests that a newcomer can send as they stand. */
export const SIMULATE_EXAMPLE = {
  portfolio_snapshot: {
    portfolio_id: "pf_keller",
    base_currency: "USD",
    positions: [{ instrument_id: "US_TREASURY", quantity: "400" }],
    cash_balances: [{ currency: "USD", amount: "50000.00" }],
  },
  market_data_snapshot: {
    prices: [
      { instrument_id: "US_MSFT", price: "412.50", currency: "USD" },
      { instrument_id: "US_TREASURY", price: "96.75", currency: "USD" },
    ],
    fx_rates: [],
  },
  shelf_entries: [
    { instrument_id: "US_MSFT", status: "APPROVED", asset_class: "EQUITY" },
    { instrument_id: "US_TREASURY", status: "APPROVED", asset_class: "FIXED_INCOME" },
  ],
  options: { enable_proposal_simulation: true },
  proposed_trades: [{ side: "BUY", instrument_id: "US_MSFT", quantity: "40" }],
};

export const CREATE_EXAMPLE = {
  created_by: "advisor_lang",
  simulate_request: SIMULATE_EXAMPLE,
  metadata: { title: "Put cash to work", jurisdiction: "CH" },
};

export const VERSION_EXAMPLE = { created_by: "advisor_lang", simulate_request: SIMULATE_EXAMPLE };

export const TRANSITION_EXAMPLE = {
  event_type: "SUBMITTED_FOR_RISK_REVIEW",
  actor_id: "advisor_lang",
  expected_state: "DRAFT",
  reason: { comment: "ready for review" },
};

export const APPROVAL_EXAMPLE = {
  approval_type: "RISK",
  approved: true,
  actor_id: "risk_brunner",
  expected_state: "RISK_REVIEW",
  details: { comment: "within limits" },
};

/** A pack of a cautious mandate, for the documentation. */
export const POLICY_PACK_EXAMPLE = {
  version: "2026-03",
  turnover_policy: { max_turnover_pct: "0.15" },
  tax_policy: { enable_tax_awareness: true, max_realized_capital_gains: "25000" },
  constraint_policy: {
    single_position_max_weight: "0.10",
    group_constraints: { "sector:TECHNOLOGY": { max_weight: "0.25" } },
  },
  workflow_policy: { workflow_requires_client_consent: true },
};

import { SIMULATE_EXAMPLE } from "../rebalance/examples.ts";

const { portfolio_snapshot, ...shared } = SIMULATE_EXAMPLE;

export const PORTFOLIOS_EXAMPLE = {
  portfolios: [
    { portfolio_snapshot },
    { item_key: "client-7-growth", portfolio_snapshot, options: { max_turnover_pct: "0.15" } },
  ],
};

/** A wave of two portfolios. */
export const CREATE_EXAMPLE = {
  wave_name: "january-rebalance",
  created_by: "desk.kim",
  shared,
  ...PORTFOLIOS_EXAMPLE,
};

const lines = (values: readonly unknown[]) => values.map((value) => `${JSON.stringify(value)}\n`).join("");
const { portfolios, ...head } = CREATE_EXAMPLE;

/** The same as lines. */
export const PORTFOLIO_LINES = lines(portfolios);
export const CREATE_LINES = lines([head, ...portfolios]);

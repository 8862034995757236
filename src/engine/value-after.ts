import type { ValuationMode } from "../contract/options.ts";
import type { DataQualityLog } from "./diagnostics.ts";
import type { Lookups } from "./lookups.ts";
import { valueHoldings, type Valuation } from "./valuation.ts";
import type { SettledTrade, WorkingPortfolio } from "./working-portfolio.ts";

/** Values a portfolio that trades were applied to. `mode` is that of the request. */
export type AfterValuation = (
  portfolio: WorkingPortfolio,
  trades: readonly SettledTrade[],
  mode: ValuationMode,
  lookups: Lookups,
  log: DataQualityLog,
) => Valuation;

/** By price in every mode: a market value that came with a position is that of its quantity before the trades. */
export const valueByPrice: AfterValuation = (portfolio, _trades, _mode, lookups, log) =>
  valueHoldings(portfolio, "CALCULATED", lookups, log);

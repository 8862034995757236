import type { DiagnosticsData } from "../contract/diagnostics.ts";
import type { EngineOptions } from "../contract/options.ts";

/** Missing input in order of discovery, repeats included. FX pairs are `CCY/BASE`. */
export type DataQualityLog = { fx_missing: string[]; price_missing: string[]; shelf_missing: string[] };

/** The diagnostics of a run in progress; each stage appends to them. */
export type Diagnostics = Omit<DiagnosticsData, "data_quality"> & { data_quality: DataQualityLog };

export function emptyDiagnostics(): Diagnostics {
  return {
    cash_ladder: [],
    cash_ladder_breaches: [],
    data_quality: emptyDataQuality(),
    dropped_intents: [],
    funding_plan: [],
    group_constraint_events: [],
    insufficient_cash: [],
    missing_fx_pairs: [],
    suppressed_intents: [],
    tax_budget_constraint_events: [],
    warnings: [],
  };
}

export function emptyDataQuality(): DataQualityLog {
  return { fx_missing: [], price_missing: [], shelf_missing: [] };
}

export function logMissingRate(log: DataQualityLog, currency: string, baseCurrency: string): void {
  log.fx_missing.push(`${currency}/${baseCurrency}`);
}

/** The number of missing inputs that block the run; its options may tolerate missing prices or rates. */
export function blockingGapCount(log: DataQualityLog, options: EngineOptions): number {
  const prices = options.block_on_missing_prices ? log.price_missing.length : 0;
  const rates = options.block_on_missing_fx ? log.fx_missing.length : 0;
  return prices + rates + log.shelf_missing.length;
}

/** Adds a warning unless the run has it already. */
export function warnOnce(diagnostics: Diagnostics, warning: string): void {
  if (!diagnostics.warnings.includes(warning)) diagnostics.warnings.push(warning);
}

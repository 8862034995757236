import * as z from "zod";
import { add, compare, ONE, subtract, ZERO, type Decimal } from "../../../decimal/decimal.ts";
import { allocationOf, MOST_ASSET_CLASSES, MOST_INSTRUMENTS } from "./allocation.ts";
import { checksOf } from "./checks.ts";
import { missingDataOf } from "./missing-data.ts";
import type { Report, ReportContent, Tax } from "./report.ts";
import {
  readStoredPart,
  StoredDecimal,
  StoredDiagnostics,
  StoredGate,
  StoredIntents,
  StoredMoney,
  StoredRule,
  StoredState,
} from "./stored.ts";
import { costsOf, tradesOf } from "./trades.ts";

const TaxImpact = z.object({
  total_realized_gain: StoredMoney,
  total_realized_loss: StoredMoney,
  budget_limit: StoredMoney.nullable(),
  budget_used: StoredMoney.nullable(),
});

const Inputs = z.object({
  portfolio_snapshot: z.object({ base_currency: z.string() }),
  model_portfolio: z.object({
    targets: z.array(z.object({ instrument_id: z.string(), weight: StoredDecimal })),
  }),
  shelf_entries: z.array(z.object({ instrument_id: z.string(), asset_class: z.string() })),
  options: z.object({ max_turnover_pct: StoredDecimal.nullable(), valuation_mode: z.string() }),
});

type Inputs = z.output<typeof Inputs>;

/** Artifacts have them among other facts of the request, or alone as it was before. */
const RequestSnapshot = z.union([z.object({ inputs: Inputs }).transform(({ inputs }) => inputs), Inputs]);

const StoredRunArtifact = z.object({
  status: z.string(),
  request_snapshot: RequestSnapshot,
  result: z.object({
    before: StoredState,
    after_simulated: StoredState,
    intents: StoredIntents,
    tax_impact: TaxImpact.nullable(),
    rule_results: z.array(StoredRule),
    diagnostics: StoredDiagnostics,
    gate_decision: StoredGate.nullable(),
    lineage: z.object({ market_data_snapshot_id: z.string(), rules_version: z.string() }),
  }),
});
type StoredRunArtifact = z.output<typeof StoredRunArtifact>;

/** What is told of a run beside its artifact. */
export type RunFacts = Omit<Report, "kind" | "content">;

/** The report of a run, from its artifact and what was decided about it. Pure. */
export function runReport(artifactText: string, facts: RunFacts): Report {
  const artifact = readStoredPart(StoredRunArtifact, artifactText);
  return { kind: "run", ...facts, content: artifact === undefined ? null : contentOf(artifact) };
}

function contentOf({ status, request_snapshot: inputs, result }: StoredRunArtifact): ReportContent {
  const { before, after_simulated: after, diagnostics } = result;
  const model = instrumentModel(inputs);
  const trades = tradesOf(result.intents, diagnostics);
  const { max_turnover_pct: turnoverLimit, valuation_mode: valuationMode } = inputs.options;
  const marketData = result.lineage.market_data_snapshot_id;
  return {
    status,
    baseCurrency: inputs.portfolio_snapshot.base_currency,
    gate: result.gate_decision,
    totals: { before: before.total_value, after: after.total_value },
    model: { name: null, asOf: null },
    drift: null,
    assetClasses: allocationOf(
      {
        before: before.allocation_by_asset_class,
        after: after.allocation_by_asset_class,
        model: assetClassModel(model, inputs),
      },
      MOST_ASSET_CLASSES,
    ),
    instruments: allocationOf(
      { before: before.allocation_by_instrument, after: after.allocation_by_instrument, model },
      MOST_INSTRUMENTS,
    ),
    trades,
    costs: costsOf(trades.securities, before.total_value, { turnoverLimit, tax: taxOf(result) }),
    suitability: null,
    checks: checksOf(result.rule_results),
    warnings: diagnostics.warnings,
    missingData: missingDataOf(diagnostics),
    disclosures: {
      marketData,
      pricesAsOf: null,
      ratesAsOf: null,
      valuationMode,
      statements: [],
      documents: [],
    },
    rulesVersion: result.lineage.rules_version,
  };
}

/** As it was asked for: a run that was stopped has no targets of its own. */
function instrumentModel({ model_portfolio }: Inputs): Map<string, Decimal> {
  return new Map(model_portfolio.targets.map(({ instrument_id, weight }) => [instrument_id, weight]));
}

const CASH = "CASH";
const UNKNOWN = "UNKNOWN";

/** What the model comes to by asset class, with cash for the rest of it. */
function assetClassModel(
  model: ReadonlyMap<string, Decimal>,
  { shelf_entries }: Inputs,
): Map<string, Decimal> {
  const classes = new Map(
    shelf_entries.map(({ instrument_id, asset_class }) => [instrument_id, asset_class]),
  );
  const sums = new Map<string, Decimal>();
  let total = ZERO;
  for (const [instrument, weight] of model) {
    const key = classes.get(instrument) ?? UNKNOWN;
    sums.set(key, add(sums.get(key) ?? ZERO, weight));
    total = add(total, weight);
  }
  if (compare(total, ONE) < 0) sums.set(CASH, add(sums.get(CASH) ?? ZERO, subtract(ONE, total)));
  return sums;
}

function taxOf({ tax_impact }: StoredRunArtifact["result"]): Tax | null {
  if (tax_impact === null) return null;
  return {
    gain: tax_impact.total_realized_gain,
    loss: tax_impact.total_realized_loss,
    limit: tax_impact.budget_limit,
    used: tax_impact.budget_used,
  };
}

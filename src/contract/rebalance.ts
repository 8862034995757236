import * as z from "zod";
import { DiagnosticsData } from "./diagnostics.ts";
import { GateDecision } from "./gate.ts";
import { FxSpotIntent, SecurityTradeIntent } from "./intents.ts";
import { LineageData } from "./lineage-data.ts";
import { emptyMap } from "./maps.ts";
import { MarketDataSnapshot } from "./market-data.ts";
import { ModelPortfolio } from "./model.ts";
import { MoneyText } from "./money.ts";
import { EngineOptions } from "./options.ts";
import { PortfolioSnapshot } from "./portfolio.ts";
import { Reconciliation, RuleResult, RunStatus } from "./rules.ts";
import { DecimalText, objectReadAs, text, Timestamp } from "./scalars.ts";
import { ShelfEntries } from "./shelf.ts";
import { SimulatedState } from "./state.ts";
import { mapOf, refusal, ruleOnAnything, wireObject, type Refusal } from "./wire.ts";

const inputs = {
  portfolio_snapshot: PortfolioSnapshot,
  market_data_snapshot: MarketDataSnapshot,
  model_portfolio: ModelPortfolio,
  shelf_entries: ShelfEntries,
};

export const RebalanceRequest = wireObject({ ...inputs, options: EngineOptions }).meta({
  id: "RebalanceRequest",
  description: "A portfolio, and the model that it should follow.",
});
export type RebalanceRequest = z.output<typeof RebalanceRequest>;

const TargetInstrument = z
  .strictObject({
    instrument_id: z.string(),
    model_weight: DecimalText,
    final_weight: DecimalText,
    final_value: MoneyText,
    tags: z.array(z.string()),
  })
  .meta({ id: "TargetInstrument", description: "The target of one instrument." });

export const TargetData = z
  .strictObject({
    target_id: z.string(),
    strategy: z.record(z.string(), z.unknown()),
    targets: z.array(TargetInstrument),
  })
  .meta({ id: "TargetData", description: "The target weights that were worked towards." });
export type TargetData = z.output<typeof TargetData>;

const ExcludedInstrument = z
  .strictObject({ instrument_id: z.string(), reason_code: z.string(), details: z.string().nullable() })
  .meta({ id: "ExcludedInstrument", description: "An instrument that is left alone, with the reason." });

/** Coverage is a share: 1 is all of it. */
const UniverseCoverage = z
  .strictObject({ price_coverage_pct: DecimalText, fx_coverage_pct: DecimalText })
  .meta({
    id: "UniverseCoverage",
    description: "For how much of the portfolio there were prices and rates.",
  });

export const UniverseData = z
  .strictObject({
    universe_id: z.string(),
    eligible_for_buy: z.array(z.string()),
    eligible_for_sell: z.array(z.string()),
    excluded: z.array(ExcludedInstrument),
    coverage: UniverseCoverage,
  })
  .meta({ id: "UniverseData", description: "Which instruments could be bought and sold." });
export type UniverseData = z.output<typeof UniverseData>;

export const TaxImpact = z
  .strictObject({
    total_realized_gain: MoneyText,
    total_realized_loss: MoneyText,
    budget_limit: MoneyText.nullable(),
    budget_used: MoneyText.nullable(),
    uncovered_quantity: z
      .array(
        z.strictObject({ instrument_id: z.string(), quantity: DecimalText }).meta({
          id: "UncoveredQuantity",
          description: "Units that are sold beyond the lots of a position; their gain is not known.",
        }),
      )
      .optional(),
  })
  .meta({ id: "TaxImpact", description: "Gains and losses that would be realized." });
export type TaxImpact = z.output<typeof TaxImpact>;

export const RebalanceIntent = z
  .discriminatedUnion("intent_type", [SecurityTradeIntent, FxSpotIntent])
  .meta({ id: "RebalanceIntent", description: "A security trade or an FX trade: `intent_type` says which." });
export type RebalanceIntent = z.output<typeof RebalanceIntent>;

export const RebalanceResult = z
  .strictObject({
    rebalance_run_id: z.string(),
    correlation_id: z.string(),
    status: RunStatus,
    before: SimulatedState,
    universe: UniverseData,
    target: TargetData,
    intents: z.array(RebalanceIntent),
    after_simulated: SimulatedState,
    reconciliation: Reconciliation.nullable(),
    tax_impact: TaxImpact.nullable(),
    rule_results: z.array(RuleResult),
    explanation: z.record(z.string(), z.unknown()),
    diagnostics: DiagnosticsData,
    gate_decision: GateDecision.nullable(),
    lineage: LineageData,
  })
  .meta({
    id: "RebalanceResult",
    description: "The trades that bring a portfolio to its model, and what comes of them.",
  });
export type RebalanceResult = z.output<typeof RebalanceResult>;

/**
 * One what-if. `options` stays as it was sent: what is wrong in it fails this scenario alone, not the body.
 * `readScenarioOptions` reads it.
 */
export const SimulationScenario = wireObject({
  description: text.nullable().default(null),
  options: objectReadAs(EngineOptions).default(() => emptyMap<unknown>()),
}).meta({ id: "SimulationScenario", description: "One what-if." });
export type SimulationScenario = z.output<typeof SimulationScenario>;

export const MOST_SCENARIOS = 20;
const SCENARIO_NAME = /^[a-z0-9_-]{1,64}$/;
const SCENARIO_COUNT_RULE = refusal("SCENARIO_COUNT", `needs 1 to ${MOST_SCENARIOS} scenarios`);
const SCENARIO_NAME_RULE = refusal("SCENARIO_NAME", `names must match ${SCENARIO_NAME.source}`);

function judgeScenarios(scenarios: Record<string, unknown>): Refusal[] {
  const names = Object.keys(scenarios);
  const countIsRight = names.length >= 1 && names.length <= MOST_SCENARIOS;
  const namesAreRight = names.every((name) => SCENARIO_NAME.test(name));
  return [...(countIsRight ? [] : [SCENARIO_COUNT_RULE]), ...(namesAreRight ? [] : [SCENARIO_NAME_RULE])];
}

export const BatchRebalanceRequest = wireObject({
  ...inputs,
  scenarios: mapOf(SimulationScenario)
    .check(ruleOnAnything(judgeScenarios))
    .meta({
      minProperties: 1,
      maxProperties: MOST_SCENARIOS,
      propertyNames: { type: "string", pattern: SCENARIO_NAME.source },
    }),
}).meta({
  id: "BatchRebalanceRequest",
  description: "What-if scenarios of one portfolio, which share all inputs but their options.",
});
export type BatchRebalanceRequest = z.output<typeof BatchRebalanceRequest>;

const BatchScenarioMetric = z
  .strictObject({
    status: RunStatus,
    security_intent_count: z.int(),
    gross_turnover_notional_base: MoneyText,
  })
  .meta({ id: "BatchScenarioMetric", description: "What to compare a scenario by." });

export const BatchRebalanceResult = z
  .strictObject({
    batch_run_id: z.string(),
    run_at_utc: Timestamp,
    base_snapshot_ids: z.record(z.string(), z.string()),
    results: z.record(z.string(), RebalanceResult),
    comparison_metrics: z.record(z.string(), BatchScenarioMetric),
    failed_scenarios: z.record(z.string(), z.string()),
    warnings: z.array(z.string()),
  })
  .meta({
    id: "BatchRebalanceResult",
    description: "The scenarios side by side; each is stored as a run of its own.",
  });
export type BatchRebalanceResult = z.output<typeof BatchRebalanceResult>;

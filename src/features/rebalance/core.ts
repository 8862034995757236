import type {
  BatchRebalanceRequest,
  BatchRebalanceResult,
  RebalanceRequest,
  RebalanceResult,
} from "../../contract/rebalance.ts";
import type { UnknownFields } from "../../contract/faults.ts";
import type { EngineOptions } from "../../contract/options.ts";
import { readScenarioOptions } from "../../contract/scenario-options.ts";
import { decimal, ZERO } from "../../decimal/decimal.ts";
import { mapFrom } from "../../contract/maps.ts";
import { moneyText } from "../../engine/money.ts";
import { compareCodePoints } from "../../engine/order.ts";
import { rulesNamed } from "../../engine/versions.ts";

/** The options of a scenario as the contract reads them, or the first thing that is wrong with them. */
export type OptionsRead =
  { readonly ok: true; readonly options: EngineOptions } | { readonly ok: false; readonly message: string };

export type OptionsReader = (options: unknown) => OptionsRead;

/** How a deployment reads the options of scenarios. */
export function optionsReader(unknownFields: UnknownFields): OptionsReader {
  return (options) => readScenarioOptions(options, unknownFields);
}

/** One what-if of a batch: the request that the engine is given, or why its options cannot be used. */
export type Scenario =
  | { readonly name: string; readonly input: RebalanceRequest }
  | { readonly name: string; readonly fault: string };

export type ScenarioResult = { readonly name: string; readonly result: RebalanceResult };

/** The scenarios of a batch in ascending name order. A fault in the options of one leaves the others alone. */
export function readScenarios(request: BatchRebalanceRequest, readOptions: OptionsReader): Scenario[] {
  const { scenarios, ...inputs } = request;
  return Object.entries(scenarios)
    .sort(([a], [b]) => compareCodePoints(a, b))
    .map(([name, scenario]) => {
      const read = readOptions(scenario.options);
      if (!read.ok) return { name, fault: `INVALID_OPTIONS: ${read.message}` };
      return { name, input: { ...inputs, options: read.options } };
    });
}

type Inputs = Pick<
  RebalanceRequest,
  "portfolio_snapshot" | "model_portfolio" | "market_data_snapshot" | "shelf_entries"
>;

/** How many instruments a run is about: those that are held, or those that are to be. */
export function instrumentsOf({ portfolio_snapshot, model_portfolio }: Inputs): number {
  return Math.max(portfolio_snapshot.positions.length, model_portfolio.targets.length);
}

/** What the solver adds to a line, and to every instrument in a group that is capped (docs/performance.md). */
const SOLVED_LINE = 0.5;
const CAPPED_MEMBER = 0.05;

/** An estimate of the work of one run, in positions that are calculated once. */
export function costOfRun(inputs: Inputs, options: EngineOptions): number {
  const { market_data_snapshot, portfolio_snapshot, shelf_entries } = inputs;
  const listed = Math.max(market_data_snapshot.prices.length, shelf_entries.length);
  const lots = portfolio_snapshot.positions.reduce((sum, position) => sum + position.lots.length, 0);
  const lines = Math.max(instrumentsOf(inputs), listed) + lots / 10;
  const isSolved = options.target_method === "SOLVER" || options.compare_target_methods;
  return isSolved ? lines * (1 + SOLVED_LINE) + cappedMembers(inputs, options) * CAPPED_MEMBER : lines;
}

/** How many times an instrument stands in a group that is capped. */
function cappedMembers({ shelf_entries }: Inputs, { group_constraints }: EngineOptions): number {
  const caps = new Set(Object.keys(group_constraints));
  if (caps.size === 0) return 0;
  return shelf_entries.reduce(
    (sum, { attributes }) =>
      sum + Object.entries(attributes).filter(([name, value]) => caps.has(`${name}:${value}`)).length,
    0,
  );
}

export function costOfBatch(inputs: Inputs, scenarios: readonly Scenario[]): number {
  return scenarios.reduce(
    (sum, scenario) => sum + ("input" in scenario ? costOfRun(inputs, scenario.input.options) : 0),
    0,
  );
}

/** The answer of a batch: every scenario's result, its figures side by side, and what failed. */
export function batchResult(
  batchRunId: string,
  runAtUtc: string,
  request: BatchRebalanceRequest,
  scenarios: readonly { readonly name: string; readonly fault?: string }[],
  results: readonly ScenarioResult[],
): BatchRebalanceResult {
  const failed = scenarios.flatMap((scenario): [string, string][] =>
    scenario.fault === undefined ? [] : [[scenario.name, scenario.fault]],
  );
  const { portfolio_snapshot: portfolio, market_data_snapshot: marketData } = request;
  return {
    base_snapshot_ids: {
      market_data_snapshot_id: marketData.snapshot_id ?? "md",
      portfolio_snapshot_id: portfolio.snapshot_id ?? portfolio.portfolio_id,
    },
    batch_run_id: batchRunId,
    comparison_metrics: mapFrom(
      results.map(({ name, result }) => [name, metric(result, portfolio.base_currency)] as const),
    ),
    failed_scenarios: mapFrom(failed),
    results: mapFrom(results.map(({ name, result }) => [name, result] as const)),
    run_at_utc: runAtUtc,
    warnings: failed.length > 0 ? ["PARTIAL_BATCH_FAILURE"] : [],
  };
}

type Metric = BatchRebalanceResult["comparison_metrics"][string];

function metric(result: RebalanceResult, baseCurrency: string): Metric {
  const { add } = rulesNamed(result.lineage.rules_version).arithmetic;
  let trades = 0;
  let turnover = ZERO;
  for (const intent of result.intents) {
    if (intent.intent_type !== "SECURITY_TRADE") continue;
    trades += 1;
    if (intent.notional_base !== null) turnover = add(turnover, decimal(intent.notional_base.amount));
  }
  return {
    gross_turnover_notional_base: moneyText(turnover, baseCurrency),
    security_intent_count: trades,
    status: result.status,
  };
}

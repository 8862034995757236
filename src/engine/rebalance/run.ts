import type { EngineOptions } from "../../contract/options.ts";
import type {
  RebalanceRequest,
  RebalanceResult,
  TargetData,
  TaxImpact,
  UniverseData,
} from "../../contract/rebalance.ts";
import type { Reconciliation, RuleResult, RunStatus } from "../../contract/rules.ts";
import type { SimulatedState } from "../../contract/state.ts";
import { emptyDiagnostics, type Diagnostics } from "../diagnostics.ts";
import { decideGate } from "../gate.ts";
import { lineageOf, type RunIdentity } from "../lineage.ts";
import { buildLookups, type Lookups } from "../lookups.ts";
import { toState } from "../state.ts";
import { valueHoldings, type Valuation } from "../valuation.ts";
import { buildUniverse, type Universe } from "./universe.ts";

/** What the stages of a run share. Only the diagnostics change. */
export type Run = {
  readonly request: RebalanceRequest;
  readonly identity: RunIdentity;
  readonly options: EngineOptions;
  readonly lookups: Lookups;
  readonly diagnostics: Diagnostics;
  readonly before: Valuation;
  readonly beforeState: SimulatedState;
  readonly universe: Universe;
};

/** The outcome of a run, blocked or simulated to the end. */
export type RunOutcome = {
  readonly status: RunStatus;
  readonly targets: TargetData["targets"];
  readonly intents: RebalanceResult["intents"];
  readonly after: SimulatedState;
  readonly rules: RuleResult[];
  readonly reconciliation: Reconciliation | null;
  readonly taxImpact: TaxImpact | null;
  readonly explanation: RebalanceResult["explanation"];
  /** 1 for a run that was simulated to the end, 0 for one that was blocked before trading. */
  readonly coverage: "0" | "1";
};

/** Values the portfolio before any trade and determines what may be traded. */
export function startRun(request: RebalanceRequest, identity: RunIdentity): Run {
  const { market_data_snapshot, model_portfolio, options, portfolio_snapshot, shelf_entries } = request;
  const lookups = buildLookups(portfolio_snapshot.base_currency, market_data_snapshot, shelf_entries);
  const diagnostics = emptyDiagnostics();
  const log = diagnostics.data_quality;
  const before = valueHoldings(portfolio_snapshot, options.valuation_mode, lookups, log);
  const universe = buildUniverse(model_portfolio.targets, before, lookups, options.allow_restricted, log);
  return {
    before,
    beforeState: toState(before),
    diagnostics,
    identity,
    lookups,
    options,
    request,
    universe,
  };
}

/**
 * The result in its wire shape, with the gate decision. Keys are in code-unit order, as in every result, so that
 * canonical JSON has nothing to sort.
 */
export function toResult(run: Run, outcome: RunOutcome): RebalanceResult {
  const { identity, options, request } = run;
  const gate = options.enable_workflow_gates
    ? decideGate({
        consentObtained: options.client_consent_already_obtained,
        consentRequired: options.workflow_requires_client_consent,
        dataQuality: run.diagnostics.data_quality,
        newIssues: [],
        rules: outcome.rules,
        status: outcome.status,
      })
    : null;
  return {
    after_simulated: outcome.after,
    before: run.beforeState,
    correlation_id: identity.correlationId,
    diagnostics: run.diagnostics,
    explanation: outcome.explanation,
    gate_decision: gate,
    intents: outcome.intents,
    lineage: lineageOf(request.portfolio_snapshot, request.market_data_snapshot, identity),
    rebalance_run_id: identity.runId,
    reconciliation: outcome.reconciliation,
    rule_results: outcome.rules,
    status: outcome.status,
    target: { strategy: {}, target_id: `target_${identity.runId}`, targets: outcome.targets },
    tax_impact: outcome.taxImpact,
    universe: universeData(run.universe, identity, outcome.coverage),
  };
}

function universeData(universe: Universe, { runId }: RunIdentity, coverage: "0" | "1"): UniverseData {
  return {
    coverage: { fx_coverage_pct: coverage, price_coverage_pct: coverage },
    eligible_for_buy: [...universe.eligibleForBuy],
    eligible_for_sell: [...universe.eligibleForSell],
    excluded: universe.excluded,
    universe_id: `universe_${runId}`,
  };
}

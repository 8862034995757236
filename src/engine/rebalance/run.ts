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

/** A run between its stages. Only the diagnostics change. */
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

/** What a run came to, whichever way it ended. */
export type Ending = {
  readonly status: RunStatus;
  readonly targets: TargetData["targets"];
  readonly intents: RebalanceResult["intents"];
  readonly after: SimulatedState;
  readonly rules: RuleResult[];
  readonly reconciliation: Reconciliation | null;
  readonly taxImpact: TaxImpact | null;
  readonly explanation: RebalanceResult["explanation"];
  /** Whether every price and rate that the run needed was there: 1 or 0. */
  readonly coverage: "0" | "1";
};

/** Values the portfolio as it is and finds out what may be traded. */
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
 * The result as callers see it, with the gate that follows from how the run ended. Keys are in code-unit order,
 * as in every result: canonical JSON then has nothing to sort.
 */
export function finish(run: Run, ending: Ending): RebalanceResult {
  const { identity, options, request } = run;
  const gate = options.enable_workflow_gates
    ? decideGate({
        consentObtained: options.client_consent_already_obtained,
        consentRequired: options.workflow_requires_client_consent,
        dataQuality: run.diagnostics.data_quality,
        newIssues: [],
        rules: ending.rules,
        status: ending.status,
      })
    : null;
  return {
    after_simulated: ending.after,
    before: run.beforeState,
    correlation_id: identity.correlationId,
    diagnostics: run.diagnostics,
    explanation: ending.explanation,
    gate_decision: gate,
    intents: ending.intents,
    lineage: lineageOf(request.portfolio_snapshot, request.market_data_snapshot, identity),
    rebalance_run_id: identity.runId,
    reconciliation: ending.reconciliation,
    rule_results: ending.rules,
    status: ending.status,
    target: { strategy: {}, target_id: `target_${identity.runId}`, targets: ending.targets },
    tax_impact: ending.taxImpact,
    universe: universeData(run.universe, identity, ending.coverage),
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

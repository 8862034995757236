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
import { sortedBy } from "../order.ts";
import { toState } from "../state.ts";
import { valueHoldings, type Valuation } from "../valuation.ts";
import { rulesOf, type Rules } from "../versions.ts";
import { buildUniverse, type Universe } from "./universe.ts";

/** What the stages of a run share. Only the diagnostics change. */
export type Run = {
  readonly rules: Rules;
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
  /** False for a run that was blocked before trading. */
  readonly isSimulated: boolean;
};

/** Values the portfolio before any trade and determines what may be traded. */
export function startRun(sent: RebalanceRequest, identity: RunIdentity): Run {
  const rules = rulesOf(sent.options, identity.defaultRulesVersion);
  const request = rules.rebalance.arrange(sent);
  const { market_data_snapshot, model_portfolio, options, portfolio_snapshot, shelf_entries } = request;
  const lookups = buildLookups(
    portfolio_snapshot.base_currency,
    market_data_snapshot,
    shelf_entries,
    rules.arithmetic,
    rules.listsAreSorted,
  );
  const diagnostics = emptyDiagnostics();
  diagnostics.warnings.push(...rules.inputWarnings(market_data_snapshot));
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
    rules,
    universe,
  };
}

/**
 * The result in its wire shape, with the gate decision. Keys are in code-unit order, as in every result, so that
 * canonical JSON has nothing to sort.
 */
export function toResult(run: Run, outcome: RunOutcome): RebalanceResult {
  const { diagnostics, identity, options, request, rules } = run;
  rules.tidyLog(diagnostics.data_quality);
  const gate = options.enable_workflow_gates
    ? decideGate({
        consentObtained: options.client_consent_already_obtained,
        consentRequired: options.workflow_requires_client_consent,
        dataQuality: diagnostics.data_quality,
        newIssues: [],
        rules: outcome.rules,
        status: outcome.status,
      })
    : null;
  return {
    after_simulated: outcome.after,
    before: run.beforeState,
    correlation_id: identity.correlationId,
    diagnostics,
    explanation: outcome.explanation,
    gate_decision: gate,
    intents: outcome.intents,
    lineage: lineageOf(request.portfolio_snapshot, request.market_data_snapshot, identity, rules.version),
    rebalance_run_id: identity.runId,
    reconciliation: outcome.reconciliation,
    rule_results: outcome.rules,
    status: outcome.status,
    target: { strategy: {}, target_id: `target_${identity.runId}`, targets: outcome.targets },
    tax_impact: outcome.taxImpact,
    universe: universeData(run, outcome.isSimulated),
  };
}

function universeData(
  { identity, lookups, request, rules, universe }: Run,
  isSimulated: boolean,
): UniverseData {
  const named = (ids: readonly string[]) => (rules.listsAreSorted ? sortedBy(ids, (id) => id) : ids);
  return {
    coverage: rules.rebalance.coverage(request.portfolio_snapshot, lookups, isSimulated),
    eligible_for_buy: [...named(universe.eligibleForBuy)],
    eligible_for_sell: [...named(universe.eligibleForSell)],
    excluded: rules.listsAreSorted
      ? [...sortedBy(universe.excluded, ({ instrument_id }) => instrument_id)]
      : universe.excluded,
    universe_id: `universe_${identity.runId}`,
  };
}

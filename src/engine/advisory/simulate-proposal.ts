import type { DriftAnalysis } from "../../contract/drift.ts";
import type { ProposalResult, ProposalSimulateRequest } from "../../contract/proposal.ts";
import type { SuitabilityResult } from "../../contract/suitability.ts";
import { emptyDiagnostics } from "../diagnostics.ts";
import { lineageOf, marketDataSnapshotId, portfolioSnapshotId, type RunIdentity } from "../lineage.ts";
import { buildLookups } from "../lookups.ts";
import { statusOf } from "../rules.ts";
import { toState } from "../state.ts";
import { valueHoldings } from "../valuation.ts";
import { rulesOf, type Rules } from "../versions.ts";
import { copyPortfolio } from "../working-portfolio.ts";
import { applyCashFlows } from "./cash-flows.ts";
import { analyzeDrift } from "./drift.ts";
import { executeTrades } from "./execution.ts";
import { exposuresOf, type Exposures } from "./exposures.ts";
import { tradedInstruments } from "./intents.ts";
import { decideProposalGate } from "./proposal-gate.ts";
import { reconcileProposal } from "./proposal-reconciliation.ts";
import { evaluateProposalRules } from "./proposal-rules.ts";
import type { ProposalRun } from "./proposal-run.ts";
import { requestedBuys, scanSuitability } from "./suitability.ts";

type BothExposures = { readonly before: Exposures; readonly after: Exposures };

/**
 * Simulates an advisor's cash flows and trades on a portfolio. Pure: the same request and identity give the same
 * result, and every valid request ends READY, PENDING_REVIEW or BLOCKED. Keys are in code-unit order, so that
 * canonical JSON has nothing to sort.
 */
export function simulateProposal(sent: ProposalSimulateRequest, identity: RunIdentity): ProposalResult {
  const rules = rulesOf(sent.options, identity.defaultRulesVersion);
  const request = rules.advisory.arrange(sent);
  const run = startRun(request, rules);
  const { diagnostics, lookups, options } = run;
  const log = diagnostics.data_quality;
  const before = valueHoldings(request.portfolio_snapshot, options.valuation_mode, lookups, log);
  const { execution, intents } = execute(run, request, rules);
  const after = rules.valueAfter(run.portfolio, execution.applied, options.valuation_mode, lookups, log);
  const exposures = { before: exposuresOf(before), after: exposuresOf(after) };

  const results = evaluateProposalRules(run, after, execution.needsReview, rules);
  const { reconciliation, mismatch } = reconcileProposal(run, before, after, request.proposed_cash_flows);
  if (mismatch !== null) results.push(mismatch);
  rules.tidyLog(log);
  const status = statusOf(results);
  const drift = driftOf(run, request, exposures, tradedInstruments(intents));
  const suitability = suitabilityOf(run, request, exposures, rules);
  const gateInput = { status, rules: results, dataQuality: log, suitability, options };
  return {
    after_simulated: toState(after),
    before: toState(before),
    correlation_id: identity.correlationId,
    diagnostics,
    drift_analysis: drift,
    explanation: { summary: status },
    gate_decision: options.enable_workflow_gates ? decideProposalGate(gateInput) : null,
    intents,
    lineage: lineageOf(request.portfolio_snapshot, request.market_data_snapshot, identity, rules.version),
    proposal_run_id: identity.runId,
    reconciliation,
    rule_results: results,
    status,
    suitability,
  };
}

/** The same request has the same run id: `pr_` and the first 16 hex digits of its hash. */
export function proposalRunId(requestHash: string): string {
  const digits = requestHash.slice(requestHash.indexOf(":") + 1);
  return `pr_${digits.slice(0, 16)}`;
}

function startRun(
  request: ProposalSimulateRequest,
  { arithmetic, inputWarnings, listsAreSorted }: Rules,
): ProposalRun {
  const { portfolio_snapshot, market_data_snapshot, shelf_entries, options } = request;
  const diagnostics = emptyDiagnostics();
  diagnostics.warnings.push(...inputWarnings(market_data_snapshot));
  return {
    options,
    lookups: buildLookups(
      portfolio_snapshot.base_currency,
      market_data_snapshot,
      shelf_entries,
      arithmetic,
      listsAreSorted,
    ),
    portfolio: copyPortfolio(portfolio_snapshot, arithmetic),
    diagnostics,
    hardFailures: [],
  };
}

/** Cash flows and trades, in the order in which the intents are carried out. */
function execute(run: ProposalRun, request: ProposalSimulateRequest, { advisory }: Rules) {
  const { proposed_cash_flows: flows, proposed_trades: trades } = request;
  if (advisory.areFlowsFirst(run.options)) {
    const cashFlows = applyCashFlows(run, flows);
    const execution = executeTrades(run, trades, advisory);
    return { execution, intents: [...cashFlows, ...execution.intents] };
  }
  const execution = executeTrades(run, trades, advisory);
  return { execution, intents: [...execution.intents, ...applyCashFlows(run, flows)] };
}

function driftOf(
  { options, lookups, diagnostics }: ProposalRun,
  { reference_model: model }: ProposalSimulateRequest,
  exposures: BothExposures,
  traded: ReadonlySet<string>,
): DriftAnalysis | null {
  if (!options.enable_drift_analytics || model === null) return null;
  if (model.base_currency !== lookups.baseCurrency) {
    diagnostics.warnings.push("REFERENCE_MODEL_BASE_CURRENCY_MISMATCH");
    return null;
  }
  return analyzeDrift({
    arithmetic: lookups.arithmetic,
    model,
    options,
    ...exposures,
    tradedInstruments: traded,
  });
}

function suitabilityOf(
  { options, lookups }: ProposalRun,
  request: ProposalSimulateRequest,
  exposures: BothExposures,
  { advisory, arithmetic }: Rules,
): SuitabilityResult | null {
  if (!options.enable_suitability_scanner) return null;
  const marketDataId = marketDataSnapshotId(request.market_data_snapshot);
  return scanSuitability({
    ...exposures,
    arithmetic,
    growth: advisory.growth,
    options,
    shelf: lookups.latestShelf,
    requestedBuys: requestedBuys(request.proposed_trades),
    evidence: {
      as_of: marketDataId,
      snapshot_ids: {
        market_data_snapshot_id: marketDataId,
        portfolio_snapshot_id: portfolioSnapshotId(request.portfolio_snapshot),
      },
    },
  });
}

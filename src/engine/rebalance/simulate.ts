import type { Position } from "../../contract/portfolio.ts";
import type { RebalanceRequest, RebalanceResult, TargetData } from "../../contract/rebalance.ts";
import type { RuleResult, RunStatus } from "../../contract/rules.ts";
import type { SimulatedState } from "../../contract/state.ts";
import { ZERO, type Decimal } from "../../decimal/decimal.ts";
import { blockingGapCount } from "../diagnostics.ts";
import type { RunIdentity } from "../lineage.ts";
import { reconcile } from "../reconciliation.ts";
import { failed, isHardFailure, statusOf } from "../rules.ts";
import { toState } from "../state.ts";
import { valueHoldings, type Valuation } from "../valuation.ts";
import { applyFx, applyTrade, copyPortfolio } from "../working-portfolio.ts";
import { startRun, toResult, type Run, type RunOutcome } from "./run.ts";
import { projectCashLadder } from "./settlement-ladder.ts";
import type { TradingContext } from "./stages.ts";
import { chooseTargets, type ChosenTargets, type TargetMethodComparison } from "./target-comparison.ts";
import { traceTargets, type TargetOutcome, type TargetProblem } from "./targets.ts";
import { openTaxLedger } from "./tax-lots.ts";
import { toIntents, type FxLeg, type Trade } from "./trades.ts";

export type { RunIdentity } from "../lineage.ts";

/**
 * Simulates a discretionary rebalance. Pure: the same request and identity give the same result, byte for
 * byte. Every valid request ends READY, PENDING_REVIEW or BLOCKED; none throws.
 */
export function simulateRebalance(sent: RebalanceRequest, identity: RunIdentity): RebalanceResult {
  const run = startRun(sent, identity);
  const { before, diagnostics, options, request, universe } = run;
  const problem: TargetProblem = {
    lookups: run.lookups,
    modelTargets: request.model_portfolio.targets,
    options,
    shelfEntries: request.shelf_entries,
    universe,
  };
  const stages = run.rules.rebalance;
  const chosen = chooseTargets(problem, stages.targetMethods, diagnostics);
  const targets = traceTargets(problem, chosen.outcome, before.total);
  if (chosen.outcome.status === "BLOCKED" || hasBlockingGaps(run))
    return toResult(run, blocked(run, targets, chosen));

  const context = tradingContext(run);
  const sized = stages.sizeTrades(weightsInTradeOrder(run, chosen), context);
  if (hasBlockingGaps(run)) return toResult(run, blocked(run, targets, chosen));

  const trades = stages.capTurnover(sized, context);
  return toResult(run, settle(run, chosen, targets, trades, context));
}

function hasBlockingGaps({ diagnostics, options }: Run): boolean {
  return blockingGapCount(diagnostics.data_quality, options) > 0;
}

/**
 * Missing data or the target method stopped the run: nothing is traded, the rules evaluate the state before.
 */
function blocked(run: Run, targets: TargetData["targets"], { outcome }: ChosenTargets): RunOutcome {
  return {
    after: run.beforeState,
    explanation: { ...outcome.explanation, summary: "Blocked" },
    intents: [],
    isSimulated: false,
    reconciliation: null,
    rules: rulesFor(run, run.before),
    status: "BLOCKED",
    targets,
    taxImpact: null,
  };
}

function rulesFor(run: Run, valuation: Valuation): RuleResult[] {
  const { diagnostics, lookups, options, rules, universe } = run;
  const { data_quality: dataQuality, suppressed_intents } = diagnostics;
  rules.tidyLog(dataQuality);
  return rules.evaluateRules({
    dataQuality,
    locked: universe.locked,
    lookups,
    options,
    suppressedCount: suppressed_intents.length,
    valuation,
  });
}

function tradingContext({ before, diagnostics, lookups, options, request, universe }: Run): TradingContext {
  const positions = new Map<string, Position>();
  for (const position of request.portfolio_snapshot.positions) {
    if (!positions.has(position.instrument_id)) positions.set(position.instrument_id, position);
  }
  const taxLedger = options.enable_tax_awareness ? openTaxLedger(options.max_realized_capital_gains) : null;
  return {
    balances: request.portfolio_snapshot.cash_balances,
    before,
    diagnostics,
    lookups,
    options,
    positions,
    taxLedger,
    total: before.total,
    universe,
  };
}

/**
 * Each instrument once with its final weight: model targets first, then the other eligible ones. Intent ids
 * follow this order.
 */
function weightsInTradeOrder({ request }: Run, { outcome }: ChosenTargets): Map<string, Decimal> {
  const weights = new Map<string, Decimal>();
  for (const { instrument_id } of request.model_portfolio.targets) {
    weights.set(instrument_id, outcome.weights.get(instrument_id) ?? ZERO);
  }
  for (const [instrument, weight] of outcome.weights) weights.set(instrument, weight);
  return weights;
}

/** FX, settlement, the state after the trades, rules and reconciliation. */
function settle(
  run: Run,
  { comparison, outcome }: ChosenTargets,
  targets: TargetData["targets"],
  trades: readonly Trade[],
  context: TradingContext,
): RunOutcome {
  const { diagnostics, lookups, options, rules } = run;
  const { balances, taxLedger } = context;
  const stages = rules.rebalance;
  const legs = stages.fxLegs(balances, trades, lookups, options.fx_buffer_pct, diagnostics);
  const linkBuysToSells = options.link_buy_to_same_currency_sell_dependency ?? true;
  const common = {
    isSimulated: true,
    intents: toIntents(trades, legs, lookups.baseCurrency, linkBuysToSells),
    targets,
    taxImpact: taxLedger === null ? null : stages.taxImpact(taxLedger, trades, context),
  };
  const breach = options.enable_settlement_awareness
    ? projectCashLadder(balances, trades, legs, lookups, options, stages.isOwed, diagnostics)
    : null;
  if (breach !== null) {
    const after = revalueBefore(run);
    return withStatus({ ...common, after, reconciliation: null, rules: [breach] }, "READY", comparison);
  }
  const after = valueAfter(run, trades, legs);
  const checks = checkAfter(run, after, outcome);
  return withStatus({ ...common, ...checks, after: toState(after) }, outcome.status, comparison);
}

/** The state before the trades, valued again: results list its missing prices and rates a second time. */
function revalueBefore({ diagnostics, lookups, options, request }: Run): SimulatedState {
  const log = diagnostics.data_quality;
  return toState(valueHoldings(request.portfolio_snapshot, options.valuation_mode, lookups, log));
}

/** Applies the intents in their order to a copy of the portfolio and values it. */
function valueAfter(run: Run, trades: readonly Trade[], legs: readonly FxLeg[]): Valuation {
  const { diagnostics, lookups, options, rules } = run;
  const portfolio = copyPortfolio(run.request.portfolio_snapshot, lookups.arithmetic);
  for (const trade of trades) if (trade.side === "SELL") applyTrade(portfolio, trade);
  for (const leg of legs) applyFx(portfolio, leg);
  for (const trade of trades) if (trade.side === "BUY") applyTrade(portfolio, trade);
  return rules.valueAfter(portfolio, trades, options.valuation_mode, lookups, diagnostics.data_quality);
}

function checkAfter(
  run: Run,
  after: Valuation,
  outcome: TargetOutcome,
): Pick<RunOutcome, "reconciliation" | "rules"> {
  const { judgeTargets, toleranceBase } = run.rules.rebalance;
  const rules = [...rulesFor(run, after), ...judgeTargets(outcome)];
  if (rules.some(isHardFailure)) {
    for (const rule of ["NO_SHORTING", "INSUFFICIENT_CASH"]) {
      if (failed(rules, rule)) run.diagnostics.warnings.push("SIMULATION_SAFETY_CHECK_FAILED");
    }
    return { reconciliation: null, rules };
  }
  const before = run.before.total;
  const totals = { after: after.total, before, expected: before, toleranceBase: toleranceBase(before) };
  const { mismatch, reconciliation } = reconcile(totals, run.lookups.baseCurrency, run.rules.arithmetic);
  return { reconciliation, rules: mismatch === null ? rules : [...rules, mismatch] };
}

/** The status follows from the rules; where they pass, the target method may still require a review. */
function withStatus(
  outcome: Omit<RunOutcome, "explanation" | "status">,
  targetStatus: RunStatus,
  comparison: TargetMethodComparison | null,
): RunOutcome {
  const byRules = statusOf(outcome.rules);
  const status = byRules === "READY" ? targetStatus : byRules;
  return { ...outcome, explanation: { summary: status, target_method_comparison: comparison }, status };
}

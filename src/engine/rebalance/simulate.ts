import type { Position } from "../../contract/portfolio.ts";
import type { RebalanceRequest, RebalanceResult, TargetData } from "../../contract/rebalance.ts";
import type { RuleResult, RunStatus } from "../../contract/rules.ts";
import type { SimulatedState } from "../../contract/state.ts";
import { ZERO, type Decimal } from "../../decimal/decimal.ts";
import { blockingGapCount } from "../diagnostics.ts";
import type { RunIdentity } from "../lineage.ts";
import { reconcile } from "../reconciliation.ts";
import { failed, isHardFailure, judgeRules, statusOf } from "../rules.ts";
import { toState } from "../state.ts";
import { valueHoldings, type Valuation } from "../valuation.ts";
import { applyFx, applyTrade, copyPortfolio } from "../working-portfolio.ts";
import { fxLegs } from "./fx-legs.ts";
import { finish, startRun, type Ending, type Run } from "./run.ts";
import { climbSettlementLadder } from "./settlement-ladder.ts";
import { sizeTrades } from "./sizing.ts";
import { chooseTargets, type ChosenTargets, type TargetMethodComparison } from "./target-comparison.ts";
import { traceTargets, type TargetProblem } from "./targets.ts";
import { openTaxLedger, taxImpact, type TaxLedger } from "./tax-lots.ts";
import { toIntents, type FxLeg, type Trade } from "./trades.ts";
import { capTurnover } from "./turnover.ts";

export type { RunIdentity } from "../lineage.ts";

/**
 * Simulates a discretionary rebalance. Pure: the same request and identity give the same result, byte for
 * byte. Every valid request ends READY, PENDING_REVIEW or BLOCKED; none throws.
 */
export function simulateRebalance(request: RebalanceRequest, identity: RunIdentity): RebalanceResult {
  const run = startRun(request, identity);
  const { before, diagnostics, options, universe } = run;
  const problem: TargetProblem = {
    lookups: run.lookups,
    modelTargets: request.model_portfolio.targets,
    options,
    shelfEntries: request.shelf_entries,
    universe,
  };
  const chosen = chooseTargets(problem, diagnostics);
  const targets = traceTargets(problem, chosen.outcome, before.total);
  if (chosen.outcome.status === "BLOCKED" || hasBlockingGaps(run)) return finish(run, blocked(run, targets));

  const ledger = options.enable_tax_awareness ? openTaxLedger(options.max_realized_capital_gains) : null;
  const sized = sizeAll(run, chosen, ledger);
  if (hasBlockingGaps(run)) return finish(run, blocked(run, targets));

  const { baseCurrency } = run.lookups;
  const trades = capTurnover(sized, options.max_turnover_pct, before.total, baseCurrency, diagnostics);
  return finish(run, settle(run, chosen, targets, trades, ledger));
}

function hasBlockingGaps({ diagnostics, options }: Run): boolean {
  return blockingGapCount(diagnostics.data_quality, options) > 0;
}

/** A run that its data or its target method stopped: nothing is traded, the rules judge the state before. */
function blocked(run: Run, targets: TargetData["targets"]): Ending {
  return {
    after: run.beforeState,
    coverage: "0",
    explanation: { summary: "Blocked" },
    intents: [],
    reconciliation: null,
    rules: judge(run, run.before),
    status: "BLOCKED",
    targets,
    taxImpact: null,
  };
}

function judge({ diagnostics, options }: Run, valuation: Valuation): RuleResult[] {
  const suppressedCount = diagnostics.suppressed_intents.length;
  return judgeRules({ dataQuality: diagnostics.data_quality, options, suppressedCount, valuation });
}

function sizeAll(run: Run, chosen: ChosenTargets, taxLedger: TaxLedger | null): Trade[] {
  const { before, diagnostics, lookups, options, request } = run;
  const positions = new Map<string, Position>();
  for (const position of request.portfolio_snapshot.positions) {
    if (!positions.has(position.instrument_id)) positions.set(position.instrument_id, position);
  }
  return sizeTrades(inTraceOrder(run, chosen), {
    diagnostics,
    lookups,
    options,
    positions,
    taxLedger,
    total: before.total,
  });
}

/** Each instrument once with its final weight: model targets first, then the other eligible ones. */
function inTraceOrder({ request }: Run, { outcome }: ChosenTargets): Map<string, Decimal> {
  const weights = new Map<string, Decimal>();
  for (const { instrument_id } of request.model_portfolio.targets) {
    weights.set(instrument_id, outcome.weights.get(instrument_id) ?? ZERO);
  }
  for (const [instrument, weight] of outcome.weights) weights.set(instrument, weight);
  return weights;
}

/** Stage 5: currency, settlement, the state after, rules and reconciliation. */
function settle(
  run: Run,
  { comparison, outcome }: ChosenTargets,
  targets: TargetData["targets"],
  trades: readonly Trade[],
  ledger: TaxLedger | null,
): Ending {
  const { diagnostics, lookups, options, request } = run;
  const balances = request.portfolio_snapshot.cash_balances;
  const legs = fxLegs(balances, trades, lookups, options.fx_buffer_pct, diagnostics);
  const linkBuysToSells = options.link_buy_to_same_currency_sell_dependency ?? true;
  const shared = {
    coverage: "1" as const,
    intents: toIntents(trades, legs, lookups.baseCurrency, linkBuysToSells),
    targets,
    taxImpact: ledger === null ? null : taxImpact(ledger, lookups.baseCurrency),
  };
  const breach = options.enable_settlement_awareness
    ? climbSettlementLadder(balances, trades, legs, lookups, options, diagnostics)
    : null;
  if (breach !== null) {
    const after = revalueBefore(run);
    return concluded({ ...shared, after, reconciliation: null, rules: [breach] }, "READY", comparison);
  }
  const after = valueAfter(run, trades, legs);
  const verdict = judgeAfter(run, after);
  return concluded({ ...shared, ...verdict, after: toState(after) }, outcome.status, comparison);
}

/** The portfolio before once more: its gaps are logged again. */
function revalueBefore({ diagnostics, lookups, options, request }: Run): SimulatedState {
  const log = diagnostics.data_quality;
  return toState(valueHoldings(request.portfolio_snapshot, options.valuation_mode, lookups, log));
}

/** Applies the intents in their order to a copy of the portfolio and values it by price. */
function valueAfter(run: Run, trades: readonly Trade[], legs: readonly FxLeg[]): Valuation {
  const portfolio = copyPortfolio(run.request.portfolio_snapshot);
  for (const trade of trades) if (trade.side === "SELL") applyTrade(portfolio, trade);
  for (const leg of legs) applyFx(portfolio, leg);
  for (const trade of trades) if (trade.side === "BUY") applyTrade(portfolio, trade);
  return valueHoldings(portfolio, "CALCULATED", run.lookups, run.diagnostics.data_quality);
}

function judgeAfter(run: Run, after: Valuation): Pick<Ending, "reconciliation" | "rules"> {
  const rules = judge(run, after);
  if (rules.some(isHardFailure)) {
    for (const rule of ["NO_SHORTING", "INSUFFICIENT_CASH"]) {
      if (failed(rules, rule)) run.diagnostics.warnings.push("SIMULATION_SAFETY_CHECK_FAILED");
    }
    return { reconciliation: null, rules };
  }
  const before = run.before.total;
  const totals = { after: after.total, before, expected: before, toleranceOf: before };
  const { mismatch, reconciliation } = reconcile(totals, run.lookups.baseCurrency);
  return { reconciliation, rules: mismatch === null ? rules : [...rules, mismatch] };
}

/** The status follows from the rules; a review that the target method asked for makes READY a review. */
function concluded(
  ending: Omit<Ending, "explanation" | "status">,
  targetStatus: RunStatus,
  comparison: TargetMethodComparison | null,
): Ending {
  const byRules = statusOf(ending.rules);
  const status = byRules === "READY" ? targetStatus : byRules;
  return { ...ending, explanation: { summary: status, target_method_comparison: comparison }, status };
}

import type { Fault } from "../contract/faults.ts";
import type { MarketDataSnapshot } from "../contract/market-data.ts";
import type { EngineOptions, RulesVersion } from "../contract/options.ts";
import type { RuleResult } from "../contract/rules.ts";
import { EXACT, ROUNDED, type Arithmetic } from "../decimal/arithmetic.ts";
import { isPositive } from "../decimal/decimal.ts";
import type { AdvisoryStages } from "./advisory/stages.ts";
import { fundPurchases } from "./advisory/funding.ts";
import { growthOfQuantity, growthOfWeight } from "./advisory/governance.ts";
import { fundPayablePurchases } from "./advisory/payable-funding.ts";
import {
  acceptSteppedTrades,
  acceptTrades,
  byInstrument,
  byInstrumentAndQuantity,
} from "./advisory/trades.ts";
import { arrangeProposal, arrangeRebalance } from "./arrange.ts";
import type { DataQualityLog } from "./diagnostics.ts";
import { duplicates, quoteWarnings, type Inputs } from "./input-checks.ts";
import { coveredShares, wholeOrNothing } from "./rebalance/coverage.ts";
import { exactTargets } from "./rebalance/exact-targets.ts";
import { fxLegs } from "./rebalance/fx-legs.ts";
import { heuristicTargets } from "./rebalance/heuristic-targets.ts";
import { isPayable, payableFxLegs } from "./rebalance/minor-unit-fx.ts";
import { fillTargets } from "./rebalance/progressive-filling.ts";
import { scaleToTurnover } from "./rebalance/scaled-turnover.ts";
import { sizeTrades } from "./rebalance/sizing.ts";
import { solverTargets } from "./rebalance/solver-targets.ts";
import type { RebalanceStages } from "./rebalance/stages.ts";
import { sizeInSteps } from "./rebalance/stepped-sizing.ts";
import { steppedTaxImpact } from "./rebalance/stepped-tax.ts";
import { targetsNotMet } from "./rebalance/targets-not-met.ts";
import { taxImpact } from "./rebalance/tax-lots.ts";
import { capTurnover } from "./rebalance/turnover.ts";
import { evaluateRules, type RuleInput } from "./rules.ts";
import { asSets, evaluateSteppedRules } from "./stepped-rules.ts";
import { valueByPrice, valueInMode, type AfterValuation } from "./value-after.ts";

/** The stages in which rules versions differ. All others are shared. */
export type Rules = {
  readonly version: RulesVersion;
  readonly arithmetic: Arithmetic;
  /** How artifacts name the version; those of version 1 are from before there was another. */
  readonly stamp: { readonly rules_version?: RulesVersion };
  /** Whether lists by name are sorted; else they are in order of appearance. */
  readonly listsAreSorted: boolean;
  /** Why an input cannot be calculated by these rules, though it passed the contract. */
  readonly inputFaults: (inputs: Inputs) => Fault[];
  /** What the quotes themselves give reason to warn of. */
  readonly inputWarnings: (marketData: MarketDataSnapshot) => string[];
  /** Called before the log is judged. */
  readonly tidyLog: (log: DataQualityLog) => void;
  readonly valueAfter: AfterValuation;
  readonly evaluateRules: (input: RuleInput) => RuleResult[];
  readonly rebalance: RebalanceStages;
  readonly advisory: AdvisoryStages;
};

/** As docs/rules.md tells it; kept as it is, as stored results are reproduced by the version that made them. */
const VERSION_1: Rules = {
  version: "1",
  arithmetic: ROUNDED,
  stamp: {},
  listsAreSorted: false,
  inputFaults: () => [],
  inputWarnings: () => [],
  tidyLog: () => undefined,
  valueAfter: valueByPrice,
  evaluateRules,
  rebalance: {
    arrange: (request) => request,
    coverage: wholeOrNothing,
    targetMethods: { HEURISTIC: heuristicTargets, SOLVER: solverTargets },
    sizeTrades,
    capTurnover,
    taxImpact,
    fxLegs,
    isOwed: isPositive,
    judgeTargets: () => [],
    toleranceBase: (total) => total,
  },
  advisory: {
    arrange: (request) => request,
    areFlowsFirst: () => true,
    acceptTrades,
    compareTrades: byInstrument,
    fundPurchases,
    growth: growthOfWeight,
  },
};

/** As docs/rules.md tells it. Where it differs from version 1, a stage of its own stands here. */
const VERSION_2: Rules = {
  version: "2",
  arithmetic: EXACT,
  stamp: { rules_version: "2" },
  listsAreSorted: true,
  inputFaults: duplicates,
  inputWarnings: quoteWarnings,
  tidyLog: asSets,
  valueAfter: valueInMode,
  evaluateRules: evaluateSteppedRules,
  rebalance: {
    arrange: arrangeRebalance,
    coverage: coveredShares,
    targetMethods: { HEURISTIC: fillTargets, SOLVER: exactTargets },
    sizeTrades: sizeInSteps,
    capTurnover: scaleToTurnover,
    taxImpact: steppedTaxImpact,
    fxLegs: payableFxLegs,
    isOwed: isPayable,
    judgeTargets: targetsNotMet,
    toleranceBase: EXACT.absolute,
  },
  advisory: {
    arrange: arrangeProposal,
    areFlowsFirst: (options) => options.proposal_apply_cash_flows_first,
    acceptTrades: acceptSteppedTrades,
    compareTrades: byInstrumentAndQuantity,
    fundPurchases: fundPayablePurchases,
    growth: growthOfQuantity,
  },
};

const VERSIONS: Readonly<Record<RulesVersion, Rules>> = { "1": VERSION_1, "2": VERSION_2 };

/** The rules that options ask for; where they do not, those of the deployment. */
export function rulesOf({ rules_version }: EngineOptions, byDefault: RulesVersion): Rules {
  return VERSIONS[rules_version ?? byDefault];
}

/** Why the rules in force cannot take an input, though it passed the contract. */
export function faultsOf(
  request: Inputs & { readonly options: EngineOptions },
  byDefault: RulesVersion,
): Fault[] {
  return rulesOf(request.options, byDefault).inputFaults(request);
}

/** The rules that a result says it was calculated by. */
export function rulesNamed(version: RulesVersion): Rules {
  return VERSIONS[version];
}

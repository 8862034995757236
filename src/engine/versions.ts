import type { EngineOptions, RulesVersion } from "../contract/options.ts";
import type { MarketDataSnapshot } from "../contract/market-data.ts";
import type { RuleResult } from "../contract/rules.ts";
import { ROUNDED, type Arithmetic } from "../decimal/arithmetic.ts";
import { isPositive } from "../decimal/decimal.ts";
import type { AdvisoryStages } from "./advisory/stages.ts";
import { fundPurchases } from "./advisory/funding.ts";
import { growthOfWeight } from "./advisory/governance.ts";
import { acceptTrades, byInstrument } from "./advisory/trades.ts";
import type { DataQualityLog } from "./diagnostics.ts";
import { wholeOrNothing } from "./rebalance/coverage.ts";
import { fxLegs } from "./rebalance/fx-legs.ts";
import { heuristicTargets } from "./rebalance/heuristic-targets.ts";
import { sizeTrades } from "./rebalance/sizing.ts";
import { solverTargets } from "./rebalance/solver-targets.ts";
import type { RebalanceStages } from "./rebalance/stages.ts";
import { taxImpact } from "./rebalance/tax-lots.ts";
import { capTurnover } from "./rebalance/turnover.ts";
import { evaluateRules, type RuleInput } from "./rules.ts";
import { valueByPrice, type AfterValuation } from "./value-after.ts";

/** The stages in which rules versions differ. All others are shared. */
export type Rules = {
  readonly version: RulesVersion;
  readonly arithmetic: Arithmetic;
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

const VERSIONS: Readonly<Record<RulesVersion, Rules>> = { "1": VERSION_1 };

/** The rules that options ask for; where they do not, those of the deployment. */
export function rulesOf({ rules_version }: EngineOptions, byDefault: RulesVersion): Rules {
  return VERSIONS[rules_version ?? byDefault];
}

/** The rules that a result says it was calculated by. */
export function rulesNamed(version: RulesVersion): Rules {
  return VERSIONS[version];
}

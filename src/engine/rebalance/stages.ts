import type { EngineOptions } from "../../contract/options.ts";
import type { CashBalance, PortfolioSnapshot, Position } from "../../contract/portfolio.ts";
import type { RebalanceRequest, TaxImpact, UniverseData } from "../../contract/rebalance.ts";
import type { RuleResult } from "../../contract/rules.ts";
import type { Decimal } from "../../decimal/decimal.ts";
import type { Diagnostics } from "../diagnostics.ts";
import type { Lookups } from "../lookups.ts";
import type { Valuation } from "../valuation.ts";
import type { TargetMethods } from "./target-comparison.ts";
import type { TargetOutcome } from "./targets.ts";
import type { TaxLedger } from "./tax-lots.ts";
import type { FxLeg, Trade } from "./trades.ts";
import type { Universe } from "./universe.ts";

/** What target weights are turned into trades with. */
export type TradingContext = {
  /** Value of the portfolio in base currency. */
  readonly total: Decimal;
  readonly before: Valuation;
  /** The first row of each held instrument. */
  readonly positions: ReadonlyMap<string, Position>;
  readonly balances: readonly CashBalance[];
  readonly universe: Universe;
  readonly lookups: Lookups;
  readonly options: EngineOptions;
  readonly diagnostics: Diagnostics;
  /** Null without tax awareness. */
  readonly taxLedger: TaxLedger | null;
};

/** The stages of a rebalance in which rules versions differ; `src/engine/versions.ts` says which version has which. */
export type RebalanceStages = {
  /** The request with its lists in the order in which they are worked on. */
  readonly arrange: (request: RebalanceRequest) => RebalanceRequest;
  readonly coverage: (
    portfolio: PortfolioSnapshot,
    lookups: Lookups,
    isSimulated: boolean,
  ) => UniverseData["coverage"];
  readonly targetMethods: TargetMethods;
  /** Turns target weights into trades, each instrument once, in the order of the targets. */
  readonly sizeTrades: (
    weights: Iterable<readonly [string, Decimal]>,
    context: TradingContext,
  ) => readonly Trade[];
  readonly capTurnover: (trades: readonly Trade[], context: TradingContext) => readonly Trade[];
  readonly taxImpact: (ledger: TaxLedger, trades: readonly Trade[], context: TradingContext) => TaxImpact;
  readonly fxLegs: (
    balances: readonly CashBalance[],
    trades: readonly Trade[],
    lookups: Lookups,
    bufferPct: Decimal,
    diagnostics: Diagnostics,
  ) => FxLeg[];
  /** Whether so much that an account lacks has to be paid at all. */
  readonly isOwed: (shortfall: Decimal, currency: string) => boolean;
  /** What the rules say of targets that the method could not reach. */
  readonly judgeTargets: (outcome: TargetOutcome) => readonly RuleResult[];
  /** The base of the reconciliation's tolerance. */
  readonly toleranceBase: (total: Decimal) => Decimal;
};

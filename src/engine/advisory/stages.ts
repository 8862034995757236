import type { EngineOptions } from "../../contract/options.ts";
import type { ProposalSimulateRequest, ProposedTrade } from "../../contract/proposal.ts";
import type { Decimal } from "../../decimal/decimal.ts";
import type { Exposures, Weights } from "./exposures.ts";
import type { Funding } from "./funding.ts";
import type { ProposalRun } from "./proposal-run.ts";
import type { AcceptedTrade } from "./trades.ts";

/** What governance compares to tell whether a holding has grown. */
export type GrowthMeasure = {
  readonly of: (exposures: Exposures) => Weights;
  readonly hasGrown: (before: Decimal, now: Decimal) => boolean;
};

/** The stages of a proposal in which rules versions differ; `src/engine/versions.ts` says which version has which. */
export type AdvisoryStages = {
  /** The request with its lists in the order in which they are worked on. */
  readonly arrange: (request: ProposalSimulateRequest) => ProposalSimulateRequest;
  /** Whether cash flows come ahead of the trades. */
  readonly areFlowsFirst: (options: EngineOptions) => boolean;
  /** The trades that can be sized, in request order. The others are logged or block, and are skipped. */
  readonly acceptTrades: (run: ProposalRun, trades: readonly ProposedTrade[]) => AcceptedTrade[];
  /** The order in which the trades of one side are applied. */
  readonly compareTrades: (a: AcceptedTrade, b: AcceptedTrade) => number;
  readonly fundPurchases: (run: ProposalRun, purchases: readonly AcceptedTrade[]) => Funding;
  readonly growth: GrowthMeasure;
};

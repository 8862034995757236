import type { EngineOptions } from "../../contract/options.ts";
import type { Diagnostics } from "../diagnostics.ts";
import type { Lookups } from "../lookups.ts";
import type { WorkingPortfolio } from "../working-portfolio.ts";

/** Stable codes of what a proposal itself gets wrong. */
export type GuardCode =
  | "PROPOSAL_INSUFFICIENT_FUNDING_CASH"
  | "PROPOSAL_INVALID_TRADE_INPUT"
  | "PROPOSAL_MISSING_FX_FOR_FUNDING"
  | "PROPOSAL_TRADE_NOT_SUPPORTED_BY_SHELF"
  | "PROPOSAL_WITHDRAWAL_NEGATIVE_CASH";

/** What the stages of one simulation share while it goes on. */
export type ProposalRun = {
  readonly options: EngineOptions;
  readonly lookups: Lookups;
  /** The portfolio that cash flows, trades and FX are applied to. */
  readonly portfolio: WorkingPortfolio;
  readonly diagnostics: Diagnostics;
  /** What blocks the proposal whatever the rules say, in order of discovery, repeats included. */
  readonly hardFailures: GuardCode[];
};

/** Blocks the proposal and says so among the warnings. */
export function failWithWarning({ diagnostics, hardFailures }: ProposalRun, code: GuardCode): void {
  diagnostics.warnings.push(code);
  hardFailures.push(code);
}

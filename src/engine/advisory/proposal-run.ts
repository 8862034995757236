import type { EngineOptions } from "../../contract/options.ts";
import type { Diagnostics } from "../diagnostics.ts";
import type { Lookups } from "../lookups.ts";
import type { WorkingPortfolio } from "../working-portfolio.ts";

/** Stable codes of the input checks that a proposal can fail. */
export type GuardCode =
  | "PROPOSAL_INSUFFICIENT_FUNDING_CASH"
  | "PROPOSAL_INVALID_TRADE_INPUT"
  | "PROPOSAL_MISSING_FX_FOR_FUNDING"
  | "PROPOSAL_TRADE_NOT_SUPPORTED_BY_SHELF"
  | "PROPOSAL_WITHDRAWAL_NEGATIVE_CASH";

/** What the stages of one simulation share. */
export type ProposalRun = {
  readonly options: EngineOptions;
  readonly lookups: Lookups;
  /** The portfolio that cash flows, trades and FX are applied to. */
  readonly portfolio: WorkingPortfolio;
  readonly diagnostics: Diagnostics;
  /** Failed input checks, in order of discovery, repeats included. Each of them blocks the proposal. */
  readonly hardFailures: GuardCode[];
};

/** Blocks the proposal and adds the code to the warnings. */
export function failWithWarning({ diagnostics, hardFailures }: ProposalRun, code: GuardCode): void {
  diagnostics.warnings.push(code);
  hardFailures.push(code);
}

import type { RuleResult } from "../../contract/rules.ts";
import { decimal } from "../../decimal/decimal.ts";
import { ruleResult } from "../rules.ts";
import type { Valuation } from "../valuation.ts";
import type { Rules } from "../versions.ts";
import type { ProposalRun } from "./proposal-run.ts";

/** An advisor may trade whatever the shelf allows. */
const NOTHING_LOCKED: ReadonlySet<string> = new Set();

/** The standard rules on the state after, and the rules about the proposal itself. */
export function evaluateProposalRules(
  run: ProposalRun,
  after: Valuation,
  needsReview: boolean,
  { evaluateRules, tidyLog }: Rules,
): RuleResult[] {
  const { diagnostics, lookups, options } = run;
  tidyLog(diagnostics.data_quality);
  const results = evaluateRules({
    valuation: after,
    lookups,
    locked: NOTHING_LOCKED,
    options,
    dataQuality: diagnostics.data_quality,
    suppressedCount: diagnostics.suppressed_intents.length,
  });
  const [firstFailure] = run.hardFailures;
  if (firstFailure !== undefined) results.push(inputGuards(run.hardFailures.length, firstFailure));
  if (needsReview) results.push(fundingDataQuality(diagnostics.missing_fx_pairs.length));
  return results;
}

function inputGuards(count: number, code: string): RuleResult {
  return ruleResult({
    rule_id: "PROPOSAL_INPUT_GUARDS",
    severity: "HARD",
    measured: decimal(count),
    threshold: { max: "0" },
    failure: { code, hint: "Correct the cash flows, trades or funding that the warnings and logs name." },
  });
}

function fundingDataQuality(count: number): RuleResult {
  return ruleResult({
    rule_id: "PROPOSAL_FUNDING_DQ",
    severity: "SOFT",
    measured: decimal(count),
    threshold: { max: "0" },
    failure: {
      code: "MISSING_FX_FOR_FUNDING",
      hint: "Supply the missing FX rates, or have the unfunded purchases reviewed.",
    },
  });
}

import type { RuleResult } from "../../contract/rules.ts";
import { ruleResult } from "../rules.ts";
import type { TargetOutcome } from "./targets.ts";

/** A failed rule for targets that are for review, so that the gate sees it. */
export function targetsNotMet({ shortfall }: TargetOutcome): RuleResult[] {
  if (shortfall === undefined) return [];
  return [
    ruleResult({
      rule_id: "TARGETS_NOT_MET",
      severity: "SOFT",
      measured: shortfall.measured,
      threshold: { max: "0" },
      failure: {
        code: shortfall.code,
        hint: "The limits leave no place for all of the model: have the result reviewed, or change limits or model.",
      },
    }),
  ];
}

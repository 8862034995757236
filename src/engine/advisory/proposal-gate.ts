import type { GateDecision } from "../../contract/gate.ts";
import type { EngineOptions } from "../../contract/options.ts";
import type { RuleResult, RunStatus } from "../../contract/rules.ts";
import type { SuitabilityResult } from "../../contract/suitability.ts";
import type { DataQualityLog } from "../diagnostics.ts";
import { decideGate } from "../gate.ts";

export type ProposalGateInput = {
  readonly status: RunStatus;
  readonly rules: readonly RuleResult[];
  readonly dataQuality: DataQualityLog;
  readonly suitability: SuitabilityResult | null;
  readonly options: EngineOptions;
};

/** The gate of a proposal, which always requires the client's consent. */
export function decideProposalGate(input: ProposalGateInput): GateDecision {
  const issues = input.suitability?.issues ?? [];
  return decideGate({
    status: input.status,
    rules: input.rules,
    dataQuality: input.dataQuality,
    newIssues: issues.filter(({ status_change }) => status_change === "NEW"),
    consentRequired: true,
    consentObtained: input.options.client_consent_already_obtained,
  });
}

import type { ProposalArtifactSummary } from "../../contract/artifact.ts";
import type { DriftAnalysis } from "../../contract/drift.ts";
import type { GateDecision } from "../../contract/gate.ts";
import type { ProposalResult } from "../../contract/proposal.ts";
import type { SimulatedState } from "../../contract/state.ts";
import type { SuitabilityResult } from "../../contract/suitability.ts";
import { compare } from "../../decimal/decimal.ts";
import { fromText } from "../../decimal/text.ts";
import { percent } from "./findings.ts";
import { isFx, isSecurityTrade } from "./intents.ts";

type NextStep = ProposalArtifactSummary["recommended_next_step"];
type Takeaway = ProposalArtifactSummary["key_takeaways"][number];

const CASH = "CASH";

/** The summary of a proposal: its objectives, the recommended next step and the key takeaways. */
export function artifactSummary(
  portfolioId: string,
  result: ProposalResult,
  gate: GateDecision,
): ProposalArtifactSummary {
  return {
    advisor_notes: [],
    key_takeaways: keyTakeaways(result),
    objective_tags: objectiveTags(result),
    recommended_next_step: nextStep(gate),
    title: `Proposal for portfolio ${portfolioId}`,
  };
}

function objectiveTags({ intents, drift_analysis }: ProposalResult): string[] {
  const tags: string[] = [];
  if (intents.some(isSecurityTrade)) tags.push("RISK_ALIGNMENT");
  if (intents.some(({ intent_type }) => intent_type === "CASH_FLOW")) tags.push("CASH_DEPLOYMENT");
  if (drift_analysis !== null && driftFell(drift_analysis)) tags.push("DRIFT_REDUCTION");
  return tags.length > 0 ? tags : ["PORTFOLIO_MAINTENANCE"];
}

function driftFell({ asset_class }: DriftAnalysis): boolean {
  return compare(fromText(asset_class.drift_total_after), fromText(asset_class.drift_total_before)) < 0;
}

function nextStep({ gate, reasons }: GateDecision): NextStep {
  switch (gate) {
    case "BLOCKED": {
      const unsuitable = reasons.some(
        ({ severity, source }) => severity === "HIGH" && source === "SUITABILITY",
      );
      return unsuitable ? "COMPLIANCE_REVIEW" : "RISK_REVIEW";
    }
    case "COMPLIANCE_REVIEW_REQUIRED":
      return "COMPLIANCE_REVIEW";
    case "RISK_REVIEW_REQUIRED":
      return "RISK_REVIEW";
    case "CLIENT_CONSENT_REQUIRED":
      return "CLIENT_CONSENT";
    case "EXECUTION_READY":
    case "NONE":
      return gate;
  }
}

function keyTakeaways(result: ProposalResult): Takeaway[] {
  const { drift_analysis, suitability } = result;
  const takeaways = [
    { code: "STATUS", value: `The proposal is ${result.status}.` },
    { code: "INTENTS", value: intentsSentence(result) },
    { code: "CASH", value: cashSentence(result) },
  ];
  if (drift_analysis !== null) takeaways.push({ code: "DRIFT", value: driftSentence(drift_analysis) });
  if (suitability !== null) takeaways.push({ code: "SUITABILITY", value: suitabilitySentence(suitability) });
  return takeaways;
}

function intentsSentence({ intents }: ProposalResult): string {
  const flows = intents.filter(({ intent_type }) => intent_type === "CASH_FLOW").length;
  const trades = intents.filter(isSecurityTrade).length;
  const fx = intents.filter(isFx).length;
  return `Cash flows: ${flows}; security trades: ${trades}; FX trades: ${fx}.`;
}

function cashSentence({ before, after_simulated }: ProposalResult): string {
  return `Cash goes from ${cashWeight(before)} to ${cashWeight(after_simulated)} of the portfolio.`;
}

function cashWeight({ allocation_by_asset_class }: SimulatedState): string {
  const cash = allocation_by_asset_class.find(({ key }) => key === CASH);
  return percent(fromText(cash?.weight ?? "0"));
}

function driftSentence({ asset_class, reference_model }: DriftAnalysis): string {
  const before = percent(fromText(asset_class.drift_total_before));
  const after = percent(fromText(asset_class.drift_total_after));
  return `Asset class drift from model ${reference_model.model_id} goes from ${before} to ${after}.`;
}

function suitabilitySentence({ summary }: SuitabilityResult): string {
  const { new_count, resolved_count, persistent_count } = summary;
  return `Suitability issues: ${new_count} new, ${persistent_count} persistent, ${resolved_count} resolved.`;
}

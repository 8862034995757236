import type { GateDecision, GateReason } from "../contract/gate.ts";
import type { Severity } from "../contract/options.ts";
import type { RuleResult, RunStatus } from "../contract/rules.ts";
import type { DataQualityLog } from "./diagnostics.ts";
import { compareCodePoints } from "./order.ts";
import { isHardFailure, isSoftFailure } from "./rules.ts";

/** A suitability issue that the trades cause. */
export type NewIssue = {
  readonly issue_id: string;
  readonly issue_key: string;
  readonly severity: Severity;
};

export type GateInput = {
  readonly status: RunStatus;
  readonly rules: readonly RuleResult[];
  readonly dataQuality: DataQualityLog;
  readonly newIssues: readonly NewIssue[];
  readonly consentRequired: boolean;
  readonly consentObtained: boolean;
};

/** The next workflow step of a simulated result, with all reasons: the strictest gate that applies. */
export function decideGate(input: GateInput): GateDecision {
  const summary = {
    hard_fail_count: input.rules.filter(isHardFailure).length,
    new_high_suitability_count: countIssues(input.newIssues, "HIGH"),
    new_medium_suitability_count: countIssues(input.newIssues, "MEDIUM"),
    soft_fail_count: input.rules.filter(isSoftFailure).length,
  };
  const reasons = [
    ...ruleReasons(input.rules),
    ...issueReasons(input.newIssues),
    ...dataQualityReasons(input.dataQuality),
  ];
  const [gate, recommended_next_step] = strictestGate(input, summary);
  return { gate, reasons: reasons.sort(compareReasons), recommended_next_step, summary };
}

function countIssues(issues: readonly NewIssue[], severity: Severity): number {
  return issues.filter((issue) => issue.severity === severity).length;
}

function strictestGate(
  { status, consentObtained, consentRequired }: GateInput,
  summary: GateDecision["summary"],
): [GateDecision["gate"], GateDecision["recommended_next_step"]] {
  if (status === "BLOCKED" || summary.hard_fail_count > 0) return ["BLOCKED", "FIX_INPUT"];
  if (summary.new_high_suitability_count > 0) return ["COMPLIANCE_REVIEW_REQUIRED", "COMPLIANCE_REVIEW"];
  if (summary.soft_fail_count + summary.new_medium_suitability_count > 0) {
    return ["RISK_REVIEW_REQUIRED", "RISK_REVIEW"];
  }
  if (consentRequired && !consentObtained) return ["CLIENT_CONSENT_REQUIRED", "REQUEST_CLIENT_CONSENT"];
  return ["EXECUTION_READY", "EXECUTE"];
}

function ruleReasons(rules: readonly RuleResult[]): GateReason[] {
  return rules
    .filter(({ status, severity }) => status === "FAIL" && severity !== "INFO")
    .map(({ reason_code, rule_id, severity }) => ({
      details: { reason_code },
      reason_code: `${severity}_RULE_FAIL:${rule_id}`,
      severity: severity === "HARD" ? "HIGH" : "MEDIUM",
      source: "RULE_ENGINE",
    }));
}

function issueReasons(issues: readonly NewIssue[]): GateReason[] {
  return issues
    .filter(({ severity }) => severity !== "LOW")
    .map(({ issue_id, issue_key, severity }) => ({
      details: { issue_id, issue_key },
      reason_code: `NEW_${severity}_SUITABILITY_ISSUE`,
      severity,
      source: "SUITABILITY",
    }));
}

function dataQualityReasons({ price_missing, fx_missing }: DataQualityLog): GateReason[] {
  const reasons: GateReason[] = [];
  if (price_missing.length > 0) reasons.push(missingReason("PRICE", price_missing.length));
  if (fx_missing.length > 0) reasons.push(missingReason("FX", fx_missing.length));
  return reasons;
}

function missingReason(what: "PRICE" | "FX", count: number): GateReason {
  return {
    details: { count: String(count) },
    reason_code: `DATA_QUALITY_MISSING_${what}`,
    severity: "HIGH",
    source: "DATA_QUALITY",
  };
}

const SEVERITY_RANK: Readonly<Record<Severity, number>> = { HIGH: 0, MEDIUM: 1, LOW: 2 };

function compareReasons(a: GateReason, b: GateReason): number {
  return (
    SEVERITY_RANK[a.severity] - SEVERITY_RANK[b.severity] ||
    compareCodePoints(a.source, b.source) ||
    compareCodePoints(a.reason_code, b.reason_code) ||
    compareCodePoints(reasonDetail(a), reasonDetail(b))
  );
}

function reasonDetail({ details }: GateReason): string {
  return details["issue_key"] ?? details["reason_code"] ?? "";
}

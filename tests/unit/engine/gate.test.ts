import { describe, expect, test } from "vitest";
import type { RuleResult } from "../../../src/contract/rules.ts";
import { emptyDataQuality } from "../../../src/engine/diagnostics.ts";
import { decideGate, type GateInput } from "../../../src/engine/gate.ts";

function failing(rule_id: string, severity: RuleResult["severity"], reason_code = "BREACH"): RuleResult {
  return {
    measured: "1",
    reason_code,
    remediation_hint: null,
    rule_id,
    severity,
    status: "FAIL",
    threshold: {},
  };
}

const clear: GateInput = {
  consentObtained: false,
  consentRequired: false,
  dataQuality: emptyDataQuality(),
  newIssues: [],
  rules: [],
  status: "READY",
};
const issue = (issue_key: string, severity: "HIGH" | "MEDIUM" | "LOW") => ({
  issue_id: "SUIT",
  issue_key,
  severity,
});

describe("the gate", () => {
  test.each<[string, Partial<GateInput>, string, string]>([
    ["nothing speaks against it", {}, "EXECUTION_READY", "EXECUTE"],
    ["the run is blocked", { status: "BLOCKED", consentObtained: true }, "BLOCKED", "FIX_INPUT"],
    [
      "a hard rule fails beside everything else",
      { rules: [failing("A", "SOFT"), failing("B", "HARD")], newIssues: [issue("k", "HIGH")] },
      "BLOCKED",
      "FIX_INPUT",
    ],
    [
      "a new HIGH issue stands beside a soft failure",
      { newIssues: [issue("k", "HIGH")], rules: [failing("A", "SOFT")] },
      "COMPLIANCE_REVIEW_REQUIRED",
      "COMPLIANCE_REVIEW",
    ],
    ["a soft rule fails", { rules: [failing("A", "SOFT")] }, "RISK_REVIEW_REQUIRED", "RISK_REVIEW"],
    [
      "a new MEDIUM issue arises",
      { newIssues: [issue("k", "MEDIUM")] },
      "RISK_REVIEW_REQUIRED",
      "RISK_REVIEW",
    ],
    ["only a LOW issue arises", { newIssues: [issue("k", "LOW")] }, "EXECUTION_READY", "EXECUTE"],
    ["consent is needed", { consentRequired: true }, "CLIENT_CONSENT_REQUIRED", "REQUEST_CLIENT_CONSENT"],
    ["consent was given", { consentObtained: true, consentRequired: true }, "EXECUTION_READY", "EXECUTE"],
    // The review that a target method asks for is not the gate's affair.
    [
      "the run wants a review without a failed rule",
      { status: "PENDING_REVIEW" },
      "EXECUTION_READY",
      "EXECUTE",
    ],
  ])("when %s", (_, input, gate, next) => {
    const decision = decideGate({ ...clear, ...input });
    expect([decision.gate, decision.recommended_next_step]).toEqual([gate, next]);
  });

  test("sorts its reasons by severity, source, code and key", () => {
    const { reasons, summary } = decideGate({
      ...clear,
      dataQuality: { fx_missing: ["USD/EUR"], price_missing: ["A", "A"], shelf_missing: ["B"] },
      newIssues: [issue("z", "HIGH"), issue("m", "MEDIUM"), issue("a", "HIGH"), issue("l", "LOW")],
      rules: [failing("ZZ", "HARD", "LATER"), failing("BAND", "SOFT"), failing("ZZ", "HARD", "EARLIER")],
    });
    expect(
      reasons.map(({ details, reason_code, severity, source }) => [severity, source, reason_code, details]),
    ).toEqual([
      ["HIGH", "DATA_QUALITY", "DATA_QUALITY_MISSING_FX", { count: "1" }],
      ["HIGH", "DATA_QUALITY", "DATA_QUALITY_MISSING_PRICE", { count: "2" }],
      ["HIGH", "RULE_ENGINE", "HARD_RULE_FAIL:ZZ", { reason_code: "EARLIER" }],
      ["HIGH", "RULE_ENGINE", "HARD_RULE_FAIL:ZZ", { reason_code: "LATER" }],
      ["HIGH", "SUITABILITY", "NEW_HIGH_SUITABILITY_ISSUE", { issue_id: "SUIT", issue_key: "a" }],
      ["HIGH", "SUITABILITY", "NEW_HIGH_SUITABILITY_ISSUE", { issue_id: "SUIT", issue_key: "z" }],
      ["MEDIUM", "RULE_ENGINE", "SOFT_RULE_FAIL:BAND", { reason_code: "BREACH" }],
      ["MEDIUM", "SUITABILITY", "NEW_MEDIUM_SUITABILITY_ISSUE", { issue_id: "SUIT", issue_key: "m" }],
    ]);
    expect(summary).toEqual({
      hard_fail_count: 2,
      new_high_suitability_count: 2,
      new_medium_suitability_count: 1,
      soft_fail_count: 1,
    });
  });
});

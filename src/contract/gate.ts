import * as z from "zod";
import { Severity } from "./options.ts";

export const GateReason = z
  .strictObject({
    reason_code: z.string(),
    severity: Severity,
    source: z.enum(["RULE_ENGINE", "SUITABILITY", "DATA_QUALITY"]),
    details: z.record(z.string(), z.string()),
  })
  .meta({ id: "GateReason" });
export type GateReason = z.output<typeof GateReason>;

const GateDecisionSummary = z
  .strictObject({
    hard_fail_count: z.int(),
    soft_fail_count: z.int(),
    new_high_suitability_count: z.int(),
    new_medium_suitability_count: z.int(),
  })
  .meta({ id: "GateDecisionSummary" });

/** What has to happen before the trades of a run may be executed. */
export const GateDecision = z
  .strictObject({
    gate: z.enum([
      "BLOCKED",
      "RISK_REVIEW_REQUIRED",
      "COMPLIANCE_REVIEW_REQUIRED",
      "CLIENT_CONSENT_REQUIRED",
      "EXECUTION_READY",
      "NONE",
    ]),
    recommended_next_step: z.enum([
      "FIX_INPUT",
      "RISK_REVIEW",
      "COMPLIANCE_REVIEW",
      "REQUEST_CLIENT_CONSENT",
      "EXECUTE",
      "NONE",
    ]),
    reasons: z.array(GateReason),
    summary: GateDecisionSummary,
  })
  .meta({ id: "GateDecision" });
export type GateDecision = z.output<typeof GateDecision>;

import * as z from "zod";
import { Severity } from "./options.ts";

const GateReasonSource = z
  .enum(["RULE_ENGINE", "SUITABILITY", "DATA_QUALITY"])
  .meta({ id: "GateReasonSource", description: "Where a finding comes from." });

const Gate = z
  .enum([
    "BLOCKED",
    "RISK_REVIEW_REQUIRED",
    "COMPLIANCE_REVIEW_REQUIRED",
    "CLIENT_CONSENT_REQUIRED",
    "EXECUTION_READY",
    "NONE",
  ])
  .meta({ id: "Gate", description: "What the trades wait for; EXECUTION_READY and NONE: nothing." });

const GateNextStep = z
  .enum(["FIX_INPUT", "RISK_REVIEW", "COMPLIANCE_REVIEW", "REQUEST_CLIENT_CONSENT", "EXECUTE", "NONE"])
  .meta({ id: "GateNextStep", description: "What to do next." });

export const GateReason = z
  .strictObject({
    reason_code: z.string(),
    severity: Severity,
    source: GateReasonSource,
    details: z.record(z.string(), z.string()),
  })
  .meta({ id: "GateReason", description: "A finding that the gate was decided on." });
export type GateReason = z.output<typeof GateReason>;

const GateDecisionSummary = z
  .strictObject({
    hard_fail_count: z.int(),
    soft_fail_count: z.int(),
    new_high_suitability_count: z.int(),
    new_medium_suitability_count: z.int(),
  })
  .meta({ id: "GateDecisionSummary", description: "How many findings the gate was decided on." });

/** What has to happen before the trades of a run may be executed. */
export const GateDecision = z
  .strictObject({
    gate: Gate,
    recommended_next_step: GateNextStep,
    reasons: z.array(GateReason),
    summary: GateDecisionSummary,
  })
  .meta({
    id: "GateDecision",
    description: "What has to happen before the trades of a run may be executed.",
  });
export type GateDecision = z.output<typeof GateDecision>;

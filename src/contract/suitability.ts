import * as z from "zod";
import { Severity } from "./options.ts";

export const SuitabilityEvidence = z
  .strictObject({
    as_of: z.string(),
    snapshot_ids: z
      .strictObject({ portfolio_snapshot_id: z.string(), market_data_snapshot_id: z.string() })
      .meta({ id: "SuitabilityEvidenceSnapshotIds" }),
  })
  .meta({ id: "SuitabilityEvidence" });
export type SuitabilityEvidence = z.output<typeof SuitabilityEvidence>;

export const SuitabilityIssue = z
  .strictObject({
    issue_id: z.string(),
    issue_key: z.string(),
    dimension: z.enum(["CONCENTRATION", "ISSUER", "LIQUIDITY", "GOVERNANCE", "CASH", "DATA_QUALITY"]),
    severity: Severity,
    status_change: z.enum(["NEW", "RESOLVED", "PERSISTENT"]),
    summary: z.string(),
    details: z.record(z.string(), z.string()),
    evidence: SuitabilityEvidence,
  })
  .meta({ id: "SuitabilityIssue" });
export type SuitabilityIssue = z.output<typeof SuitabilityIssue>;

export const SuitabilitySummary = z
  .strictObject({
    new_count: z.int(),
    resolved_count: z.int(),
    persistent_count: z.int(),
    highest_severity_new: Severity.nullable(),
  })
  .meta({ id: "SuitabilitySummary" });
export type SuitabilitySummary = z.output<typeof SuitabilitySummary>;

/** What the proposal makes better or worse for the client, before against after. */
export const SuitabilityResult = z
  .strictObject({
    summary: SuitabilitySummary,
    issues: z.array(SuitabilityIssue),
    recommended_gate: z.enum(["NONE", "RISK_REVIEW", "COMPLIANCE_REVIEW"]),
  })
  .meta({ id: "SuitabilityResult" });
export type SuitabilityResult = z.output<typeof SuitabilityResult>;

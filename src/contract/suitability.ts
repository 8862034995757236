import * as z from "zod";
import { Severity } from "./options.ts";

const SuitabilityDimension = z
  .enum(["CONCENTRATION", "ISSUER", "LIQUIDITY", "GOVERNANCE", "CASH", "DATA_QUALITY"])
  .meta({ id: "SuitabilityDimension", description: "What an issue is about." });

export const IssueStatusChange = z.enum(["NEW", "RESOLVED", "PERSISTENT"]).meta({
  id: "IssueStatusChange",
  description: "NEW: only after the proposal. RESOLVED: only before it. PERSISTENT: both.",
});

const SuitabilityGate = z
  .enum(["NONE", "RISK_REVIEW", "COMPLIANCE_REVIEW"])
  .meta({ id: "SuitabilityGate", description: "The review that new issues ask for." });

export const SuitabilityEvidence = z
  .strictObject({
    as_of: z.string(),
    snapshot_ids: z
      .strictObject({ portfolio_snapshot_id: z.string(), market_data_snapshot_id: z.string() })
      .meta({
        id: "SuitabilityEvidenceSnapshotIds",
        description: "The snapshots that an issue was found on.",
      }),
  })
  .meta({ id: "SuitabilityEvidence", description: "What an issue was found on." });
export type SuitabilityEvidence = z.output<typeof SuitabilityEvidence>;

export const SuitabilityIssue = z
  .strictObject({
    issue_id: z.string(),
    issue_key: z.string(),
    dimension: SuitabilityDimension,
    severity: Severity,
    status_change: IssueStatusChange,
    summary: z.string(),
    details: z.record(z.string(), z.string()),
    evidence: SuitabilityEvidence,
  })
  .meta({ id: "SuitabilityIssue", description: "Something that does not suit the client." });
export type SuitabilityIssue = z.output<typeof SuitabilityIssue>;

export const SuitabilitySummary = z
  .strictObject({
    new_count: z.int(),
    resolved_count: z.int(),
    persistent_count: z.int(),
    highest_severity_new: Severity.nullable(),
  })
  .meta({ id: "SuitabilitySummary", description: "How many issues there are." });
export type SuitabilitySummary = z.output<typeof SuitabilitySummary>;

/** What the proposal makes better or worse for the client, before against after. */
export const SuitabilityResult = z
  .strictObject({
    summary: SuitabilitySummary,
    issues: z.array(SuitabilityIssue),
    recommended_gate: SuitabilityGate,
  })
  .meta({ id: "SuitabilityResult", description: "What the proposal makes better or worse for the client." });
export type SuitabilityResult = z.output<typeof SuitabilityResult>;

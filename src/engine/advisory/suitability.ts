import type { Severity } from "../../contract/options.ts";
import type { ProposedTrade } from "../../contract/proposal.ts";
import type { SuitabilityEvidence, SuitabilityIssue, SuitabilityResult } from "../../contract/suitability.ts";
import { compareCodePoints } from "../order.ts";
import type { Exposures } from "./exposures.ts";
import type { Finding, Findings } from "./findings.ts";
import { heldExposures, scan, type ScanRules } from "./suitability-scan.ts";

type StatusChange = SuitabilityIssue["status_change"];

export type SuitabilityInput = ScanRules & {
  readonly before: Exposures;
  readonly after: Exposures;
  readonly requestedBuys: ReadonlySet<string>;
  readonly evidence: SuitabilityEvidence;
};

/** Compares the suitability issues before and after: NEW, PERSISTENT or RESOLVED. */
export function scanSuitability(input: SuitabilityInput): SuitabilityResult {
  const before = heldExposures(input.before);
  const after = heldExposures(input.after);
  const issues = compareFindings(
    scan(input, before, before, new Set()),
    scan(input, after, before, input.requestedBuys),
    input.evidence,
  );
  const newIssues = issues.filter(({ status_change }) => status_change === "NEW");
  return { issues, recommended_gate: recommendedGate(newIssues), summary: summarize(issues, newIssues) };
}

/** The instruments that the trades ask to buy. */
export function requestedBuys(trades: readonly ProposedTrade[]): Set<string> {
  return new Set(trades.filter(({ side }) => side === "BUY").map(({ instrument_id }) => instrument_id));
}

function compareFindings(
  before: Findings,
  after: Findings,
  evidence: SuitabilityEvidence,
): SuitabilityIssue[] {
  const issues: SuitabilityIssue[] = [];
  for (const [key, finding] of after) {
    issues.push(toIssue(finding, before.has(key) ? "PERSISTENT" : "NEW", evidence));
  }
  for (const [key, finding] of before) {
    if (!after.has(key)) issues.push(toIssue(finding, "RESOLVED", evidence));
  }
  return issues.sort(compareIssues);
}

function toIssue(
  finding: Finding,
  status_change: StatusChange,
  evidence: SuitabilityEvidence,
): SuitabilityIssue {
  const { details, dimension, issue_id, issue_key, severity, summary } = finding;
  return { details, dimension, evidence, issue_id, issue_key, severity, status_change, summary };
}

const CHANGE_RANK: Readonly<Record<StatusChange, number>> = { NEW: 0, PERSISTENT: 1, RESOLVED: 2 };
const SEVERITY_RANK: Readonly<Record<Severity, number>> = { HIGH: 0, MEDIUM: 1, LOW: 2 };

function compareIssues(a: SuitabilityIssue, b: SuitabilityIssue): number {
  return (
    CHANGE_RANK[a.status_change] - CHANGE_RANK[b.status_change] ||
    SEVERITY_RANK[a.severity] - SEVERITY_RANK[b.severity] ||
    compareCodePoints(a.dimension, b.dimension) ||
    compareCodePoints(a.issue_key, b.issue_key)
  );
}

function recommendedGate(newIssues: readonly SuitabilityIssue[]): SuitabilityResult["recommended_gate"] {
  if (newIssues.some(({ severity }) => severity === "HIGH")) return "COMPLIANCE_REVIEW";
  return newIssues.some(({ severity }) => severity === "MEDIUM") ? "RISK_REVIEW" : "NONE";
}

function summarize(
  issues: readonly SuitabilityIssue[],
  newIssues: readonly SuitabilityIssue[],
): SuitabilityResult["summary"] {
  const count = (change: StatusChange) =>
    issues.filter(({ status_change }) => status_change === change).length;
  return {
    // Issues are sorted: the first new one is the severest.
    highest_severity_new: newIssues[0]?.severity ?? null,
    new_count: newIssues.length,
    persistent_count: count("PERSISTENT"),
    resolved_count: count("RESOLVED"),
  };
}

import type { CountedSubject, Extent, LabelCount } from "../repository/counts.ts";
import type { DpmSupportabilitySummaryResponse } from "../schemas.ts";

/** Of one snapshot, so its counts agree with each other. */
export function summaryOf(
  counts: readonly LabelCount[],
  extent: Extent,
  retentionDays: number,
): DpmSupportabilitySummaryResponse {
  const total = (subject: CountedSubject): number =>
    counts.reduce((sum, each) => (each.subject === subject ? sum + each.count : sum), 0);
  const byLabel = (subject: CountedSubject): Record<string, number> =>
    Object.fromEntries(
      counts.filter((each) => each.subject === subject).map(({ label, count }) => [label, count]),
    );
  return {
    store_backend: "POSTGRES",
    retention_days: retentionDays,
    run_count: total("RUN"),
    run_status_counts: byLabel("RUN"),
    operation_count: total("OPERATION"),
    operation_status_counts: byLabel("OPERATION"),
    workflow_decision_count: total("DECISION_ACTION"),
    workflow_action_counts: byLabel("DECISION_ACTION"),
    workflow_reason_code_counts: byLabel("DECISION_REASON"),
    lineage_edge_count: total("EDGE"),
    ...extent,
  };
}

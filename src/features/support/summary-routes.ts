import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { EventualReads } from "../../platform/database/read-eventually.ts";
import { readEventually } from "../../platform/database/read-eventually.ts";
import { behindSwitch, route, type Route } from "../../platform/http/route.ts";
import { DpmSupportabilitySummaryResponse } from "../runs/schemas.ts";
import {
  readCounts,
  readExtent,
  type CountedSubject,
  type Extent,
  type LabelCount,
} from "./repository/counts.ts";

export type SummaryRouteDeps = {
  readonly reads: EventualReads;
  readonly retentionDays: number;
  readonly isEnabled: boolean;
};

export function summaryRoutes(deps: SummaryRouteDeps): Route[] {
  return behindSwitch(deps.isEnabled, "DPM_SUPPORTABILITY_SUMMARY_APIS_DISABLED", [summaryRoute(deps)]);
}

function summaryRoute({ reads, retentionDays }: SummaryRouteDeps): Route {
  return route({
    method: "GET",
    path: "/rebalance/supportability/summary",
    operationId: "getSupportabilitySummary",
    tag: "Support",
    summary: "How many runs, operations, decisions and lineage edges there are, and of which kinds",
    answers: { 200: { description: "The counts.", schema: DpmSupportabilitySummaryResponse } },
    handle: async ({ context: { tenantId } }) => {
      const [counts, extent] = await readEventually(reads, { tenantId }, (tx) =>
        Promise.all([readCounts(tx, tenantId), readExtent(tx, tenantId)]),
      );
      return { status: 200, body: canonicalJson(summaryOf(counts, extent, retentionDays)) };
    },
  });
}

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

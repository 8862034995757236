import { readEventually } from "../../platform/database/read-eventually.ts";
import type { Runtime } from "../../runtime.ts";
import { summaryOf } from "./core/summary.ts";
import { readCounts, readExtent } from "./repository/counts.ts";
import type { DpmSupportabilitySummaryResponse } from "./schemas.ts";

/** How much there is of everything, as of one moment. May lag behind. */
export async function readSummary(
  { reads, config }: Pick<Runtime, "reads" | "config">,
  tenantId: string,
): Promise<DpmSupportabilitySummaryResponse> {
  const [counts, extent] = await readEventually(reads, { tenantId }, (tx) =>
    Promise.all([readCounts(tx, tenantId), readExtent(tx, tenantId)]),
  );
  return summaryOf(counts, extent, config.rebalance.retentionDays);
}

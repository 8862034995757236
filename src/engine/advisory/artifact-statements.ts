import type {
  ProposalArtifactAssumptionsAndLimits,
  ProposalArtifactDisclosures,
  ProposalArtifactSuitabilitySummary,
} from "../../contract/artifact.ts";
import type { ProposalSimulateRequest } from "../../contract/proposal.ts";
import type { SuitabilityResult } from "../../contract/suitability.ts";
import { marketDataSnapshotId } from "../lineage.ts";
import { compareCodePoints } from "../order.ts";
import type { Rules } from "../versions.ts";

const RISK_DISCLAIMER =
  "Simulated on the prices and rates supplied; actual executions will differ, and investments may lose value.";

export function suitabilitySummary(
  suitability: SuitabilityResult | null,
  limit: number,
): ProposalArtifactSuitabilitySummary {
  const { issues, summary } = suitability ?? { issues: [], summary: null };
  const highlights = issues.slice(0, limit);
  return {
    highest_severity_new: summary?.highest_severity_new ?? null,
    highlights: highlights.map((issue) => ({ code: issue.status_change, text: issue.summary })),
    issues,
    new_issues: summary?.new_count ?? 0,
    persistent_issues: summary?.persistent_count ?? 0,
    resolved_issues: summary?.resolved_count ?? 0,
    status: suitability === null ? "NOT_AVAILABLE" : "AVAILABLE",
  };
}

/** The assumptions of the simulation, and what it does not model. */
export function assumptionsAndLimits(
  { market_data_snapshot, options }: ProposalSimulateRequest,
  { stamp }: Rules,
): ProposalArtifactAssumptionsAndLimits {
  const marketDataId = marketDataSnapshotId(market_data_snapshot);
  return {
    costs_and_fees: { included: false, notes: "Fees, commissions and spreads are not modelled." },
    execution: { included: false, notes: "Market impact, slippage and partial fills are not modelled." },
    pricing: {
      fx_as_of: marketDataId,
      market_data_snapshot_id: marketDataId,
      prices_as_of: marketDataId,
      valuation_mode: options.valuation_mode,
    },
    ...stamp,
    tax: { included: false, notes: "Taxes on gains and on trades are not modelled." },
  };
}

export function disclosures(instruments: ReadonlySet<string>): ProposalArtifactDisclosures {
  return {
    product_docs: [...instruments]
      .sort(compareCodePoints)
      .map((id) => ({ doc_ref: `Current product documents of ${id}`, instrument_id: id })),
    risk_disclaimer: RISK_DISCLAIMER,
  };
}

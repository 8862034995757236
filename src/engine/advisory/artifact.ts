import type { ProposalArtifact, ProposalArtifactEvidenceInputs } from "../../contract/artifact.ts";
import type { GateDecision } from "../../contract/gate.ts";
import type { ProposalResult, ProposalSimulateRequest } from "../../contract/proposal.ts";
import { rulesNamed } from "../versions.ts";
import { artifactContent } from "./artifact-content.ts";
import { portfolioImpact } from "./artifact-impact.ts";
import { assumptionsAndLimits, disclosures, suitabilitySummary } from "./artifact-statements.ts";
import { artifactSummary } from "./artifact-summary.ts";
import { tradesAndFunding } from "./artifact-trades.ts";
import { tradedInstruments } from "./intents.ts";
import { decideProposalGate } from "./proposal-gate.ts";

export type ArtifactStamp = {
  /** When the artifact is built, an RFC 3339 timestamp; excluded from the hash. */
  readonly createdAt: string;
  /** Hashes the canonical JSON of a document. */
  readonly hash: (document: unknown) => string;
};

/**
 * Packages a proposal for client and reviewer from its request and result alone. The same request gives the
 * same `artifact_hash`: time, correlation id and idempotency key are not hashed. The evidence shares the
 * values of the request; canonical JSON writes their decimals.
 */
export function buildArtifact(
  request: ProposalSimulateRequest,
  result: ProposalResult,
  { createdAt, hash }: ArtifactStamp,
): ProposalArtifact {
  const unhashed = { ...packageProposal(request, result), created_at: createdAt };
  const hashes = {
    artifact_hash: hash(artifactContent(unhashed)),
    request_hash: result.lineage.request_hash,
  };
  return { ...unhashed, evidence_bundle: { ...unhashed.evidence_bundle, hashes } };
}

function packageProposal(request: ProposalSimulateRequest, result: ProposalResult) {
  const rules = rulesNamed(result.lineage.rules_version);
  const limit = request.options.drift_top_contributors_limit;
  const gate = result.gate_decision ?? decideMissingGate(request, result);
  return {
    artifact_id: result.proposal_run_id.replace(/^pr_/, "pa_"),
    assumptions_and_limits: assumptionsAndLimits(request, rules),
    correlation_id: result.correlation_id,
    disclosures: disclosures(tradedInstruments(result.intents)),
    evidence_bundle: {
      engine_outputs: { proposal_result: result },
      engine_version: result.lineage.engine_version ?? "",
      hashes: { request_hash: result.lineage.request_hash },
      inputs: evidenceInputs(request),
    },
    gate_decision: gate,
    portfolio_impact: portfolioImpact(result, limit, rules.arithmetic),
    proposal_run_id: result.proposal_run_id,
    status: result.status,
    suitability_summary: suitabilitySummary(result.suitability, limit),
    summary: artifactSummary(request.portfolio_snapshot.portfolio_id, result, gate),
    trades_and_funding: tradesAndFunding(request, result, rules),
  };
}

/** A run without workflow gates has no gate decision, but its package names the next step all the same. */
function decideMissingGate({ options }: ProposalSimulateRequest, result: ProposalResult): GateDecision {
  const { fx_missing = [], price_missing = [], shelf_missing = [] } = result.diagnostics.data_quality;
  return decideProposalGate({
    status: result.status,
    rules: result.rule_results,
    dataQuality: { fx_missing, price_missing, shelf_missing },
    suitability: result.suitability,
    options,
  });
}

function evidenceInputs(request: ProposalSimulateRequest): ProposalArtifactEvidenceInputs {
  return {
    market_data_snapshot: request.market_data_snapshot,
    options: request.options,
    portfolio_snapshot: request.portfolio_snapshot,
    proposed_cash_flows: request.proposed_cash_flows,
    proposed_trades: request.proposed_trades,
    reference_model: request.reference_model,
    shelf_entries: request.shelf_entries,
  };
}

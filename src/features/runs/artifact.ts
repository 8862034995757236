import type { RebalanceResult } from "../../contract/rebalance.ts";
import type { SimulatedState } from "../../contract/state.ts";
import type { DpmRunArtifactResponse } from "./schemas.ts";

export const RUN_ARTIFACT_VERSION = "1.0";

export function artifactIdOf(rebalanceRunId: string): string {
  return `dra_${rebalanceRunId.slice("rr_".length)}`;
}

/** What an artifact is made of: the stored run and its stored documents, parsed. */
export type ArtifactSource = {
  readonly createdAt: string;
  readonly portfolioId: string;
  readonly engineVersion: string;
  readonly input: Record<string, unknown>;
  readonly result: RebalanceResult;
};

/**
 * The package of a run for a file or an auditor: what was asked, what came out, and the hashes that bind the two.
 * Made from what is stored and nothing else, so it is the same on any machine and in any year.
 * `hash` is taken over the artifact without `artifact_hash` itself.
 */
export function buildRunArtifact(
  source: ArtifactSource,
  hash: (document: unknown) => string,
): DpmRunArtifactResponse {
  const { result } = source;
  const body = {
    after_summary: stateSummary(result.after_simulated),
    artifact_id: artifactIdOf(result.rebalance_run_id),
    artifact_version: RUN_ARTIFACT_VERSION,
    before_summary: stateSummary(result.before),
    correlation_id: result.correlation_id,
    diagnostics: result.diagnostics,
    idempotency_key: result.lineage.idempotency_key,
    order_intents: result.intents,
    portfolio_id: source.portfolioId,
    rebalance_run_id: result.rebalance_run_id,
    request_snapshot: source.input,
    result,
    rule_outcomes: result.rule_results,
    status: result.status,
  };
  const evidence = { engine_version: source.engineVersion, run_created_at: source.createdAt };
  const requestHash = result.lineage.request_hash;
  const artifactHash = hash({ ...body, evidence: { ...evidence, hashes: { request_hash: requestHash } } });
  return {
    ...body,
    evidence: { ...evidence, hashes: { artifact_hash: artifactHash, request_hash: requestHash } },
  };
}

function stateSummary(state: SimulatedState): Record<string, unknown> {
  return {
    allocation_by_asset_class: state.allocation_by_asset_class,
    cash_balances: state.cash_balances,
    position_count: state.positions.length,
    total_value: state.total_value,
  };
}

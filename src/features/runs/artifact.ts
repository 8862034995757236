import * as z from "zod";
import type { RebalanceResult } from "../../contract/rebalance.ts";
import type { SimulatedState } from "../../contract/state.ts";
import { isJsonObject } from "../../contract/wire.ts";
import { rulesNamed } from "../../engine/versions.ts";
import { contentHash } from "../../platform/hash.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { RunRecord } from "./repository.ts";
import type { DpmRunArtifactResponse } from "./schemas.ts";

const RUN_ARTIFACT_VERSION = "1.0";

export function artifactIdOf(rebalanceRunId: string): string {
  return `dra_${rebalanceRunId.slice("rr_".length)}`;
}

/** What an artifact is made from: the documents of a run as they are stored, and three facts of its row. */
export type ArtifactSource = Pick<
  RunRecord,
  "created_at" | "portfolio_id" | "engine_version" | "input_text" | "result_text"
>;

/** The service wrote both texts itself, from data that had passed the contract; a second check would prove nothing. */
const StoredResult = z.custom<RebalanceResult>(isJsonObject);
const StoredInput = z.custom<Record<string, unknown>>(isJsonObject);

/**
 * Makes the artifact of a run (`DpmRunArtifactResponse`), its package for a file or an auditor: what was asked, what came
 * out, and the hashes that bind the two. Made from what is stored and nothing else, so its bytes are the same on any
 * machine and in any year.
 */
export function makeArtifact(run: ArtifactSource): string {
  return artifactWith(run, (result) => ({
    after_summary: result.after_simulated,
    before_summary: result.before,
    request_snapshot: {
      inputs: inputsOf(run),
      portfolio_id: run.portfolio_id,
      request_hash: result.lineage.request_hash,
    },
  }));
}

/** The same in the form that was stored at first: inputs alone, and states in short. */
export function makeArtifactOfFirstForm(run: ArtifactSource): string {
  return artifactWith(run, (result) => ({
    after_summary: inShort(result.after_simulated),
    before_summary: inShort(result.before),
    request_snapshot: inputsOf(run),
  }));
}

/** What the two forms tell otherwise. */
type Told = Readonly<Record<"after_summary" | "before_summary" | "request_snapshot", object>>;

function artifactWith(run: ArtifactSource, tell: (result: RebalanceResult) => Told): string {
  const result = StoredResult.parse(JSON.parse(run.result_text));
  const content = { ...artifactContent(run, result), ...tell(result) };
  const { stamp } = rulesNamed(result.lineage.rules_version);
  const evidence = { engine_version: run.engine_version, run_created_at: run.created_at, ...stamp };
  const { request_hash } = result.lineage;
  // Taken over the artifact without the hash itself.
  const hashed = canonicalJson({ ...content, evidence: { ...evidence, hashes: { request_hash } } });
  const hashes = { artifact_hash: contentHash(hashed), request_hash };
  return canonicalJson({ ...content, evidence: { ...evidence, hashes } });
}

function artifactContent(
  run: ArtifactSource,
  result: RebalanceResult,
): Omit<DpmRunArtifactResponse, "evidence" | keyof Told> {
  return {
    artifact_id: artifactIdOf(result.rebalance_run_id),
    artifact_version: RUN_ARTIFACT_VERSION,
    correlation_id: result.correlation_id,
    diagnostics: result.diagnostics,
    idempotency_key: result.lineage.idempotency_key,
    order_intents: result.intents,
    portfolio_id: run.portfolio_id,
    rebalance_run_id: result.rebalance_run_id,
    result,
    rule_outcomes: result.rule_results,
    status: result.status,
  };
}

function inputsOf(run: ArtifactSource): Record<string, unknown> {
  return StoredInput.parse(JSON.parse(run.input_text));
}

function inShort(state: SimulatedState) {
  return {
    allocation_by_asset_class: state.allocation_by_asset_class,
    cash_balances: state.cash_balances,
    position_count: state.positions.length,
    total_value: state.total_value,
  };
}

import type { RulesVersion } from "../../contract/options.ts";
import { ProposalSimulateRequest, type ProposalResult } from "../../contract/proposal.ts";
import { artifactContent } from "../../engine/advisory/artifact-content.ts";
import { buildArtifact } from "../../engine/advisory/artifact.ts";
import { proposalRunId, simulateProposal } from "../../engine/advisory/simulate-proposal.ts";
import type { RunIdentity } from "../../engine/lineage.ts";
import { contentHash } from "../../platform/hash.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinObject } from "../../platform/json/join-json.ts";
import { readStoredAs } from "../../platform/json/stored-json.ts";
import { wholeText } from "../../platform/text-parts.ts";
import { evidenceText, type VersionRow } from "./version.ts";

/** Whose simulation it is, and with what. */
export type SimulationContext = Pick<
  RunIdentity,
  "correlationId" | "idempotencyKey" | "engineVersion" | "defaultRulesVersion"
>;

export type Simulation = Pick<VersionRow, "request_text" | "request_hash" | "result_text"> & {
  readonly result: ProposalResult;
};

/** Simulates and spells the result out: these bytes are stored, hashed and sent. Pure. */
export function runSimulation(
  request: ProposalSimulateRequest,
  requestText: string,
  context: SimulationContext,
): Simulation {
  const requestHash = contentHash(requestText);
  const runId = proposalRunId(requestHash);
  const result = simulateProposal(request, { ...context, runId, requestHash });
  return {
    request_text: requestText,
    request_hash: requestHash,
    result,
    result_text: canonicalJson(result),
  };
}

function hashOfDocument(document: unknown): string {
  return contentHash(canonicalJson(document));
}

/**
 * Packages a simulation and spells the artifact, without spelling request and result again: both stand in its evidence
 * as they are. Pure; `packagedAt` is the artifact's own time.
 */
export function packageSimulation(
  request: ProposalSimulateRequest,
  simulation: Simulation,
  packagedAt: string,
): Pick<VersionRow, "artifact_text" | "artifact_hash"> {
  const artifact = buildArtifact(request, simulation.result, { createdAt: packagedAt, hash: hashOfDocument });
  const { evidence_bundle: evidence, ...rest } = artifact;
  const { engine_version } = evidence;
  const { artifact_hash } = evidence.hashes;
  const members = Object.entries(rest).map(([name, member]) => [name, canonicalJson(member)] as const);
  const artifact_text = joinObject({
    ...Object.fromEntries(members),
    evidence_bundle: wholeText(evidenceText({ ...simulation, artifact_hash, engine_version })),
  });
  return { artifact_text, artifact_hash };
}

/** What a version will consist of, ahead of the transaction that gives it its number and its time. */
export type VersionDraft = Omit<
  VersionRow,
  | "proposal_id"
  | "version_no"
  | "proposal_version_id"
  | "created_by"
  | "created_by_folded"
  | "authenticated_subject"
  | "created_at"
>;

/** Simulation and artifact of a version. Pure. */
export function draftVersion(
  request: ProposalSimulateRequest,
  context: SimulationContext,
  packagedAt: string,
  keepsEvidence: boolean,
): VersionDraft {
  const simulation = runSimulation(request, canonicalJson(request), context);
  const { result, result_text, request_text, request_hash } = simulation;
  const { artifact_text, artifact_hash } = packageSimulation(request, simulation, packagedAt);
  return {
    correlation_id: context.correlationId,
    idempotency_key: context.idempotencyKey,
    engine_version: context.engineVersion,
    portfolio_id: request.portfolio_snapshot.portfolio_id,
    status_at_creation: result.status,
    request_hash,
    simulation_hash: contentHash(result_text),
    artifact_hash,
    artifact_text_hash: contentHash(artifact_text),
    keeps_evidence: keepsEvidence,
    gate_text: result.gate_decision === null ? null : canonicalJson(result.gate_decision),
    request_text,
    result_text,
    artifact_text,
  };
}

/** The artifact's hash as its stored bytes give it. */
export function hashOfStoredArtifact(artifactText: string): string {
  return hashOfDocument(artifactContent(JSON.parse(artifactText)));
}

/**
 * What the stored request of a version comes to when it is simulated again, by these rules where it names
 * none; undefined where it cannot be read.
 */
export function resimulate(version: VersionRow, defaultRulesVersion: RulesVersion): Simulation | undefined {
  const request = readStoredAs(ProposalSimulateRequest, version.request_text);
  if (request === undefined) return undefined;
  return runSimulation(request, version.request_text, {
    correlationId: version.correlation_id,
    idempotencyKey: version.idempotency_key,
    engineVersion: version.engine_version,
    defaultRulesVersion,
  });
}

import { ProposalSimulateRequest, type ProposalResult } from "../../contract/proposal.ts";
import { artifactContent } from "../../engine/advisory/artifact-content.ts";
import { buildArtifact } from "../../engine/advisory/artifact.ts";
import { proposalRunId, simulateProposal } from "../../engine/advisory/simulate-proposal.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { contentHash } from "../../platform/hash.ts";
import { readJsonBody } from "../../platform/json/read-json.ts";
import { joinObject } from "../../platform/json/join-json.ts";
import { evidenceText } from "./documents.ts";
import type { VersionRecord } from "./records.ts";

/** Whose simulation it is, and with what. */
export type SimulationContext = {
  readonly correlationId: string;
  readonly idempotencyKey: string | null;
  readonly engineVersion: string;
};

export type Simulation = {
  readonly requestText: string;
  readonly requestHash: string;
  readonly result: ProposalResult;
  readonly resultText: string;
};

/** Simulates and spells the result once: these bytes are stored, hashed and sent. Pure. */
export function runSimulation(
  request: ProposalSimulateRequest,
  requestText: string,
  context: SimulationContext,
): Simulation {
  const requestHash = contentHash(requestText);
  const identity = { ...context, runId: proposalRunId(requestHash), requestHash };
  const result = simulateProposal(request, identity);
  return { requestText, requestHash, result, resultText: canonicalJson(result) };
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
): { readonly artifactText: string; readonly artifactHash: string } {
  const artifact = buildArtifact(request, simulation.result, { createdAt: packagedAt, hash: hashOfDocument });
  const { evidence_bundle: evidence, ...rest } = artifact;
  const artifactHash = evidence.hashes.artifact_hash;
  const members = Object.entries(rest).map(([name, member]) => [name, canonicalJson(member)] as const);
  const artifactText = joinObject({
    ...Object.fromEntries(members),
    evidence_bundle: evidenceText({ ...simulation, artifactHash, engineVersion: evidence.engine_version }),
  });
  return { artifactText, artifactHash };
}

/** What a version will consist of, ahead of the transaction that gives it its number and its time. */
export type VersionDraft = Omit<
  VersionRecord,
  "proposalId" | "versionNo" | "proposalVersionId" | "createdBy" | "createdAt"
>;

/** Simulation and artifact of a version. Pure. */
export function draftVersion(
  request: ProposalSimulateRequest,
  context: SimulationContext,
  packagedAt: string,
  keepsEvidence: boolean,
): VersionDraft {
  const simulation = runSimulation(request, canonicalJson(request), context);
  const { result, resultText, requestText, requestHash } = simulation;
  const { artifactText, artifactHash } = packageSimulation(request, simulation, packagedAt);
  return {
    ...context,
    portfolioId: request.portfolio_snapshot.portfolio_id,
    status: result.status,
    requestHash,
    simulationHash: contentHash(resultText),
    artifactHash,
    artifactTextHash: contentHash(artifactText),
    keepsEvidence,
    gateText: result.gate_decision === null ? null : canonicalJson(result.gate_decision),
    requestText,
    resultText,
    artifactText,
  };
}

/** The artifact's hash as its stored bytes give it. */
export function hashOfStoredArtifact(artifactText: string): string {
  return hashOfDocument(artifactContent(JSON.parse(artifactText)));
}

/** What the stored request of a version comes to when it is simulated again; undefined where it cannot be read. */
export function resimulate(version: VersionRecord): Simulation | undefined {
  const body = readJsonBody(Buffer.from(version.requestText, "utf8"));
  const request = body.ok ? ProposalSimulateRequest.safeParse(body.value) : undefined;
  if (request?.success !== true) return undefined;
  return runSimulation(request.data, version.requestText, version);
}

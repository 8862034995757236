import * as z from "zod";
import { RebalanceRequest } from "../../../contract/rebalance.ts";
import { canonicalJson } from "../../../platform/json/canonical-json.ts";
import { contentHash } from "../../../platform/hash.ts";
import { readStoredAs } from "../../../platform/json/stored-json.ts";
import { applyPolicyPack, readDefinition, saysPackWasMissing } from "../../policies/core.ts";
import { artifactIdOf, makeArtifact, makeArtifactOfFirstForm } from "../../runs/artifact.ts";
import { reproduceRun } from "../../runs/reproduce-run.ts";
import type { StoredEvidence, VerifiedPack, VerifiedPayload, VerifiedRun } from "../repository/evidence.ts";
import type { RunVerificationFailure } from "../schemas.ts";
import { findDecisionFaults } from "./verification-decisions.ts";
import { differing, findReferenceFaults } from "./verification-references.ts";

/**
 * Recomputes everything that can be recomputed about a run, from what is stored and nothing else: hashes from bytes,
 * the input from request and policy pack, the result from the input, the chain of its decisions; and that each record
 * is there that another one speaks of, and says the same. Pure.
 */
export function findFaults(
  tenantId: string,
  evidence: StoredEvidence,
  engineVersion: string,
): RunVerificationFailure[] {
  return [
    ...findDocumentFaults(evidence, engineVersion),
    ...findPackFaults(evidence),
    ...findReferenceFaults(evidence),
    ...findDecisionFaults(tenantId, evidence),
  ];
}

function* findDocumentFaults(
  { run, payload }: StoredEvidence,
  engineVersion: string,
): Generator<RunVerificationFailure> {
  const id = run.rebalance_run_id;
  if (payload === undefined) {
    yield { kind: "payload", id, reason: "is missing" };
    return;
  }
  const fault = faultOfPayload(run, payload);
  if (fault !== undefined) {
    // What was altered cannot vouch for anything else.
    yield { kind: "payload", id, reason: fault };
    return;
  }
  const contradiction = faultOfFacts(run, payload);
  const reason = contradiction ?? faultOfReproduction(run, payload, engineVersion);
  if (reason !== undefined) yield { kind: "run", id, reason };
  if (contradiction === undefined && !isArtifactOf(run, payload)) {
    yield { kind: "artifact", id: artifactIdOf(id), reason: "is not what its run and its documents give" };
  }
}

function isArtifactOf(run: VerifiedRun, payload: VerifiedPayload): boolean {
  const { artifact_text: stored } = payload;
  if (stored === null) return true;
  const source = { ...run, ...payload };
  return stored === makeArtifact(source) || stored === makeArtifactOfFirstForm(source);
}

function faultOfPayload(run: VerifiedRun, payload: VerifiedPayload): string | undefined {
  if (contentHash(payload.input_text) !== run.input_hash) return "its input does not give its input_hash";
  if (contentHash(payload.result_text) !== run.result_hash) return "its result does not give its result_hash";
  const requestText = payload.request_text ?? payload.input_text;
  if (run.batch_run_id === null && contentHash(requestText) !== run.request_hash) {
    return "its request does not give its request_hash";
  }
  if (payload.request_text !== null && run.policy_pack_id === null) {
    return "its input differs from its request without a policy pack";
  }
  if (readRequest(payload.input_text) === undefined) return "its input is no request";
  return readFacts(payload.result_text) === undefined ? "its result is no result of a run" : undefined;
}

function readRequest(text: string): RebalanceRequest | undefined {
  return readStoredAs(RebalanceRequest, text);
}

/** What a result says about its run. */
const ResultFacts = z.object({
  rebalance_run_id: z.string(),
  correlation_id: z.string(),
  status: z.string(),
  lineage: z.object({
    request_hash: z.string(),
    idempotency_key: z.string().nullable(),
    engine_version: z.string().nullable(),
  }),
});

function readFacts(text: string): z.output<typeof ResultFacts> | undefined {
  return readStoredAs(ResultFacts, text);
}

/** The row must say what the documents say that its hashes vouch for. */
function faultOfFacts(run: VerifiedRun, payload: VerifiedPayload): string | undefined {
  const facts = readFacts(payload.result_text);
  const input = readRequest(payload.input_text);
  const scenario = run.correlation_id.slice(run.correlation_id.lastIndexOf(":"));
  return differing("its documents", {
    rebalance_run_id: run.rebalance_run_id === facts?.rebalance_run_id,
    correlation_id: run.correlation_id === facts?.correlation_id,
    request_hash: run.request_hash === facts?.lineage.request_hash,
    idempotency_key: run.idempotency_key === facts?.lineage.idempotency_key,
    engine_version: run.engine_version === facts?.lineage.engine_version,
    status: run.status === facts?.status,
    portfolio_id: run.portfolio_id === input?.portfolio_snapshot.portfolio_id,
    batch_run_id: run.batch_run_id === null || run.request_hash === `${run.batch_run_id}${scenario}`,
  });
}

function faultOfReproduction(
  run: VerifiedRun,
  payload: VerifiedPayload,
  engineVersion: string,
): string | undefined {
  const again = reproduceRun({ ...run, ...payload }, engineVersion);
  if (again.reproducible) return undefined;
  const where = again.differences.slice(0, 3).join(", ");
  return `its input gives another result today (engine ${engineVersion}, then ${run.engine_version}): ${where}`;
}

function* findPackFaults({ run, payload, policyPack }: StoredEvidence): Generator<RunVerificationFailure> {
  if (run.policy_pack_id === null) return;
  const id = `${run.policy_pack_id} revision ${String(run.policy_pack_revision)}`;
  const reason = faultOfPack(run, payload, policyPack);
  if (reason !== undefined) yield { kind: "policy_pack", id, reason };
}

function faultOfPack(
  run: VerifiedRun,
  payload: VerifiedPayload | undefined,
  pack: VerifiedPack | undefined,
): string | undefined {
  if (pack === undefined || pack.definition_text === null) return "is missing";
  if (payload !== undefined && saysPackWasMissing(payload.result_text)) {
    return "shaped the run, whose result says that it was missing";
  }
  if (contentHash(pack.definition_text) !== pack.definition_hash) {
    return "its definition does not give its definition_hash";
  }
  const definition = readDefinition(pack.definition_text);
  if (definition === undefined) return "its definition is none";
  if (definition.version !== run.policy_pack_version || definition.version !== pack.version) {
    return "is another version than the run says";
  }
  // Without the documents, or with altered ones, there is nothing to compare: that is a failure of its own.
  if (payload === undefined || faultOfPayload(run, payload) !== undefined) return undefined;
  const request = readRequest(payload.request_text ?? payload.input_text);
  if (request === undefined) return undefined;
  const input = { ...request, options: applyPolicyPack(request.options, definition) };
  return canonicalJson(input) === payload.input_text
    ? undefined
    : "does not make the input out of the request";
}

import type { RebalanceRequest, RebalanceResult } from "../../contract/rebalance.ts";
import { simulateRebalance, type RunIdentity } from "../../engine/rebalance/simulate.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { contentHash } from "../../platform/hash.ts";
import { applyPolicyPack, definitionOf, warnOfMissingPack, type PackInForce } from "../policies/core.ts";
import { makeArtifact } from "../runs/artifact.ts";
import type { RunRecord } from "../runs/repository.ts";

/** What the engine is given, and how it came about. */
export type ShapedRequest = PackInForce & {
  readonly input: RebalanceRequest;
  /** Canonical JSON of `input`. */
  readonly inputText: string;
  /** Canonical JSON of the request as it came, where the policy pack changed its options; else null. */
  readonly requestText: string | null;
};

/** Puts the options in force. `requestText` is the canonical JSON of `request`, which the caller has from hashing it. */
export function shapeRequest(
  request: RebalanceRequest,
  requestText: string,
  { policyPack, isPackMissing }: PackInForce,
): ShapedRequest {
  const pack = { policyPack, isPackMissing };
  if (policyPack === undefined) {
    return { ...pack, input: request, inputText: requestText, requestText: null };
  }
  const input = { ...request, options: applyPolicyPack(request.options, definitionOf(policyPack)) };
  const inputText = canonicalJson(input);
  return { ...pack, input, inputText, requestText: inputText === requestText ? null : requestText };
}

/** What a run is besides its identity: when it was made, for which batch, and whether its artifact is stored with it. */
export type RunCircumstances = {
  readonly createdAt: string;
  readonly batchRunId: string | null;
  readonly storesArtifact: boolean;
};

export type ExecutedRun = { readonly record: RunRecord; readonly result: RebalanceResult };

/**
 * Runs the engine and makes the record of the run. Pure. The result is serialized here, once: these bytes are stored,
 * hashed and sent.
 */
export function executeRun(
  shaped: ShapedRequest,
  identity: RunIdentity,
  circumstances: RunCircumstances,
): ExecutedRun {
  const { input, inputText, requestText, policyPack, isPackMissing } = shaped;
  const calculated = simulateRebalance(input, identity);
  const result = isPackMissing ? warnOfMissingPack(calculated) : calculated;
  const resultText = canonicalJson(result);
  const record = {
    rebalance_run_id: identity.runId,
    correlation_id: identity.correlationId,
    request_hash: identity.requestHash,
    idempotency_key: identity.idempotencyKey,
    portfolio_id: input.portfolio_snapshot.portfolio_id,
    status: result.status,
    batch_run_id: circumstances.batchRunId,
    policy_pack_id: policyPack?.id ?? null,
    policy_pack_version: policyPack?.version ?? null,
    policy_pack_revision: policyPack?.revision ?? null,
    engine_version: identity.engineVersion,
    input_hash: contentHash(inputText),
    result_hash: contentHash(resultText),
    created_at: circumstances.createdAt,
    input_text: inputText,
    request_text: requestText,
    result_text: resultText,
  };
  const artifact_text = circumstances.storesArtifact ? makeArtifact(record) : null;
  return { record: { ...record, artifact_text }, result };
}

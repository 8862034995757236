import type { RebalanceRequest, RebalanceResult } from "../../contract/rebalance.ts";
import { simulateRebalance, type RunIdentity } from "../../engine/rebalance/simulate.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { contentHash } from "../../platform/hash.ts";
import { applyPolicyPack } from "../policies/apply.ts";
import type { PolicyPack } from "../policies/pack.ts";
import { makeArtifact } from "../runs/documents.ts";
import type { RunRecord } from "../runs/record.ts";

/** What the engine is given, and how it came about. */
export type ShapedRequest = {
  readonly input: RebalanceRequest;
  /** Canonical JSON of `input`. */
  readonly inputText: string;
  /** Canonical JSON of the request as it came, where the policy pack changed its options; else null. */
  readonly requestText: string | null;
  readonly policyPack: PolicyPack | undefined;
};

/** Puts the options in force. `requestText` is the canonical JSON of `request`, which the caller has from hashing it. */
export function shapeRequest(
  request: RebalanceRequest,
  requestText: string,
  policyPack: PolicyPack | undefined,
): ShapedRequest {
  if (policyPack === undefined) {
    return { input: request, inputText: requestText, requestText: null, policyPack };
  }
  const input = { ...request, options: applyPolicyPack(request.options, policyPack.definition) };
  const inputText = canonicalJson(input);
  return { input, inputText, requestText: inputText === requestText ? null : requestText, policyPack };
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
  const { input, inputText, requestText, policyPack } = shaped;
  const result = simulateRebalance(input, identity);
  const resultText = canonicalJson(result);
  const record = {
    rebalanceRunId: identity.runId,
    correlationId: identity.correlationId,
    requestHash: identity.requestHash,
    idempotencyKey: identity.idempotencyKey,
    portfolioId: input.portfolio_snapshot.portfolio_id,
    status: result.status,
    batchRunId: circumstances.batchRunId,
    policyPackId: policyPack?.id ?? null,
    policyPackVersion: policyPack?.version ?? null,
    policyPackRevision: policyPack?.revision ?? null,
    engineVersion: identity.engineVersion,
    inputHash: contentHash(inputText),
    resultHash: contentHash(resultText),
    createdAt: circumstances.createdAt,
    inputText,
    requestText,
    resultText,
  };
  const artifactText = circumstances.storesArtifact ? makeArtifact(record) : null;
  return { record: { ...record, artifactText }, result };
}

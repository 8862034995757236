import type { RebalanceRequest, RebalanceResult } from "../contract/rebalance.ts";
import { simulateRebalance, type RunIdentity } from "../engine/rebalance/simulate.ts";
import { canonicalJson } from "../platform/canonical-json.ts";
import { contentHash } from "../platform/hash.ts";
import type { RunRecord } from "../runs/record.ts";

/** What a run is besides its identity: when, for which batch, shaped by which policy pack. */
export type RunCircumstances = {
  readonly createdAt: string;
  readonly batchRunId: string | null;
  readonly policyPack: { readonly id: string; readonly version: string } | null;
  /** The request as it came, canonical, where a policy pack changed its options; else null. */
  readonly requestText: string | null;
};

export type ExecutedRun = { readonly record: RunRecord; readonly result: RebalanceResult };

/**
 * Runs the engine and makes the record of the run. Pure. The result is serialized here, once: these bytes are stored,
 * hashed and sent. `inputText` is the canonical JSON of `input`, which the caller has at hand from hashing it.
 */
export function executeRun(
  input: RebalanceRequest,
  inputText: string,
  identity: RunIdentity,
  circumstances: RunCircumstances,
): ExecutedRun {
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
    policyPackId: circumstances.policyPack?.id ?? null,
    policyPackVersion: circumstances.policyPack?.version ?? null,
    engineVersion: identity.engineVersion,
    inputHash: contentHash(inputText),
    resultHash: contentHash(resultText),
    createdAt: circumstances.createdAt,
    inputText,
    requestText: circumstances.requestText,
    resultText,
  };
  return { record, result };
}

import { FIRST_RULES_VERSION } from "../../contract/options.ts";
import { RebalanceRequest, type RebalanceResult } from "../../contract/rebalance.ts";
import { simulateRebalance } from "../../engine/rebalance/simulate.ts";
import { contentHash } from "../../platform/hash.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { jsonDifferences } from "../../platform/json/json-difference.ts";
import { readStored } from "../../platform/json/stored-json.ts";
import { rulesVersionOf } from "../../platform/json/stored-result.ts";
import type { Calculation } from "../../platform/threads.ts";
import { saysPackWasMissing, warnOfMissingPack } from "../policies/core.ts";
import type { StoredRun } from "./repository.ts";
import type { DpmRunReproduceResponse } from "./schemas.ts";

/**
 * Executes a stored run again and compares. Pure. The stored input is read through the same contract as a request,
 * with the run's own identity and the engine version that it was stamped with. Whether its policy pack was missing, only
 * the result tells. `differences` are the JSON pointers at
 * which the stored result and the recomputed one part.
 */
export function reproduceRun(run: StoredRun, engineVersion: string): DpmRunReproduceResponse {
  const input = readStored(RebalanceRequest, run.input_text);
  const calculated: RebalanceResult = simulateRebalance(input, {
    runId: run.rebalance_run_id,
    correlationId: run.correlation_id,
    requestHash: run.request_hash,
    idempotencyKey: run.idempotency_key,
    engineVersion: run.engine_version,
    defaultRulesVersion: rulesVersionOf(run.result_text) ?? FIRST_RULES_VERSION,
  });
  const result = saysPackWasMissing(run.result_text) ? warnOfMissingPack(calculated) : calculated;
  const resultText = canonicalJson(result);
  const recomputed = contentHash(resultText);
  const isUnaltered =
    contentHash(run.result_text) === run.result_hash && contentHash(run.input_text) === run.input_hash;
  return {
    differences:
      resultText === run.result_text
        ? []
        : jsonDifferences(JSON.parse(run.result_text), JSON.parse(resultText)),
    engine_version: engineVersion,
    rebalance_run_id: run.rebalance_run_id,
    recomputed_result_hash: recomputed,
    reproducible: isUnaltered && recomputed === run.result_hash,
    stored_engine_version: run.engine_version,
    stored_result_hash: run.result_hash,
  };
}

export type ReproduceInput = { readonly run: StoredRun; readonly engineVersion: string };

/** The same, for a thread. */
export const REPRODUCE_RUN: Calculation<ReproduceInput, DpmRunReproduceResponse> = {
  name: "reproduce a run",
  compute: ({ run, engineVersion }) => reproduceRun(run, engineVersion),
};

/** An estimate of its work, in positions that are calculated once: some 250 bytes of an input are a position. */
export function costOfReproduction({ input_text }: Pick<StoredRun, "input_text">): number {
  return input_text.length / 250;
}

import * as z from "zod";
import type { RebalanceResult } from "../../contract/rebalance.ts";
import { isJsonObject } from "../../contract/wire.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { contentHash } from "../../platform/hash.ts";
import { buildRunArtifact } from "./artifact.ts";
import type { RunRecord } from "./record.ts";
import type { StoredRun } from "./repository.ts";

/** A run with its whole result (`DpmRunLookupResponse`). The result is the stored bytes, not a second serialization. */
export function lookupDocument(run: StoredRun): string {
  const head = canonicalJson({
    correlation_id: run.correlation_id,
    created_at: run.created_at,
    idempotency_key: run.idempotency_key,
    portfolio_id: run.portfolio_id,
    rebalance_run_id: run.rebalance_run_id,
    request_hash: run.request_hash,
  });
  // "result" comes last in the order of keys, so the document stays canonical.
  return `${head.slice(0, -1)},"result":${run.result_text}}`;
}

/** The service wrote both texts itself, from data that had passed the contract; a second check would prove nothing. */
const StoredResult = z.custom<RebalanceResult>(isJsonObject);
const StoredInput = z.custom<Record<string, unknown>>(isJsonObject);

/** What an artifact is made from: the documents of a run as they are stored, and three facts of its row. */
export type ArtifactOrigin = Pick<
  RunRecord,
  "createdAt" | "portfolioId" | "engineVersion" | "inputText" | "resultText"
>;

/** Makes the artifact of a run (`DpmRunArtifactResponse`): the same bytes whenever and wherever it is made. */
export function makeArtifact(run: ArtifactOrigin): string {
  const { createdAt, portfolioId, engineVersion } = run;
  const result = StoredResult.parse(JSON.parse(run.resultText));
  const input = StoredInput.parse(JSON.parse(run.inputText));
  const source = { createdAt, portfolioId, engineVersion, input, result };
  return canonicalJson(buildRunArtifact(source, (document) => contentHash(canonicalJson(document))));
}

/** The artifact of a stored run: as it was stored, or else as it would have been. */
export function artifactDocument(run: StoredRun): string {
  return run.artifact_text ?? makeArtifact(artifactOrigin(run, run));
}

export function artifactOrigin(
  run: Pick<StoredRun, "created_at" | "portfolio_id" | "engine_version">,
  payload: Pick<StoredRun, "input_text" | "result_text">,
): ArtifactOrigin {
  return {
    createdAt: run.created_at,
    portfolioId: run.portfolio_id,
    engineVersion: run.engine_version,
    inputText: payload.input_text,
    resultText: payload.result_text,
  };
}

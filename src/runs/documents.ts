import * as z from "zod";
import type { RebalanceResult } from "../contract/rebalance.ts";
import { isJsonObject } from "../contract/wire.ts";
import { canonicalJson } from "../platform/canonical-json.ts";
import { contentHash } from "../platform/hash.ts";
import { buildRunArtifact } from "./artifact.ts";
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

/** The artifact of a stored run (`DpmRunArtifactResponse`): the same bytes whenever and wherever it is made. */
export function artifactDocument(run: StoredRun): string {
  const result = StoredResult.parse(JSON.parse(run.result_text));
  const input = StoredInput.parse(JSON.parse(run.input_text));
  const source = {
    createdAt: run.created_at,
    portfolioId: run.portfolio_id,
    engineVersion: run.engine_version,
    input,
    result,
  };
  return canonicalJson(buildRunArtifact(source, (document) => contentHash(canonicalJson(document))));
}

import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { StoredRun } from "./repository.ts";

/** A run with its whole result (`DpmRunLookupResponse`). The result is the stored bytes, not a second serialization. */
export function runText(run: StoredRun): string {
  const head = canonicalJson({
    authenticated_subject: run.authenticated_subject,
    correlation_id: run.correlation_id,
    created_at: run.created_at,
    idempotency_key: run.idempotency_key,
    portfolio_id: run.portfolio_id,
    rebalance_run_id: run.rebalance_run_id,
    request_hash: run.request_hash,
  });
  // "result" comes last in the order of keys, so the text stays canonical.
  return `${head.slice(0, -1)},"result":${run.result_text}}`;
}

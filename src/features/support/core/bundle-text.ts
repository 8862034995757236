import { canonicalJson } from "../../../platform/json/canonical-json.ts";
import { joinLarge } from "../../../platform/json/join-json.ts";
import type { Text } from "../../../platform/text-parts.ts";
import { dpmStatusText } from "../../operations/core.ts";
import type { StoredOperation } from "../../operations/repository/operations.ts";
import { decisionView, type RunDecision } from "../../reviews/core.ts";
import type { StoredRun } from "../../runs/repository.ts";
import { runText } from "../../runs/run-text.ts";
import type { DpmRunIdempotencyHistoryItem } from "../../runs/schemas.ts";
import type { BundleQuery, DpmLineageEdgeResponse } from "../schemas.ts";

/** What was found for a bundle. */
export type BundleParts = {
  readonly run: StoredRun;
  readonly operation: StoredOperation | undefined;
  readonly decisions: readonly RunDecision[];
  readonly edges: readonly DpmLineageEdgeResponse[];
  /** Null where the run had no key, or where it is not wanted. */
  readonly history: readonly DpmRunIdempotencyHistoryItem[] | null;
};

/** With the artifact; null where it is not wanted. */
export type ShownParts = BundleParts & { readonly artifact: string | null };

/** A bundle (`DpmRunSupportBundleResponse`). Stored documents go in as the bytes that they are. */
export function bundleText(
  { run, operation, decisions, edges, history, artifact }: ShownParts,
  wanted: BundleQuery,
  isManualExecutionEnabled: boolean,
): Text {
  const isOperationShown = wanted.include_async_operation && operation !== undefined;
  const { rebalance_run_id: runId, idempotency_key } = run;
  return joinLarge({
    artifact: artifact ?? "null",
    async_operation: isOperationShown ? dpmStatusText(operation, isManualExecutionEnabled) : "null",
    idempotency_history: history === null ? "null" : canonicalJson({ history, idempotency_key }),
    lineage: canonicalJson({ edges, entity_id: runId, next_cursor: null }),
    run: runText(run),
    workflow_history: canonicalJson({ decisions: decisions.map(decisionView), run_id: runId }),
  });
}

import { dpmStatusText } from "../operations/documents.ts";
import { findOperation, type StoredOperation } from "../operations/reads.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Database } from "../../platform/database/database.ts";
import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import { joinObject } from "../../platform/json/join-json.ts";
import { findOperationOfRun, findRunOfOperation } from "./repository/bundles.ts";
import type { DpmLineageEdgeResponse, DpmRunIdempotencyHistoryItem } from "../runs/schemas.ts";
import { artifactDocument, lookupDocument } from "../runs/documents.ts";
import { listEdges } from "./repository/lineage.ts";
import { whyMissing, type Missing } from "../runs/lookup.ts";
import { findRun, listKeyHistory, type RunKey, type StoredRun } from "../runs/repository.ts";
import { decisionView, type Decision } from "../reviews/core.ts";
import { listRunDecisions } from "../reviews/repository.ts";

export type BundleKey = RunKey | { readonly by: "operation_id"; readonly value: string };

/** What the caller wants to have in it; the rest is always there. */
export type BundleParts = {
  readonly artifact: boolean;
  readonly asyncOperation: boolean;
  readonly idempotencyHistory: boolean;
};

/** How operations are shown: what was finished before `keptSince` is past its keep. */
export type OperationView = { readonly keptSince: string; readonly isManualExecutionEnabled: boolean };

type NoSubject = Missing | { readonly kind: "operation_not_found" };

export type BundleOutcome = { readonly kind: "found"; readonly document: string } | NoSubject;

/** A run has at most two edges of its own; what else points to it is shown as far as one page of lineage goes. */
const MOST_EDGES = 200;
const ANY_EDGE = { edgeType: undefined, from: undefined, to: undefined };

/**
 * Everything about a run in one document, as of one moment: at most six statements in two flights, whatever there is to
 * show. Stored documents go in as the bytes that they are.
 */
export async function readSupportBundle(
  database: Database,
  tenantId: string,
  key: BundleKey,
  parts: BundleParts,
  operations: OperationView,
): Promise<BundleOutcome> {
  const found = await inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    collectBundle(tx, tenantId, key, parts, operations.keptSince),
  );
  if (found.kind !== "found") return found;
  return { kind: "found", document: bundleDocument(found, parts, operations.isManualExecutionEnabled) };
}

/** The statements of a bundle. */
export async function collectBundle(
  tx: Tx,
  tenantId: string,
  key: BundleKey,
  wanted: BundleParts,
  keptSince: string,
): Promise<({ readonly kind: "found" } & Parts) | NoSubject> {
  const subject = await findSubject(tx, tenantId, key, wanted.artifact, keptSince);
  if ("kind" in subject) return subject;
  return { kind: "found", ...(await readParts(tx, tenantId, subject, wanted, keptSince)) };
}

/** The run that the bundle is about; and the operation, where that is how it was asked for. */
type Subject = { readonly run: StoredRun; readonly operation: StoredOperation | undefined };

async function findSubject(
  tx: Tx,
  tenantId: string,
  key: BundleKey,
  withArtifact: boolean,
  keptSince: string,
): Promise<Subject | NoSubject> {
  if (key.by !== "operation_id") {
    const run = await findRun(tx, tenantId, key, withArtifact);
    return run === undefined ? whyMissing(tx, tenantId, key) : { run, operation: undefined };
  }
  const [operation, run] = await Promise.all([
    findOperation(tx, tenantId, { by: "operation_id", value: key.value }, ["ANALYZE_SCENARIOS"], keptSince),
    findRunOfOperation(tx, tenantId, key.value, withArtifact),
  ]);
  if (operation === undefined) return { kind: "operation_not_found" };
  return run === undefined ? { kind: "run_not_found" } : { run, operation };
}

type Parts = Subject & {
  readonly decisions: readonly Decision[];
  readonly edges: readonly DpmLineageEdgeResponse[];
  /** Null where the run had no key, or where it is not wanted. */
  readonly history: readonly DpmRunIdempotencyHistoryItem[] | null;
};

async function readParts(
  tx: Tx,
  tenantId: string,
  { run, operation }: Subject,
  wanted: BundleParts,
  keptSince: string,
): Promise<Parts> {
  const runId = run.rebalance_run_id;
  const isOperationSought = wanted.asyncOperation && operation === undefined;
  const key = wanted.idempotencyHistory ? run.idempotency_key : null;
  const [decisions, edges, sought, history] = await Promise.all([
    listRunDecisions(tx, tenantId, runId),
    listEdges(tx, tenantId, runId, ANY_EDGE, undefined, MOST_EDGES),
    isOperationSought ? findOperationOfRun(tx, tenantId, runId, keptSince) : operation,
    key === null ? null : listKeyHistory(tx, tenantId, key),
  ]);
  return { run, operation: sought, decisions, edges, history };
}

function bundleDocument(
  { run, operation, decisions, edges, history }: Parts,
  wanted: BundleParts,
  isManualExecutionEnabled: boolean,
): string {
  const isOperationShown = wanted.asyncOperation && operation !== undefined;
  const runId = run.rebalance_run_id;
  return joinObject({
    artifact: wanted.artifact ? artifactDocument(run) : "null",
    async_operation: isOperationShown ? dpmStatusText(operation, isManualExecutionEnabled) : "null",
    idempotency_history:
      history === null ? "null" : canonicalJson({ history, idempotency_key: run.idempotency_key }),
    lineage: canonicalJson({ edges, entity_id: runId, next_cursor: null }),
    run: lookupDocument(run),
    workflow_history: canonicalJson({ decisions: decisions.map(decisionView), run_id: runId }),
  });
}

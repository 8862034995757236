import { inTransaction, type Tx } from "../../platform/database/transaction.ts";
import type { Text } from "../../platform/text-parts.ts";
import type { Runtime } from "../../runtime.ts";
import { expiryCutoff } from "../operations/core.ts";
import { findOperation, type StoredOperation } from "../operations/repository/operations.ts";
import { listRunDecisions } from "../reviews/repository.ts";
import { artifactText } from "../runs/derive-artifact.ts";
import { whyMissing, type AboutRun, type MissingRun } from "../runs/missing-run.ts";
import { findRun, listKeyHistory, type StoredRun } from "../runs/repository.ts";
import type { PathRunKey } from "../runs/run-paths.ts";
import { bundleText, type BundleParts } from "./core/bundle-text.ts";
import { findOperationOfRun, findRunOfOperation } from "./repository/bundles.ts";
import { listEdges } from "./repository/lineage.ts";
import type { BundleQuery } from "./schemas.ts";

export type BundleKey = PathRunKey | { readonly by: "operation_id"; readonly value: string };

type NoOperation = { readonly kind: "operation_not_found" };

export type BundleOutcome = AboutRun<Text> | NoOperation;

/** A run has at most two edges of its own; what else points to it is shown as far as one page of lineage goes. */
const MOST_EDGES = 200;

/**
 * Everything about a run in one text, as of one moment: at most six statements, pipelined in two parts, whatever there
 * is to show.
 */
export async function readSupportBundle(
  { database, clock, config, calculations }: Pick<Runtime, "database" | "clock" | "config" | "calculations">,
  tenantId: string,
  key: BundleKey,
  wanted: BundleQuery,
): Promise<BundleOutcome> {
  const { ttlSeconds, isManualExecutionEnabled } = config.rebalance.operations;
  const cutoff = expiryCutoff(clock(), ttlSeconds);
  const found = await inTransaction(database, { tenantId, readOnly: true }, (tx) =>
    collectBundle(tx, tenantId, key, wanted, cutoff),
  );
  if (found.kind !== "found") return found;
  const artifact = wanted.include_artifact ? await artifactText(calculations, found.value.run) : null;
  return { kind: "found", value: bundleText({ ...found.value, artifact }, wanted, isManualExecutionEnabled) };
}

/** The statements of a bundle. */
export async function collectBundle(
  tx: Tx,
  tenantId: string,
  key: BundleKey,
  wanted: BundleQuery,
  cutoff: string,
): Promise<AboutRun<BundleParts> | NoOperation> {
  const subject = await findSubject(tx, tenantId, key, wanted.include_artifact, cutoff);
  if ("kind" in subject) return subject;
  return { kind: "found", value: await readParts(tx, tenantId, subject, wanted, cutoff) };
}

/** The run that the bundle is about; and the operation, where that is how it was asked for. */
type Subject = { readonly run: StoredRun; readonly operation: StoredOperation | undefined };

async function findSubject(
  tx: Tx,
  tenantId: string,
  key: BundleKey,
  withArtifact: boolean,
  cutoff: string,
): Promise<Subject | MissingRun | NoOperation> {
  if (key.by !== "operation_id") {
    const run = await findRun(tx, tenantId, key, withArtifact);
    return run === undefined ? whyMissing(tx, tenantId, key) : { run, operation: undefined };
  }
  const [operation, run] = await Promise.all([
    findOperation(tx, tenantId, { by: "operation_id", value: key.value }, ["ANALYZE_SCENARIOS"], cutoff),
    findRunOfOperation(tx, tenantId, key.value, withArtifact),
  ]);
  if (operation === undefined) return { kind: "operation_not_found" };
  return run === undefined ? { kind: "run_not_found" } : { run, operation };
}

async function readParts(
  tx: Tx,
  tenantId: string,
  { run, operation }: Subject,
  wanted: BundleQuery,
  cutoff: string,
): Promise<BundleParts> {
  const runId = run.rebalance_run_id;
  const isOperationSought = wanted.include_async_operation && operation === undefined;
  const key = wanted.include_idempotency_history ? run.idempotency_key : null;
  const [decisions, edges, sought, history] = await Promise.all([
    listRunDecisions(tx, tenantId, runId),
    listEdges(tx, runId, {}, { tenantId, after: undefined, limit: MOST_EDGES }),
    isOperationSought ? findOperationOfRun(tx, tenantId, runId, cutoff) : operation,
    key === null ? null : listKeyHistory(tx, tenantId, key),
  ]);
  return { run, operation: sought, decisions, edges: edges.slice(0, MOST_EDGES), history };
}

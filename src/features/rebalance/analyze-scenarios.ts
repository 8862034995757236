import { MOST_SCENARIOS } from "../../contract/rebalance.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import { subjectOf, type Authenticated } from "../../platform/http/context.ts";
import {
  ANSWER_IN_RECORD,
  type IdempotencyScope,
  type RequestKey,
} from "../../platform/idempotency/repository.ts";
import { write, type WriteOutcome } from "../../platform/idempotency/write.ts";
import type { Metrics } from "../../platform/metrics.ts";
import type { CalculationTerms } from "../../platform/threads.ts";
import type { PackSelection } from "../policies/core.ts";
import { insertRun, runExists } from "../runs/repository.ts";
import type { BatchDocument } from "./bodies.ts";
import { CALCULATE_BATCH, type BatchInput, type ExecutedBatch } from "./calculations.ts";
import { lookAhead, type UnknownPack } from "./look-ahead.ts";
import type { RebalanceRuntime } from "./simulate-rebalance.ts";

export const ANALYZE_SCOPE: IdempotencyScope = {
  name: "rebalance.analyze",
  inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT",
  storedAnswer: ANSWER_IN_RECORD,
};

export type BatchCaller = Authenticated & {
  readonly tenantId: string;
  /** Null when the caller sent none: then the batch id leads the correlation ids of its runs. */
  readonly givenCorrelationId: string | null;
  readonly idempotencyKey: string | null;
  readonly selection: PackSelection;
};

/** What a batch is calculated from, and under which terms. */
export type BatchWork = Pick<BatchInput, "document" | "faults" | "policyPack" | "isPackMissing"> & {
  readonly givenCorrelationId: string | null;
};

/** Calculates every scenario that can run. Makes its ids and takes its time; writes nothing. */
export function calculateBatch(
  { config, newId, engineVersion, writes, calculations }: RebalanceRuntime,
  { givenCorrelationId, ...work }: BatchWork,
  terms: CalculationTerms,
): Promise<ExecutedBatch> {
  const batchRunId = newId("batch_");
  const input = {
    ...work,
    unknownFields: config.contract.unknownFields,
    batchRunId,
    runIds: Array.from({ length: MOST_SCENARIOS }, () => newId("rr_")),
    correlationId: givenCorrelationId ?? batchRunId,
    engineVersion,
    defaultRulesVersion: config.contract.defaultRulesVersion,
    createdAt: writes.clock().toISOString(),
    storesArtifact: config.rebalance.artifactStoreMode === "PERSISTED",
  };
  return calculations.run(CALCULATE_BATCH, input, terms);
}

/** Writes the runs of a batch. They commit together. */
export async function insertBatch(
  tx: Tx,
  tenantId: string,
  batch: ExecutedBatch,
  submitter: string | null,
): Promise<void> {
  for (const run of batch.runs) await insertRun(tx, tenantId, run, submitter);
}

/** Calculates a batch and stores its runs; with a key it happens once. The answer is the batch's result. */
export async function analyzeScenarios(
  runtime: RebalanceRuntime,
  caller: BatchCaller,
  document: BatchDocument,
): Promise<WriteOutcome<ExecutedBatch> | UnknownPack> {
  const { writes, metrics } = runtime;
  const { tenantId, givenCorrelationId } = caller;
  const { cost, faults } = document;
  const key = keyOf(caller, document);
  const ahead = await lookAhead(writes.database, tenantId, caller.selection, key);
  if (ahead.stored !== undefined) return ahead.stored;
  if (ahead.isRefused) return { kind: "unknown_policy_pack" };
  const { policyPack, isPackMissing, isLookedUp } = ahead;
  const work = { document, faults, policyPack, isPackMissing, givenCorrelationId };
  const outcome = await write<ExecutedBatch, ExecutedBatch>(writes, {
    tenantId,
    key,
    isLookedUp,
    prepare: () => calculateBatch(runtime, work, { cost }),
    write: async (tx, executed) => {
      await insertBatch(tx, tenantId, executed, subjectOf(caller));
      return { answer: { status: 200, body: executed.resultText }, made: executed, record: {} };
    },
    // A batch of which every scenario failed has written nothing that could be lost.
    wasCommitted: async (tx, { runs: [first] }) =>
      first === undefined || (await runExists(tx, tenantId, first.rebalance_run_id)),
  });
  if (outcome.kind === "answered" && outcome.made !== null) countRuns(metrics, outcome.made);
  return outcome;
}

function keyOf(
  { tenantId, idempotencyKey: key }: BatchCaller,
  { hash: payloadHash }: BatchDocument,
): RequestKey | null {
  if (key === null) return null;
  return { tenantId, scope: ANALYZE_SCOPE, recordScope: ANALYZE_SCOPE.name, key, payloadHash };
}

/** Called once the runs are committed. */
export function countRuns({ runs: counter }: Pick<Metrics, "runs">, { runs }: ExecutedBatch): void {
  for (const { status } of runs) counter.inc({ status });
}

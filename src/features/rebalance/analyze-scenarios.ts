import { mapFrom } from "../../contract/maps.ts";
import type { BatchRebalanceRequest } from "../../contract/rebalance.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import { ANSWER_IN_RECORD, type IdempotencyScope } from "../../platform/idempotency/repository.ts";
import { write, type WriteOutcome } from "../../platform/idempotency/write.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Metrics } from "../../platform/metrics.ts";
import { readPolicyPack, type PolicyPack } from "../policies/find-policy-pack.ts";
import { insertRun, runExists, type RunRecord } from "../runs/repository.ts";
import { batchResult, readScenarios, type OptionsReader, type Scenario } from "./core.ts";
import { executeRun, shapeRequest } from "./execute-run.ts";
import type { RebalanceRuntime } from "./simulate-rebalance.ts";

export const ANALYZE_SCOPE: IdempotencyScope = {
  name: "rebalance.analyze",
  inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT",
  storedAnswer: ANSWER_IN_RECORD,
};

export type BatchCaller = {
  readonly tenantId: string;
  /** Null when the caller sent none: then the batch id leads the correlation ids of its runs. */
  readonly givenCorrelationId: string | null;
  readonly idempotencyKey: string | null;
  /** The pack that was selected for it, existing or not. */
  readonly policyPackId: string | null;
};

/** A batch as it was read: its scenarios in order, and the hash that tells it from other batches. */
export type ReadBatch = {
  readonly request: BatchRebalanceRequest;
  readonly scenarios: readonly Scenario[];
  readonly requestText: string;
  readonly requestHash: string;
};

/** A batch that was calculated and is not yet written. */
export type ExecutedBatch = {
  readonly batchRunId: string;
  readonly runs: readonly RunRecord[];
  readonly resultText: string;
};

/** Reads the scenarios. Two spellings of one batch have one hash: it is taken over the options as they were read. */
export function readBatch(request: BatchRebalanceRequest, readOptions: OptionsReader): ReadBatch {
  const scenarios = readScenarios(request, readOptions);
  const asRead = mapFrom(
    scenarios.map((scenario) => {
      const sent = request.scenarios[scenario.name];
      const options = "input" in scenario ? scenario.input.options : sent?.options;
      return [scenario.name, { description: sent?.description ?? null, options }] as const;
    }),
  );
  const requestText = canonicalJson({ ...request, scenarios: asRead });
  return { request, scenarios, requestText, requestHash: contentHash(requestText) };
}

/** Calculates every scenario that can run, under the policy pack. Pure but for ids and time; writes nothing. */
export function executeBatch(
  { config, newId, engineVersion, writes }: RebalanceRuntime,
  givenCorrelationId: string | null,
  batch: ReadBatch,
  policyPack: PolicyPack | undefined,
): ExecutedBatch {
  const batchRunId = newId("batch_");
  const createdAt = writes.clock().toISOString();
  const storesArtifact = config.rebalance.artifactStoreMode === "PERSISTED";
  const circumstances = { createdAt, batchRunId, storesArtifact };
  const executed = batch.scenarios.flatMap((scenario) => {
    if (!("input" in scenario)) return [];
    const identity = {
      runId: newId("rr_"),
      correlationId: `${givenCorrelationId ?? batchRunId}:${scenario.name}`,
      requestHash: `${batchRunId}:${scenario.name}`,
      idempotencyKey: null,
      engineVersion,
    };
    const shaped = shapeRequest(scenario.input, canonicalJson(scenario.input), policyPack);
    return [{ name: scenario.name, ...executeRun(shaped, identity, circumstances) }];
  });
  const result = batchResult(batchRunId, createdAt, batch.request, batch.scenarios, executed);
  return { batchRunId, runs: executed.map(({ record }) => record), resultText: canonicalJson(result) };
}

/** Writes the runs of a batch. They commit together. */
export async function insertBatch(tx: Tx, tenantId: string, batch: ExecutedBatch): Promise<void> {
  for (const run of batch.runs) await insertRun(tx, tenantId, run);
}

/** Calculates a batch and stores its runs; with a key it happens once. The answer is the batch's result. */
export async function analyzeScenarios(
  runtime: RebalanceRuntime,
  caller: BatchCaller,
  request: BatchRebalanceRequest,
  readOptions: OptionsReader,
): Promise<WriteOutcome<ExecutedBatch>> {
  const { writes, metrics } = runtime;
  const { tenantId, idempotencyKey: key } = caller;
  const batch = readBatch(request, readOptions);
  const { requestHash: payloadHash } = batch;
  const policyPack = await readPolicyPack(writes.database, tenantId, caller.policyPackId);
  const outcome = await write<ExecutedBatch, ExecutedBatch>(writes, {
    tenantId,
    key:
      key === null
        ? null
        : { tenantId, scope: ANALYZE_SCOPE, recordScope: ANALYZE_SCOPE.name, key, payloadHash },
    prepare: () => executeBatch(runtime, caller.givenCorrelationId, batch, policyPack),
    write: async (tx, executed) => {
      await insertBatch(tx, tenantId, executed);
      return { answer: { status: 200, body: executed.resultText }, made: executed, record: {} };
    },
    // A batch of which every scenario failed has written nothing that could be lost.
    wasCommitted: async (tx, { runs: [first] }) =>
      first === undefined || (await runExists(tx, tenantId, first.rebalance_run_id)),
  });
  if (outcome.kind === "answered" && outcome.made !== null) countRuns(metrics, outcome.made);
  return outcome;
}

/** Called once the runs are committed. */
export function countRuns({ runs: counter }: Pick<Metrics, "runs">, { runs }: ExecutedBatch): void {
  for (const { status } of runs) counter.inc({ status });
}

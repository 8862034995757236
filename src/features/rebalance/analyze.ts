import { mapFrom as freeMap } from "../../contract/maps.ts";
import type { BatchRebalanceRequest } from "../../contract/rebalance.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Tx } from "../../platform/database/transaction.ts";
import { contentHash } from "../../platform/hash.ts";
import { always, once, type OnceOutcome } from "../../platform/idempotency.ts";
import { readPolicyPack, type PolicyPack } from "../policies/pack.ts";
import { insertRun, runExists, type RunRecord } from "../runs/record.ts";
import { batchResult, readScenarios, type OptionsReader, type Scenario } from "./core.ts";
import { executeRun, shapeRequest } from "./execute-run.ts";
import type { RebalanceDeps } from "./simulate.ts";

export const ANALYZE_SCOPE = "rebalance.analyze";

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
  const asRead = freeMap(
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
  deps: Pick<RebalanceDeps, "ids" | "engineVersion" | "storesArtifacts"> & { readonly now: Date },
  givenCorrelationId: string | null,
  batch: ReadBatch,
  policyPack: PolicyPack | undefined,
): ExecutedBatch {
  const batchRunId = deps.ids("batch_");
  const createdAt = deps.now.toISOString();
  const circumstances = { createdAt, batchRunId, storesArtifact: deps.storesArtifacts };
  const executed = batch.scenarios.flatMap((scenario) => {
    if (!("input" in scenario)) return [];
    const identity = {
      runId: deps.ids("rr_"),
      correlationId: `${givenCorrelationId ?? batchRunId}:${scenario.name}`,
      requestHash: `${batchRunId}:${scenario.name}`,
      idempotencyKey: null,
      engineVersion: deps.engineVersion,
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
export async function analyze(
  deps: RebalanceDeps,
  caller: BatchCaller,
  request: BatchRebalanceRequest,
  readOptions: OptionsReader,
): Promise<OnceOutcome> {
  const { tenantId, idempotencyKey: key } = caller;
  const batch = readBatch(request, readOptions);
  const policyPack = await readPolicyPack(deps.once.database, tenantId, caller.policyPackId);
  let executed: ExecutedBatch | undefined;
  const prepare = (): ExecutedBatch => {
    executed = executeBatch(
      { ...deps, now: deps.once.clock() },
      caller.givenCorrelationId,
      batch,
      policyPack,
    );
    return executed;
  };
  const write = async (tx: Tx, executed: ExecutedBatch) => {
    await insertBatch(tx, tenantId, executed);
    return { answer: { status: 200, body: executed.resultText }, keep: true };
  };
  // A batch of which every scenario failed has written nothing that could be lost.
  const landed = async (tx: Tx, { runs: [first] }: ExecutedBatch) =>
    first === undefined || (await runExists(tx, tenantId, first.rebalanceRunId));
  const outcome =
    key === null
      ? await always(deps.once, tenantId, { prepare, write, landed })
      : await once(
          deps.once,
          { tenantId, scope: ANALYZE_SCOPE, key, payloadHash: batch.requestHash },
          { prepare, write },
        );
  if (executed !== undefined && outcome.kind === "answered" && !outcome.replayed) countRuns(deps, executed);
  return outcome;
}

/** Called once the runs are committed. */
export function countRuns({ onRun }: Pick<RebalanceDeps, "onRun">, { runs }: ExecutedBatch): void {
  for (const { status } of runs) onRun(status);
}

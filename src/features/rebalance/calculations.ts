import type { UnknownFields } from "../../contract/faults.ts";
import type { RulesVersion } from "../../contract/options.ts";
import type { RunIdentity } from "../../engine/rebalance/simulate.ts";
import type { DocumentText } from "../../platform/body-type.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import type { Calculation } from "../../platform/threads.ts";
import type { PackInForce } from "../policies/core.ts";
import type { RunRecord } from "../runs/repository.ts";
import { AnalyzeBody, RebalanceBody } from "./bodies.ts";
import { batchResult, optionsReader, readScenarios, type Scenario } from "./core.ts";
import { executeRun, shapeRequest, type RunCircumstances } from "./execute-run.ts";

export type RunInput = PackInForce & {
  readonly document: DocumentText;
  readonly identity: RunIdentity;
  readonly circumstances: RunCircumstances;
};

/** One rebalance: the record of its run, with all its texts and hashes. */
export const CALCULATE_RUN: Calculation<RunInput, RunRecord> = {
  name: "calculate a rebalance",
  compute: ({ document, identity, circumstances, ...pack }) => {
    const shaped = shapeRequest(RebalanceBody.valueOf(document), document.text, pack);
    return executeRun(shaped, identity, circumstances).record;
  },
};

export type BatchInput = PackInForce & {
  readonly document: DocumentText;
  readonly unknownFields: UnknownFields;
  /** Why the options of a scenario could not be used when the body was read, by its name. */
  readonly faults: ReadonlyMap<string, string>;
  readonly batchRunId: string;
  /** Enough for every scenario that can run. */
  readonly runIds: readonly string[];
  /** Leads the correlation ids of the runs. */
  readonly correlationId: string;
  readonly engineVersion: string;
  readonly defaultRulesVersion: RulesVersion;
  readonly createdAt: string;
  readonly storesArtifact: boolean;
};

/** A batch that was calculated and is not yet written. */
export type ExecutedBatch = {
  readonly batchRunId: string;
  readonly runs: readonly RunRecord[];
  readonly resultText: string;
};

/** Every scenario that can run, under the policy pack, and the answer that shows them side by side. */
export const CALCULATE_BATCH: Calculation<BatchInput, ExecutedBatch> = {
  name: "calculate a batch",
  compute: (input) => {
    const { batchRunId, createdAt } = input;
    const request = AnalyzeBody.valueOf(input.document);
    const scenarios = readScenarios(request, optionsReader(input.unknownFields)).map((scenario) =>
      "fault" in scenario
        ? { ...scenario, fault: input.faults.get(scenario.name) ?? scenario.fault }
        : scenario,
    );
    const executed = executeScenarios(scenarios, input);
    const result = batchResult(batchRunId, createdAt, request, scenarios, executed);
    return { batchRunId, runs: executed.map(({ record }) => record), resultText: canonicalJson(result) };
  },
};

function executeScenarios(scenarios: readonly Scenario[], input: BatchInput) {
  const { batchRunId, correlationId, createdAt, storesArtifact } = input;
  const { engineVersion, defaultRulesVersion } = input;
  const runIds = input.runIds.values();
  return scenarios.flatMap((scenario) => {
    if (!("input" in scenario)) return [];
    const { value: runId } = runIds.next();
    if (runId === undefined) throw new Error("a batch has more scenarios than ids");
    const identity = {
      runId,
      correlationId: `${correlationId}:${scenario.name}`,
      requestHash: `${batchRunId}:${scenario.name}`,
      idempotencyKey: null,
      engineVersion,
      defaultRulesVersion,
    };
    const shaped = shapeRequest(scenario.input, canonicalJson(scenario.input), input);
    const circumstances = { createdAt, batchRunId, storesArtifact };
    return [{ name: scenario.name, ...executeRun(shaped, identity, circumstances) }];
  });
}

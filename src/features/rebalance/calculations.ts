import type { UnknownFields } from "../../contract/faults.ts";
import type { RulesVersion } from "../../contract/options.ts";
import type { BatchRebalanceRequest } from "../../contract/rebalance.ts";
import type { RunIdentity } from "../../engine/rebalance/simulate.ts";
import { faultsOf } from "../../engine/versions.ts";
import type { DocumentText } from "../../platform/body-type.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinLarge } from "../../platform/json/join-json.ts";
import { handedOver, type Text } from "../../platform/text-parts.ts";
import type { Calculation } from "../../platform/threads.ts";
import type { PackInForce } from "../policies/core.ts";
import type { MadeRun, RunRecord } from "../runs/repository.ts";
import { refusedInput, sentenceOf, type RefusedInput } from "../../platform/refused-input.ts";
import { AnalyzeBody, RebalanceBody } from "./bodies.ts";
import { batchResult, optionsReader, readScenarios } from "./core.ts";
import { executeRun, shapeRequest, type RunCircumstances, type ShapedRequest } from "./execute-run.ts";

export type RunInput = PackInForce & {
  readonly document: DocumentText;
  readonly identity: RunIdentity;
  readonly circumstances: RunCircumstances;
};

/** One rebalance: the record of its run, with all its texts and hashes, or why the rules in force cannot take it. */
export const CALCULATE_RUN: Calculation<RunInput, MadeRun | RefusedInput> = {
  name: "calculate a rebalance",
  compute: ({ document, identity, circumstances, ...pack }) => {
    const shaped = shapeRequest(RebalanceBody.valueOf(document), document.text, pack);
    const refused = refusedInput(faultsOf(shaped.input, identity.defaultRulesVersion));
    return refused ?? madeRun(executeRun(shaped, identity, circumstances).record);
  },
};

function madeRun(run: RunRecord): MadeRun {
  const { input_text, request_text, result_text, artifact_text } = run;
  return {
    ...run,
    input_text: handedOver(input_text),
    request_text: request_text === null ? null : handedOver(request_text),
    result_text: handedOver(result_text),
    artifact_text: artifact_text === null ? null : handedOver(artifact_text),
  };
}

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
  readonly runs: readonly MadeRun[];
  readonly resultText: Text;
};

/** Every scenario that can run, under the policy pack, and the answer that shows them side by side. */
export const CALCULATE_BATCH: Calculation<BatchInput, ExecutedBatch> = {
  name: "calculate a batch",
  compute: (input) => {
    const { batchRunId, createdAt } = input;
    const request = AnalyzeBody.valueOf(input.document);
    const scenarios = shapeScenarios(request, input);
    const executed = executeScenarios(scenarios, input);
    const { results: _, ...about } = batchResult(batchRunId, createdAt, request, scenarios, executed);
    const made = executed.map(({ name, record }) => ({ name, run: madeRun(record) }));
    // The results of the runs are written already: they stand in the answer as they are.
    const results = joinLarge(Object.fromEntries(made.map(({ name, run }) => [name, run.result_text])));
    const members = Object.entries(about).map(([name, member]) => [name, canonicalJson(member)] as const);
    const resultText = joinLarge({ ...Object.fromEntries(members), results });
    return { batchRunId, runs: made.map(({ run }) => run), resultText };
  },
};

type ShapedScenario =
  | { readonly name: string; readonly shaped: ShapedRequest }
  | { readonly name: string; readonly fault: string };

/** The scenarios with the options in force. Rules that cannot take the inputs fail the scenarios that they are for. */
function shapeScenarios(request: BatchRebalanceRequest, input: BatchInput): ShapedScenario[] {
  const { defaultRulesVersion, faults, unknownFields } = input;
  return readScenarios(request, optionsReader(unknownFields)).map((scenario) => {
    const { name } = scenario;
    if ("fault" in scenario) return { name, fault: faults.get(name) ?? scenario.fault };
    const shaped = shapeRequest(scenario.input, canonicalJson(scenario.input), input);
    const refused = refusedInput(faultsOf(shaped.input, defaultRulesVersion));
    return refused === undefined ? { name, shaped } : { name, fault: sentenceOf(refused) };
  });
}

function executeScenarios(scenarios: readonly ShapedScenario[], input: BatchInput) {
  const { batchRunId, correlationId, createdAt, storesArtifact } = input;
  const { engineVersion, defaultRulesVersion } = input;
  const runIds = input.runIds.values();
  return scenarios.flatMap((scenario) => {
    if (!("shaped" in scenario)) return [];
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
    const circumstances = { createdAt, batchRunId, storesArtifact };
    return [{ name: scenario.name, ...executeRun(scenario.shaped, identity, circumstances) }];
  });
}

import type { Fault } from "../../contract/faults.ts";
import { mapFrom } from "../../contract/maps.ts";
import { FIRST_RULES_VERSION } from "../../contract/options.ts";
import { BatchRebalanceRequest, RebalanceRequest } from "../../contract/rebalance.ts";
import { faultsOf } from "../../engine/versions.ts";
import { BodyType, type Document } from "../../platform/body-type.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { costOfBatch, costOfRun, instrumentsOf, optionsReader, readScenarios } from "./core.ts";

/** `cost`: estimated work, in positions that are calculated once. */
export type RebalanceDocument = Document<{ readonly cost: number }>;

export const RebalanceBody = new BodyType("a rebalance", RebalanceRequest, (request) => ({
  text: canonicalJson(request),
  facts: { cost: costOfRun(request, request.options) },
  // Of rules that the request names itself; what pack and deployment choose is known when it is calculated.
  faults: faultsOf(request, FIRST_RULES_VERSION),
}));

/** `faults`: why the options of a scenario cannot be used, by its name. */
export type BatchDocument = Document<{
  readonly cost: number;
  readonly faults: ReadonlyMap<string, string>;
}>;

/** Positions × scenarios of a batch whose caller waits for the answer, and of one that is done later. */
export const MOST_CALCULATED = 20_000;
export const MOST_CALCULATED_ASYNC = 100_000;

export const AnalyzeBody = batchBody("a batch", MOST_CALCULATED);
export const AnalyzeAsyncBody = batchBody("a batch for later", MOST_CALCULATED_ASYNC);

/** Two spellings of one batch have one text: it has the options as they were read. */
function batchBody(name: string, most: number) {
  return new BodyType(name, BatchRebalanceRequest, (request, unknownFields) => {
    const scenarios = readScenarios(request, optionsReader(unknownFields));
    const asRead = scenarios.map((scenario) => {
      const sent = request.scenarios[scenario.name];
      const options = "input" in scenario ? scenario.input.options : sent?.options;
      return [scenario.name, { description: sent?.description ?? null, options }] as const;
    });
    const faults = scenarios.flatMap((scenario): [string, string][] =>
      "fault" in scenario ? [[scenario.name, scenario.fault]] : [],
    );
    return {
      text: canonicalJson({ ...request, scenarios: mapFrom(asRead) }),
      facts: { cost: costOfBatch(request, scenarios), faults: new Map(faults) },
      faults: tooLarge(instrumentsOf(request) * scenarios.length, most),
    };
  });
}

function tooLarge(calculated: number, most: number): Fault[] {
  if (calculated <= most) return [];
  const msg = `positions (or targets, where there are more) times scenarios must be at most ${most}, not ${calculated}`;
  return [{ path: ["scenarios"], msg, code: "BATCH_TOO_LARGE" }];
}

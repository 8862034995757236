import { describe, expect, test } from "vitest";
import { readScenarioOptions } from "../../../src/contract/scenario-options.ts";
import { BatchRebalanceRequest, BatchRebalanceResult } from "../../../src/contract/rebalance.ts";
import { simulateRebalance } from "../../../src/engine/rebalance/simulate.ts";
import { batchResult, readScenarios } from "../../../src/features/rebalance/core.ts";
import { differences } from "../../support/compare.ts";
import { RUN_IDENTITY } from "../../support/rebalance-request.ts";
import { readVectors } from "../../support/vectors.ts";

describe("the analysis of what-if batches reproduces", () => {
  test.each(readVectors("dev-batch"))("$id $title", ({ request, expected }) => {
    const batch = BatchRebalanceRequest.parse(request);
    const scenarios = readScenarios(batch, (options) => readScenarioOptions(options, "refuse"));
    const results = scenarios.flatMap((scenario) =>
      "input" in scenario
        ? [{ name: scenario.name, result: simulateRebalance(scenario.input, RUN_IDENTITY) }]
        : [],
    );
    const answer = batchResult("batch_1", "2026-01-01T00:00:00.000Z", batch, scenarios, results);
    expect(differences(expected, answer)).toEqual([]);
    BatchRebalanceResult.parse(answer);
  });
});

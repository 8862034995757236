import { describe, expect, test } from "vitest";
import { RebalanceRequest } from "../../../../src/contract/rebalance.ts";
import { simulateRebalance } from "../../../../src/engine/rebalance/simulate.ts";
import { differences } from "../../../support/compare.ts";
import { readVectors } from "../../../support/vectors.ts";

const identity = {
  runId: "rr_1",
  correlationId: "corr_1",
  requestHash: "sha256:0",
  idempotencyKey: null,
  engineVersion: "0.0.0",
  defaultRulesVersion: "1",
} as const;

describe("the rebalance engine reproduces", () => {
  test.each(readVectors("dev-dpm"))("$id $title", ({ request, expected }) => {
    const result = simulateRebalance(RebalanceRequest.parse(request), identity);
    expect(differences(expected, result)).toEqual([]);
  });
});

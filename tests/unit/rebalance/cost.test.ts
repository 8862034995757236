import { expect, test } from "vitest";
import { simulateBody } from "../../../scripts/bench/portfolio.ts";
import { RebalanceRequest } from "../../../src/contract/rebalance.ts";
import { costOfRun } from "../../../src/features/rebalance/core.ts";
import { asJsonBody } from "../../support/rebalance-request.ts";

const POSITIONS = 1_000;

function costWith(change: { caps?: readonly string[]; attributes?: object; options?: object }): number {
  const body = simulateBody(POSITIONS);
  const shelf_entries = body.shelf_entries.map((entry) => ({
    ...entry,
    attributes: { ...change.attributes },
  }));
  const group_constraints = Object.fromEntries(
    (change.caps ?? []).map((cap) => [cap, { max_weight: "0.5" }]),
  );
  const options = { ...body.options, ...change.options, group_constraints };
  const request = RebalanceRequest.parse(asJsonBody({ ...body, shelf_entries, options }));
  return costOfRun(request, request.options);
}

const SOLVER = { target_method: "SOLVER" };

test("a run costs its positions; solved, half as much again and a share for each instrument that is capped", () => {
  expect(costWith({})).toBe(POSITIONS);
  expect(costWith({ options: SOLVER })).toBe(1.5 * POSITIONS);
  const attributes = { region: "EU", class: "BOND" };
  const caps = ["region:EU", "class:BOND", "class:EQUITY"];
  expect(costWith({ attributes, caps })).toBe(POSITIONS);
  expect(costWith({ attributes, caps, options: SOLVER })).toBeCloseTo(1.6 * POSITIONS);
  expect(costWith({ attributes, caps, options: { compare_target_methods: true } })).toBeCloseTo(
    1.6 * POSITIONS,
  );
});

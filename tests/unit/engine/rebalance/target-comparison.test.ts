import { describe, expect, test } from "vitest";
import { simulateRebalance } from "../../../../src/engine/rebalance/simulate.ts";
import { RUN_IDENTITY, rebalanceRequest, type Holding } from "../../../support/rebalance-request.ts";

function compareMethods(holdings: readonly Holding[], options: Readonly<Record<string, unknown>>) {
  const request = rebalanceRequest(holdings, { compare_target_methods: true, ...options });
  const result = simulateRebalance(request, RUN_IDENTITY);
  return { ...result, comparison: result.explanation["target_method_comparison"] };
}

const overInvested = [
  { id: "B", target: "0.4" },
  { id: "A", target: "0.8" },
];

describe("comparing target methods", () => {
  test("says nothing unless asked", () => {
    const result = simulateRebalance(rebalanceRequest(overInvested), RUN_IDENTITY);
    expect(result.explanation).toEqual({ summary: "PENDING_REVIEW", target_method_comparison: null });
  });

  test("finds agreement where both keep the model", () => {
    const { comparison, diagnostics } = compareMethods([{ id: "A", target: "0.5" }], {});
    expect(comparison).toEqual({
      alternate_method: "SOLVER",
      alternate_status: "READY",
      alternate_warnings: [],
      differing_instruments: [],
      primary_method: "HEURISTIC",
      primary_status: "READY",
      tolerance: "0.0001",
    });
    expect(diagnostics.warnings).toEqual([]);
  });

  test("names the instruments that differ, sorted, and warns of both divergences", () => {
    // The heuristic scales to 0.3333 and 0.6667 and asks for a review; the solver takes 0.1 from each.
    const { comparison, diagnostics } = compareMethods(overInvested, {});
    expect(comparison).toMatchObject({
      alternate_status: "READY",
      differing_instruments: ["A", "B"],
      primary_status: "PENDING_REVIEW",
    });
    expect(diagnostics.warnings).toEqual([
      "TARGET_METHOD_STATUS_DIVERGENCE",
      "TARGET_METHOD_WEIGHT_DIVERGENCE",
    ]);
  });

  test("counts a difference only above the tolerance", () => {
    const { comparison, diagnostics } = compareMethods(overInvested, {
      compare_target_methods_tolerance: "0.0334",
    });
    expect(comparison).toMatchObject({ differing_instruments: [], tolerance: "0.0334" });
    expect(diagnostics.warnings).toEqual(["TARGET_METHOD_STATUS_DIVERGENCE"]);
  });

  test("keeps the other method's findings out of the run's own", () => {
    const tech = { attributes: { sector: "TECH" } };
    const { comparison, diagnostics } = compareMethods([{ id: "A", target: "0.5", ...tech }], {
      group_constraints: { "region:EU": { max_weight: "0.1" }, "region:US": { max_weight: "0.1" } },
      target_method: "SOLVER",
      single_position_max_weight: "0.4",
    });
    const unknown = "UNKNOWN_CONSTRAINT_ATTRIBUTE_region";
    expect(comparison).toMatchObject({
      alternate_method: "HEURISTIC",
      alternate_status: "PENDING_REVIEW",
      alternate_warnings: [unknown],
      primary_method: "SOLVER",
    });
    expect(diagnostics.warnings).toEqual([unknown, unknown, "TARGET_METHOD_STATUS_DIVERGENCE"]);
    expect(diagnostics.group_constraint_events).toEqual([]);
  });

  test("counts an instrument that a blocked method has no weight for as zero", () => {
    const { comparison } = compareMethods([{ id: "A", target: "0.5" }], {
      cash_band_max_weight: "0.2",
      single_position_max_weight: "0.6",
    });
    expect(comparison).toMatchObject({
      alternate_status: "BLOCKED",
      alternate_warnings: ["INFEASIBILITY_HINT_SINGLE_POSITION_CAPACITY", "INFEASIBLE_INFEASIBLE"],
      differing_instruments: ["A"],
    });
  });

  test("a blocked run keeps the warnings, not the comparison", () => {
    const result = compareMethods([{ id: "A", target: "0.5" }], {
      cash_band_max_weight: "0.2",
      single_position_max_weight: "0.6",
      target_method: "SOLVER",
    });
    expect(result.explanation).toEqual({ summary: "Blocked" });
    expect(result.diagnostics.warnings).toEqual([
      "INFEASIBLE_INFEASIBLE",
      "INFEASIBILITY_HINT_SINGLE_POSITION_CAPACITY",
      "TARGET_METHOD_STATUS_DIVERGENCE",
      "TARGET_METHOD_WEIGHT_DIVERGENCE",
    ]);
  });
});

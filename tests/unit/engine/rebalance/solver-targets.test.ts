import { describe, expect, test } from "vitest";
import { simulateRebalance } from "../../../../src/engine/rebalance/simulate.ts";
import { RUN_IDENTITY, rebalanceRequest, type Holding } from "../../../support/rebalance-request.ts";

function solve(holdings: readonly Holding[], options: Readonly<Record<string, unknown>> = {}, cash?: string) {
  const request = rebalanceRequest(holdings, { target_method: "SOLVER", ...options }, cash);
  const result = simulateRebalance(request, RUN_IDENTITY);
  const weights = Object.fromEntries(
    result.target.targets.map(({ instrument_id, final_weight }) => [instrument_id, final_weight]),
  );
  return { ...result, warnings: result.diagnostics.warnings, weights };
}

const tech = { attributes: { sector: "TECH" } };

const DOCUMENTED = [
  { id: "A", target: "0.4", ...tech },
  { id: "B", target: "0.3", ...tech },
  { id: "C", target: "0.2" },
  { id: "D", target: "0.1" },
];

const documentedLimits = (single_position_max_weight: string, techMaxWeight: string) => ({
  cash_band_max_weight: "0.02",
  group_constraints: { "sector:TECH": { max_weight: techMaxWeight } },
  single_position_max_weight,
});

describe("the solver", () => {
  test("keeps the model where it obeys every constraint", () => {
    const { status, weights } = solve([
      { id: "A", target: "0.5" },
      { id: "B", target: "0.25" },
    ]);
    expect(status).toBe("READY");
    expect(weights).toEqual({ A: "0.5", B: "0.25" });
  });

  test("takes the same from each where the cash band leaves too little room", () => {
    const holdings = [
      { id: "A", target: "0.6" },
      { id: "B", target: "0.4" },
    ];
    expect(solve(holdings, { cash_band_min_weight: "0.1" }).weights).toEqual({ A: "0.55", B: "0.35" });
  });

  test("adds the same to each where the cash band asks to invest more", () => {
    const holdings = [
      { id: "A", target: "0.5" },
      { id: "B", target: "0.2" },
    ];
    expect(solve(holdings, { cash_band_max_weight: "0.1" }).weights).toEqual({ A: "0.6", B: "0.3" });
  });

  test("quantizes half-even, ties by their true value", () => {
    const eighths = ["A", "B", "C", "D", "E", "F", "G", "H"].map((id) => ({ id, target: "0.125" }));
    const { weights } = solve(eighths, { cash_band_min_weight: "0.01" });
    expect(new Set(Object.values(weights))).toEqual(new Set(["0.1238"]));
    const tie = solve([{ id: "A", target: "0.12345" }], {}).weights;
    expect(tie).toEqual({ A: "0.1234" });
  });

  test("never answers below zero, whatever the model says", () => {
    const { weights } = solve([
      { id: "A", target: "-0.2" },
      { id: "B", target: "0.5" },
    ]);
    expect(weights).toEqual({ A: "0", B: "0.5" });
  });

  test("respects the single position limit and caps of groups at once", () => {
    const { weights, status } = solve(
      [
        { id: "A", target: "0.5", ...tech },
        { id: "B", target: "0.3", ...tech },
        { id: "C", target: "0.2" },
      ],
      {
        group_constraints: { "sector:TECH": { max_weight: "0.6" } },
        single_position_max_weight: "0.35",
        cash_band_max_weight: "0.05",
      },
    );
    // A is cut to the limit, B to what the group leaves, C takes as much as it may.
    expect(weights).toEqual({ A: "0.35", B: "0.25", C: "0.35" });
    expect(status).toBe("READY");
  });

  test("solves the worked example of docs/solver.md", () => {
    expect(solve(DOCUMENTED, documentedLimits("0.33", "0.6")).weights).toEqual({
      A: "0.33",
      B: "0.27",
      C: "0.24",
      D: "0.14",
    });
    const infeasible = solve(DOCUMENTED, documentedLimits("0.3", "0.3"));
    expect([infeasible.status, infeasible.warnings]).toEqual(["BLOCKED", ["INFEASIBLE_INFEASIBLE"]]);
  });

  test("counts what is locked against the cash band and against the group", () => {
    const { weights } = solve(
      [
        { id: "LOCKED", quantity: "250", status: "SUSPENDED", ...tech },
        { id: "A", target: "0.5", ...tech },
        { id: "B", target: "0.5" },
      ],
      { group_constraints: { "sector:TECH": { max_weight: "0.4" } } },
      "750",
    );
    // 0.25 is locked: 0.15 is left for A by the group, 0.75 for both by the sum.
    expect(weights).toEqual({ A: "0.15", B: "0.5", LOCKED: "0.25" });
  });

  test("works from the model weights, not from those that SELL_ONLY targets were shared out to", () => {
    const { weights, status } = solve([
      { id: "OLD", target: "0.2", status: "SELL_ONLY" },
      { id: "A", target: "0.3" },
    ]);
    expect(weights).toEqual({ A: "0.3", OLD: "0" });
    expect(status).toBe("READY");
  });

  test("asks for a review where nobody can take what SELL_ONLY targets leave", () => {
    const nobody = solve([{ id: "OLD", target: "0.2", status: "SELL_ONLY" }]);
    expect([nobody.status, nobody.weights]).toEqual(["PENDING_REVIEW", { OLD: "0" }]);
    const weightless = solve([
      { id: "OLD", target: "0.2", status: "SELL_ONLY" },
      { id: "A", target: "0" },
    ]);
    expect([weightless.status, weightless.weights]).toEqual(["PENDING_REVIEW", { A: "0", OLD: "0" }]);
  });

  test("leaves the trace as it stands without anything to buy", () => {
    const { weights, warnings } = solve(
      [{ id: "A", quantity: "10" }],
      { cash_band_max_weight: "0", group_constraints: { "no:where": { max_weight: "0" } } },
      "10",
    );
    expect(weights).toEqual({ A: "0" });
    expect(warnings).toEqual([]);
  });

  test("warns of constraints on attributes that nobody has, and goes on", () => {
    const { warnings, weights } = solve([{ id: "A", target: "0.5", ...tech }], {
      group_constraints: {
        "region:EU": { max_weight: "0" },
        "sector:BANKS": { max_weight: "0" },
        "sector:TECH": { max_weight: "0.4" },
      },
    });
    expect(warnings).toEqual(["UNKNOWN_CONSTRAINT_ATTRIBUTE_region"]);
    expect(weights).toEqual({ A: "0.4" });
  });

  test("weighs a repeated target once, with its last weight", () => {
    const { target } = solve([
      { id: "A", target: "0.1" },
      { id: "B", target: "0.3" },
      { id: "A", target: "0.2" },
    ]);
    expect(target.targets.map(({ final_weight, instrument_id }) => [instrument_id, final_weight])).toEqual([
      ["A", "0.2"],
      ["B", "0.3"],
      ["A", "0.2"],
    ]);
  });
});

describe("an infeasible problem", () => {
  const two = [
    { id: "A", target: "0.5", ...tech },
    { id: "B", target: "0.5" },
  ];

  test("blocks the run with an empty trace", () => {
    const result = solve(two, { single_position_max_weight: "0.3", cash_band_max_weight: "0.1" });
    expect(result.status).toBe("BLOCKED");
    expect(result.target.targets).toEqual([]);
    expect(result.explanation).toEqual({ summary: "Blocked" });
    expect(result.intents).toEqual([]);
    expect(result.universe.coverage).toEqual({ fx_coverage_pct: "0", price_coverage_pct: "0" });
    expect(result.after_simulated).toEqual(result.before);
    expect(result.gate_decision?.gate).toBe("BLOCKED");
  });

  test("hints at limits that cannot hold what must be invested", () => {
    const { warnings } = solve(two, { single_position_max_weight: "0.3", cash_band_max_weight: "0.1" });
    expect(warnings).toEqual(["INFEASIBLE_INFEASIBLE", "INFEASIBILITY_HINT_SINGLE_POSITION_CAPACITY"]);
  });

  test("is none while the limits hold exactly what must be invested", () => {
    const { weights, warnings } = solve(two, {
      single_position_max_weight: "0.45",
      cash_band_max_weight: "0.1",
    });
    expect(warnings).toEqual([]);
    expect(weights).toEqual({ A: "0.45", B: "0.45" });
  });

  test("hints at a cash band that contradicts itself", () => {
    const { warnings } = solve(two, { cash_band_min_weight: "0.2", cash_band_max_weight: "0.1" });
    expect(warnings).toEqual(["INFEASIBLE_INFEASIBLE", "INFEASIBILITY_HINT_CASH_BAND_CONTRADICTION"]);
  });

  test("hints at groups whose locked members are over the cap, in order of their keys", () => {
    const locked = { attributes: { region: "EU", sector: "TECH" }, status: "BANNED" };
    const { warnings } = solve(
      [...two, { id: "LOCKED", quantity: "500", ...locked }],
      { group_constraints: { "sector:TECH": { max_weight: "0.4" }, "region:EU": { max_weight: "0.3" } } },
      "500",
    );
    expect(warnings).toEqual([
      "INFEASIBLE_INFEASIBLE",
      "INFEASIBILITY_HINT_LOCKED_GROUP_WEIGHT_region:EU",
      "INFEASIBILITY_HINT_LOCKED_GROUP_WEIGHT_sector:TECH",
    ]);
  });

  test("needs no hint where only the groups together make it so", () => {
    const { warnings, status } = solve(two, {
      cash_band_max_weight: "0.1",
      group_constraints: { "sector:TECH": { max_weight: "0.2" } },
      single_position_max_weight: "0.6",
    });
    expect([status, warnings]).toEqual(["BLOCKED", ["INFEASIBLE_INFEASIBLE"]]);
  });
});

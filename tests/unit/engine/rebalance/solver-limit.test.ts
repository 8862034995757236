import { describe, expect, test } from "vitest";
import { emptyDiagnostics } from "../../../../src/engine/diagnostics.ts";
import { MOST_OPERATIONS } from "../../../../src/engine/rebalance/effort.ts";
import { projectTargets } from "../../../../src/engine/rebalance/projection.ts";
import { startRun } from "../../../../src/engine/rebalance/run.ts";
import { solverTargets } from "../../../../src/engine/rebalance/solver-targets.ts";
import { toProblem, type Thousandths } from "../../../support/projection-problems.ts";
import { RUN_IDENTITY, rebalanceRequest } from "../../../support/rebalance-request.ts";

/** Numbers that look random and are the same every time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Caps on the values of attributes with so many values; `tightness` is their part of the model in percent. */
function grouped(
  size: number,
  attributes: readonly number[],
  tightness: (below: (limit: number) => number) => number,
): Thousandths {
  const below = numbers(size);
  const targets = Array.from({ length: size }, () => 10 + below(90));
  const total = (members: readonly number[]): number =>
    members.reduce((sum, index) => sum + (targets[index] ?? 0), 0);
  const groups = attributes.flatMap((values) => {
    const members = Array.from({ length: values }, (): number[] => []);
    for (let index = 0; index < size; index += 1) members[below(values)]?.push(index);
    return members;
  });
  const sum = total([...targets.keys()]);
  const caps = groups.map((members) => ({
    members,
    maximum: Math.floor((total(members) * tightness(below)) / 100),
  }));
  return { targets, minimumSum: Math.floor(sum / 2), maximumSum: sum, maximumWeight: 95, caps };
}

/** Another model over the same constraints, which only the weights of the given one satisfy with room for nothing. */
function elsewhere(problem: Thousandths): Thousandths {
  const below = numbers(7);
  const sum = problem.targets.reduce((all, weight) => all + weight, 0);
  const targets = problem.targets.map((weight) => Math.floor((weight * (30 + below(140))) / 100));
  return { ...problem, targets, minimumSum: sum, maximumSum: sum + 1, maximumWeight: 100 };
}

describe("the work of the solver", () => {
  const HUNDRED_CAPS = [32, 24, 20, 12, 8, 4];

  test.each([
    ["binding in part", grouped(1000, HUNDRED_CAPS, (below) => 90 + below(30))],
    ["binding all", grouped(1000, HUNDRED_CAPS, () => 85)],
    ["binding all and dependent on one another", elsewhere(grouped(1000, [50, 50], () => 100))],
    ["impossible", { ...grouped(1000, HUNDRED_CAPS, () => 90), minimumSum: 52_000 }],
  ])("stays a small part of its bound with a thousand instruments and a hundred caps, %s", (_, problem) => {
    expect(problem.caps.length).toBe(100);
    expect(projectTargets(toProblem(problem), MOST_OPERATIONS / 50).outcome).not.toBe("LIMIT_REACHED");
  });

  test("ends where its bound is reached, at the same place each time", () => {
    const problem = toProblem(grouped(60, [12, 8], () => 85));
    const needed = leastOperations((operations) => projectTargets(problem, operations).outcome === "SOLVED");
    expect(needed).toBeGreaterThan(0);
    for (let again = 0; again < 3; again += 1) {
      expect(projectTargets(problem, needed - 1)).toEqual({ outcome: "LIMIT_REACHED" });
      expect(projectTargets(problem, needed).outcome).toBe("SOLVED");
    }
  });

  test("blocks the run with a warning when it is too much", () => {
    const holdings = [
      { id: "A", target: "0.6", attributes: { sector: "TECH" } },
      { id: "B", target: "0.4" },
    ];
    const options = { target_method: "SOLVER", group_constraints: { "sector:TECH": { max_weight: "0.5" } } };
    const request = rebalanceRequest(holdings, options);
    const { lookups, universe } = startRun(request, RUN_IDENTITY);
    const targetProblem = {
      lookups,
      modelTargets: request.model_portfolio.targets,
      options: request.options,
      shelfEntries: request.shelf_entries,
      universe,
    };
    for (let again = 0; again < 2; again += 1) {
      const diagnostics = emptyDiagnostics();
      const outcome = solverTargets(targetProblem, diagnostics, 100);
      expect(outcome).toEqual({ status: "BLOCKED", weights: new Map() });
      expect(diagnostics.warnings).toEqual(["SOLVER_LIMIT_REACHED"]);
    }
    const diagnostics = emptyDiagnostics();
    expect(solverTargets(targetProblem, diagnostics).status).toBe("READY");
    expect(diagnostics.warnings).toEqual([]);
  });
});

/** The least number of operations that suffice, by bisection. */
function leastOperations(suffices: (operations: number) => boolean): number {
  let [tooFew, enough] = [0, MOST_OPERATIONS];
  while (enough - tooFew > 1) {
    const middle = Math.floor((tooFew + enough) / 2);
    if (suffices(middle)) enough = middle;
    else tooFew = middle;
  }
  return enough;
}

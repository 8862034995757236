import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decimal } from "../../../../src/decimal/decimal.ts";
import { toFixedText, toText } from "../../../../src/decimal/text.ts";
import {
  projectTargets,
  type Projection,
  type ProjectionProblem,
} from "../../../../src/engine/rebalance/projection.ts";
import expectedProjections from "../../../fixtures/projections.json" with { type: "json" };
import {
  distance,
  manyCaps,
  name,
  problems,
  reference,
  toProblem,
  violation,
  weightsOf,
  type Thousandths,
} from "../../../support/projection-problems.ts";

describe("the projection", () => {
  test.each([
    ["a few caps", problems, 500],
    ["many caps", manyCaps, 150],
  ])(
    "is feasible and as near to the model as an unrelated solver comes, with %s",
    (_, arbitrary, numRuns) => {
      fc.assert(
        fc.property(arbitrary, (problem) => {
          const weights = weightsOf(projectTargets(toProblem(problem)));
          const expected = reference(problem);
          if (weights === null) {
            expect(expected).toBe(null);
            return;
          }
          expect(violation(problem, weights)).toBeLessThanOrEqual(1e-15);
          // On redundant rows the other solver gives up now and then; feasibility above is proof enough there.
          if (expected === null) return;
          expect(distance(problem, weights)).toBeLessThanOrEqual(distance(problem, expected) + 1e-12);
          weights.forEach((weight, index) => expect(weight).toBeCloseTo(expected[index] ?? NaN, 9));
        }),
        { numRuns },
      );
    },
  );

  test.each(expectedProjections)(
    "has the expected weights to the last digit: $name",
    ({ problem, expected }) => {
      const { targets, minimumSum, maximumSum, maximumWeight, caps } = problem;
      const projection = projectTargets({
        targets: targets.map(([id = "", weight = ""]) => [id, decimal(weight)]),
        minimumSum: decimal(minimumSum),
        maximumSum: decimal(maximumSum),
        maximumWeight: maximumWeight === null ? null : decimal(maximumWeight),
        caps: caps.map(({ members, maximum }) => ({ members, maximum: decimal(maximum) })),
      });
      const answer =
        projection.outcome === "SOLVED"
          ? Object.fromEntries([...projection.weights].map(([id, weight]) => [id, toText(weight)]))
          : projection.outcome;
      expect(answer).toEqual(expected);
    },
  );

  test("leaves no feasible direction that comes nearer to the model", () => {
    fc.assert(
      fc.property(problems, problems, (problem, other) => {
        const weights = weightsOf(projectTargets(toProblem(problem)));
        // Any other point that keeps the bounds: the projection of another model onto them.
        const elsewhere = weightsOf(
          projectTargets(
            toProblem({ ...problem, targets: problem.targets.map((_, i) => other.targets[i] ?? i * 100) }),
          ),
        );
        if (weights === null || elsewhere === null) {
          expect(weights).toEqual(elsewhere);
          return;
        }
        const product = weights.reduce(
          (sum, weight, i) =>
            sum + ((problem.targets[i] ?? 0) / 1000 - weight) * ((elsewhere[i] ?? 0) - weight),
          0,
        );
        expect(product).toBeLessThanOrEqual(1e-12);
      }),
      { numRuns: 200 },
    );
  });

  test("does not depend on the order of instruments, members or caps", () => {
    fc.assert(
      fc.property(
        problems,
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (problem, keys) => {
          const shuffled = <T>(items: readonly T[]): T[] =>
            items
              .map((item) => ({ item, key: Number(keys.next().value) }))
              .sort((a, b) => a.key - b.key)
              .map(({ item }) => item);
          const given = toProblem(problem);
          const caps = shuffled(given.caps.map((cap) => ({ ...cap, members: shuffled(cap.members) })));
          const texts = (projection: Projection) =>
            projection.outcome === "SOLVED"
              ? [...projection.weights].map(([id, weight]) => `${id} ${toText(weight)}`).sort()
              : projection.outcome;
          const other = projectTargets({ ...given, caps, targets: shuffled(given.targets) });
          expect(texts(other)).toEqual(texts(projectTargets(given)));
        },
      ),
    );
  });

  const plain: Thousandths = {
    targets: [],
    minimumSum: 0,
    maximumSum: 1000,
    maximumWeight: null,
    caps: [],
  };
  const solved = (problem: Partial<Thousandths>): number[] | null =>
    weightsOf(projectTargets(toProblem({ ...plain, ...problem })));

  test("keeps a model that already obeys", () => {
    expect(solved({ targets: [250, 100, 0] })).toEqual([0.25, 0.1, 0]);
  });

  test("takes from all alike when the sum is too large, and not below zero", () => {
    expect(solved({ targets: [600, 500, 50], maximumSum: 900 })).toEqual([0.5, 0.4, 0]);
  });

  test("meets bounds that leave exactly one point", () => {
    expect(solved({ targets: [900, 50, 25, 25], maximumWeight: 250, minimumSum: 1000 })).toEqual([
      0.25, 0.25, 0.25, 0.25,
    ]);
  });

  test("bears caps that repeat, contain or contradict one another", () => {
    const cap = { members: [0, 1], maximum: 300 };
    const whole = { members: [0, 1, 2], maximum: 1000 };
    expect(solved({ targets: [400, 200, 400], caps: [cap, cap, whole] })).toEqual([0.25, 0.05, 0.4]);
    const tight = { members: [2], maximum: 600 };
    expect(solved({ targets: [400, 200, 400], minimumSum: 901, caps: [cap, tight] })).toEqual(null);
    expect(solved({ targets: [400, 200, 400], minimumSum: 900, caps: [cap, tight] })).toEqual([
      0.25, 0.05, 0.6,
    ]);
  });

  test("takes a cap without members for what it says about nothing", () => {
    expect(solved({ targets: [400], caps: [{ members: [], maximum: 0 }] })).toEqual([0.4]);
    expect(solved({ targets: [400], caps: [{ members: [], maximum: -1 }] })).toEqual(null);
  });

  test("decides ties by the true value, not by its double", () => {
    const eighths: ProjectionProblem = {
      targets: Array.from({ length: 8 }, (_, index) => [name(index), decimal("0.125")]),
      minimumSum: decimal(0),
      maximumSum: decimal("0.99"),
      maximumWeight: null,
      caps: [],
    };
    const projection = projectTargets(eighths);
    const texts = projection.outcome === "SOLVED" ? [...projection.weights.values()].map(toText) : [];
    expect(texts).toEqual(Array.from({ length: 8 }, () => "0.12375"));
    expect(toFixedText(decimal("0.12375"), 4)).toBe("0.1238");
  });

  test("tells what misses by less than a double sees", () => {
    const missing = {
      minimumSum: decimal(1),
      maximumSum: decimal(1),
      maximumWeight: decimal("0.333333333333333333"),
    };
    const targets = [0, 1, 2].map((index) => [name(index), decimal("0.3")] as const);
    expect(projectTargets({ ...missing, targets, caps: [] }).outcome).toBe("INFEASIBLE");
    const caps = targets.map(([id]) => ({ members: [id], maximum: decimal("0.333333333333333333") }));
    expect(projectTargets({ ...missing, maximumWeight: null, targets, caps }).outcome).toBe("INFEASIBLE");
    const enough = decimal("0.333333333333333334");
    expect(projectTargets({ ...missing, maximumWeight: enough, targets, caps: [] }).outcome).toBe("SOLVED");
  });

  test("solves thousands of instruments with overlapping caps", () => {
    const targets = Array.from({ length: 3000 }, (_, index) => 1 + ((index * 7919) % 13));
    const caps = [2, 3, 5, 7].map((divisor) => ({
      members: [...targets.keys()].filter((index) => index % divisor === 0),
      maximum: 900 / divisor,
    }));
    const exact = caps.map((cap) => ({ ...cap, maximum: Math.floor(cap.maximum) }));
    const problem = { ...plain, targets, caps: exact, minimumSum: 950, maximumSum: 990, maximumWeight: 2 };
    const weights = solved(problem) ?? [];
    const sum = (members: readonly number[]) =>
      members.reduce((all, index) => all + (weights[index] ?? NaN), 0);
    expect(sum([...targets.keys()])).toBeCloseTo(0.99, 12);
    for (const cap of exact) expect(sum(cap.members)).toBeLessThanOrEqual(cap.maximum / 1000 + 1e-12);
    expect(Math.max(...weights)).toBeLessThanOrEqual(0.002);
    expect(Math.min(...weights)).toBeGreaterThanOrEqual(0);
  });
});

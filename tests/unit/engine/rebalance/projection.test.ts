import fc from "fast-check";
import { solveQP } from "quadprog";
import { describe, expect, test } from "vitest";
import { decimal } from "../../../../src/decimal/decimal.ts";
import { toFixedText, toText } from "../../../../src/decimal/text.ts";
import {
  projectTargets,
  type Projection,
  type ProjectionProblem,
} from "../../../../src/engine/rebalance/projection.ts";

/** A problem in thousandths, so that every number is exact in both solvers. */
type Thousandths = {
  readonly targets: readonly number[];
  readonly minimumSum: number;
  readonly maximumSum: number;
  readonly maximumWeight: number | null;
  readonly caps: readonly { readonly members: readonly number[]; readonly maximum: number }[];
};

const thousandth = (value: number) => decimal(`${value}e-3`);
const name = (index: number): string => `I${index}`;

function toProblem(problem: Thousandths): ProjectionProblem {
  return {
    targets: problem.targets.map((weight, index) => [name(index), thousandth(weight)]),
    minimumSum: thousandth(problem.minimumSum),
    maximumSum: thousandth(problem.maximumSum),
    maximumWeight: problem.maximumWeight === null ? null : thousandth(problem.maximumWeight),
    caps: problem.caps.map(({ members, maximum }) => ({
      members: members.map(name),
      maximum: thousandth(maximum),
    })),
  };
}

const problems: fc.Arbitrary<Thousandths> = fc.integer({ min: 1, max: 9 }).chain((size) =>
  fc.record({
    targets: fc.array(fc.integer({ min: -100, max: 700 }), { minLength: size, maxLength: size }),
    minimumSum: fc.integer({ min: -200, max: 1000 }),
    maximumSum: fc.integer({ min: 300, max: 1200 }),
    maximumWeight: fc.option(fc.integer({ min: 0, max: 600 })),
    caps: fc.array(
      fc.record({
        members: fc.subarray([...Array(size).keys()]),
        maximum: fc.integer({ min: -20, max: 800 }),
      }),
      { maxLength: 5 },
    ),
  }),
);

type Row = { readonly normal: number[]; readonly least: number };

/** Every bound as normal · w ≥ least, in units of weight. */
function boundsOf({ targets, minimumSum, maximumSum, maximumWeight, caps }: Thousandths): Row[] {
  const along = (sign: number, members: readonly number[]) =>
    targets.map((_, index) => (members.includes(index) ? sign : 0));
  const all = [...targets.keys()];
  return [
    { normal: along(1, all), least: minimumSum / 1000 },
    { normal: along(-1, all), least: -maximumSum / 1000 },
    ...all.map((index) => ({ normal: along(1, [index]), least: 0 })),
    ...(maximumWeight === null
      ? []
      : all.map((index) => ({ normal: along(-1, [index]), least: -maximumWeight / 1000 }))),
    ...caps.map(({ members, maximum }) => ({ normal: along(-1, members), least: -maximum / 1000 })),
  ];
}

/** The same problem by an unrelated implementation; null when it finds no solution. */
function reference(problem: Thousandths): number[] | null {
  const rows = boundsOf(problem);
  const fromOne = <T>(values: T[]): T[] => [values[0] as T, ...values];
  const size = problem.targets.length;
  const identity = problem.targets.map((_, row) =>
    fromOne(Array.from({ length: size }, (__, column) => (row === column ? 1 : 0))),
  );
  const columns = Array.from({ length: size }, (_, index) =>
    fromOne(rows.map(({ normal }) => normal[index] ?? 0)),
  );
  const { solution, message } = solveQP(
    fromOne(identity),
    fromOne(problem.targets.map((weight) => weight / 1000)),
    fromOne(columns),
    fromOne(rows.map(({ least }) => least)),
  );
  const weights = solution.slice(1);
  return message === "" && violation(problem, weights) < 1e-9 ? weights : null;
}

function violation(problem: Thousandths, weights: readonly number[]): number {
  return Math.max(
    ...boundsOf(problem).map(({ normal, least }) =>
      normal.reduce((rest, factor, index) => rest - factor * (weights[index] ?? 0), least),
    ),
  );
}

function distance(problem: Thousandths, weights: readonly number[]): number {
  return problem.targets.reduce(
    (sum, weight, index) => sum + (weight / 1000 - (weights[index] ?? 0)) ** 2,
    0,
  );
}

function weightsOf(projection: Projection): number[] | null {
  if (projection.outcome !== "SOLVED") return null;
  const entries = [...projection.weights].sort(([a], [b]) => Number(a.slice(1)) - Number(b.slice(1)));
  return entries.map(([, weight]) => Number(toText(weight)));
}

describe("the projection", () => {
  test("is feasible and as near to the model as an unrelated solver comes", () => {
    fc.assert(
      fc.property(problems, (problem) => {
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
      { numRuns: 500 },
    );
  });

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

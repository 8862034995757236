import fc from "fast-check";
import { solveQP } from "quadprog";
import { decimal, type Decimal } from "../../src/decimal/decimal.ts";
import { toText } from "../../src/decimal/text.ts";
import type { Projection, ProjectionProblem } from "../../src/engine/rebalance/projection.ts";

/** A problem in thousandths, so that every number is exact in both solvers. */
export type Thousandths = {
  readonly targets: readonly number[];
  readonly minimumSum: number;
  readonly maximumSum: number;
  readonly maximumWeight: number | null;
  readonly caps: readonly { readonly members: readonly number[]; readonly maximum: number }[];
};

const thousandth = (value: number): Decimal => decimal(`${value}e-3`);
export const name = (index: number): string => `I${index}`;

export function toProblem(problem: Thousandths): ProjectionProblem {
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

export const problems: fc.Arbitrary<Thousandths> = fc.integer({ min: 1, max: 9 }).chain((size) =>
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
export function reference(problem: Thousandths): number[] | null {
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

export function violation(problem: Thousandths, weights: readonly number[]): number {
  return Math.max(
    ...boundsOf(problem).map(({ normal, least }) =>
      normal.reduce((rest, factor, index) => rest - factor * (weights[index] ?? 0), least),
    ),
  );
}

export function distance(problem: Thousandths, weights: readonly number[]): number {
  return problem.targets.reduce(
    (sum, weight, index) => sum + (weight / 1000 - (weights[index] ?? 0)) ** 2,
    0,
  );
}

export function weightsOf(projection: Projection): number[] | null {
  if (projection.outcome !== "SOLVED") return null;
  const entries = [...projection.weights].sort(([a], [b]) => Number(a.slice(1)) - Number(b.slice(1)));
  return entries.map(([, weight]) => Number(toText(weight)));
}

/** Attributes of the instruments of a problem: one value for each instrument. */
const attributes = (size: number): fc.Arbitrary<number[][]> =>
  fc.array(
    fc
      .integer({ min: 2, max: 12 })
      .chain((values) =>
        fc.array(fc.integer({ min: 0, max: values - 1 }), { minLength: size, maxLength: size }),
      ),
    { minLength: 1, maxLength: 5 },
  );

/**
 * Problems with many caps, as group constraints make them: one for each value of several attributes. Their limits
 * lie around what the groups have in the model, often exactly there; then caps depend on one another.
 */
export const manyCaps: fc.Arbitrary<Thousandths> = fc.integer({ min: 10, max: 30 }).chain((size) =>
  fc
    .record({
      targets: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: size, maxLength: size }),
      attributes: attributes(size),
      tightness: fc.array(fc.constantFrom(0.7, 0.9, 1, 1, 1.1, 1.3), { minLength: 60, maxLength: 60 }),
      least: fc.constantFrom(0.3, 0.8, 0.9, 0.95, 1),
      maximumWeight: fc.option(fc.integer({ min: 20, max: 60 })),
    })
    .map(({ targets, attributes: valuesOf, tightness, least, maximumWeight }) => {
      const total = (members: readonly number[]): number =>
        members.reduce((sum, index) => sum + (targets[index] ?? 0), 0);
      const groups = valuesOf.flatMap((values) =>
        [...new Set(values)].map((value) => [...values.keys()].filter((index) => values[index] === value)),
      );
      const sum = total([...targets.keys()]);
      return {
        targets,
        minimumSum: Math.floor(sum * least),
        maximumSum: sum,
        maximumWeight,
        caps: groups.map((members, at) => ({
          members,
          maximum: Math.floor(total(members) * (tightness[at % tightness.length] ?? 1)),
        })),
      };
    }),
);

import fc from "fast-check";
import { expect, test } from "vitest";
import { solveExactly } from "../../../../src/engine/rebalance/projection-exact.ts";
import type { ExactProblem } from "../../../../src/engine/rebalance/projection-line.ts";
import type { ActiveSet, Place } from "../../../../src/engine/rebalance/projection-rows.ts";

const SIZE = 6;
const ALL = [...Array(SIZE).keys()];

const weight = fc.bigInt({ min: -50n, max: 400n });

const problems: fc.Arbitrary<ExactProblem> = fc
  .record({
    targets: fc.array(weight, { minLength: SIZE, maxLength: SIZE }),
    upper: fc.option(fc.bigInt({ min: 0n, max: 500n })),
    largest: fc.bigInt({ min: 0n, max: 1000n }),
    smallest: fc.bigInt({ min: 0n, max: 1000n }),
    caps: fc.array(fc.tuple(fc.subarray(ALL), fc.bigInt({ min: 0n, max: 600n })), { maxLength: 4 }),
  })
  .map(({ targets, upper, largest, smallest, caps }) => {
    const members = [ALL, ALL, ...caps.map(([some]) => some)];
    const rowsOf = ALL.map((index) => [...members.keys()].filter((row) => members[row]?.includes(index)));
    const signs = members.map((_, row): 1 | -1 => (row === 1 ? -1 : 1));
    const bounds = [largest, -smallest, ...caps.map(([, bound]) => bound)];
    return { targets, upper, bounds, rows: { members, rowsOf, signs } };
  });

const places = fc.array(fc.constantFrom<Place>("FREE", "AT_ZERO", "AT_UPPER"), {
  minLength: SIZE,
  maxLength: SIZE,
});
const guesses: fc.Arbitrary<ActiveSet> = fc.record({ places, rows: fc.subarray([0, 1, 2, 3, 4, 5]) });

const NOTHING: ActiveSet = { places: ALL.map(() => "FREE"), rows: [] };

/** A guess that the problem can hold at all: it has those rows, and an upper bound if weights are put there. */
function fitting(problem: ExactProblem, guess: ActiveSet): ActiveSet {
  return {
    places: guess.places.map((place) => (place === "AT_UPPER" && problem.upper === null ? "FREE" : place)),
    rows: guess.rows.filter((row) => row < problem.bounds.length),
  };
}

function answer(problem: ExactProblem, activeSet: ActiveSet, ray: ReadonlyMap<number, number> | null = null) {
  const solution = solveExactly(problem, { activeSet, ray });
  if (solution.outcome !== "SOLVED") return solution.outcome;
  return solution.numerators.map((numerator) => Number(numerator) / Number(solution.denominator));
}

test("any guess of the active bounds is mended into the one answer", () => {
  fc.assert(
    fc.property(problems, guesses, (problem, guess) => {
      expect(answer(problem, fitting(problem, guess))).toEqual(answer(problem, NOTHING));
    }),
    { numRuns: 300 },
  );
});

test("no guessed proof makes a feasible problem infeasible", () => {
  const rays = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(problems, rays, (problem, multipliers) => {
      const ray = new Map(problem.bounds.map((_, row) => [row, multipliers[row] ?? 0]));
      expect(answer(problem, NOTHING, ray)).toEqual(answer(problem, NOTHING));
    }),
    { numRuns: 300 },
  );
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { solveExactly } from "../../../../src/engine/rebalance/active-set-method.ts";
import { MOST_OPERATIONS } from "../../../../src/engine/rebalance/effort.ts";
import type { ActiveSet, BoundStatus } from "../../../../src/engine/rebalance/sum-constraints.ts";
import type { ExactProblem } from "../../../../src/engine/rebalance/working-set.ts";

const SIZE = 6;
const ALL = [...Array(SIZE).keys()];

const weight = fc.bigInt({ min: -50n, max: 400n });

const problems: fc.Arbitrary<ExactProblem> = fc
  .record({
    targets: fc.array(weight, { minLength: SIZE, maxLength: SIZE }),
    upperBound: fc.option(fc.bigInt({ min: 0n, max: 500n })),
    largestTotal: fc.bigInt({ min: 0n, max: 1000n }),
    smallestTotal: fc.bigInt({ min: 0n, max: 1000n }),
    caps: fc.array(fc.tuple(fc.subarray(ALL), fc.bigInt({ min: 0n, max: 600n })), { maxLength: 4 }),
  })
  .map(({ targets, upperBound, largestTotal, smallestTotal, caps }) => {
    const members = [ALL, ALL, ...caps.map(([some]) => some)];
    const memberships = ALL.map((index) =>
      [...members.keys()].filter((sum) => members[sum]?.includes(index)),
    );
    const signs = members.map((_, sum): 1 | -1 => (sum === 1 ? -1 : 1));
    const limits = [largestTotal, -smallestTotal, ...caps.map(([, limit]) => limit)];
    return { targets, upperBound, limits, constraints: { members, memberships, signs } };
  });

const bounds = fc.array(fc.constantFrom<BoundStatus>("FREE", "AT_LOWER", "AT_UPPER"), {
  minLength: SIZE,
  maxLength: SIZE,
});
const guesses: fc.Arbitrary<ActiveSet> = fc.record({ bounds, sums: fc.subarray([0, 1, 2, 3, 4, 5]) });

const EMPTY: ActiveSet = { bounds: ALL.map(() => "FREE"), sums: [] };

/** The part of a guess that names constraints which the problem has. */
function fitting(problem: ExactProblem, guess: ActiveSet): ActiveSet {
  return {
    bounds: guess.bounds.map((status) =>
      status === "AT_UPPER" && problem.upperBound === null ? "FREE" : status,
    ),
    sums: guess.sums.filter((sum) => sum < problem.limits.length),
  };
}

function answer(problem: ExactProblem, activeSet: ActiveSet, ray: ReadonlyMap<number, number> | null = null) {
  const solution = solveExactly(problem, { activeSet, ray }, { spent: 0, most: MOST_OPERATIONS });
  if (solution.outcome !== "SOLVED") return solution.outcome;
  return solution.numerators.map((numerator) => Number(numerator) / Number(solution.denominator));
}

test("the solution does not depend on the guessed active set", () => {
  fc.assert(
    fc.property(problems, guesses, (problem, guess) => {
      expect(answer(problem, fitting(problem, guess))).toEqual(answer(problem, EMPTY));
    }),
    { numRuns: 300 },
  );
});

test("no guessed ray makes a feasible problem infeasible", () => {
  const rays = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(problems, rays, (problem, multipliers) => {
      const ray = new Map(problem.limits.map((_, sum) => [sum, multipliers[sum] ?? 0]));
      expect(answer(problem, EMPTY, ray)).toEqual(answer(problem, EMPTY));
    }),
    { numRuns: 300 },
  );
});

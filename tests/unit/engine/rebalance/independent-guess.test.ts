import { expect, test } from "vitest";
import { evaluateDual, type ApproximateProblem } from "../../../../src/engine/rebalance/dual-function.ts";
import { MOST_OPERATIONS } from "../../../../src/engine/rebalance/effort.ts";
import { independentGuess } from "../../../../src/engine/rebalance/independent-guess.ts";

const LARGEST_SUM = 0;
const SMALLEST_SUM = 1;
const FIRST_CAP = 2;
const SECOND_CAP = 3;

/** Four instruments in two caps of a half each, and a sum of one. */
function halves(
  targets: readonly number[],
  first: readonly number[],
  second: readonly number[],
): ApproximateProblem {
  const all = [0, 1, 2, 3];
  const members = [all, all, first, second];
  return {
    targets,
    upperBound: Infinity,
    limits: [1, -1, 0.5, 0.5],
    constraints: {
      members,
      signs: [1, -1, 1, 1],
      memberships: all.map((index) => [0, 1, 2, 3].filter((sum) => members[sum]?.includes(index))),
    },
  };
}

function guess(problem: ApproximateProblem, multipliers: Readonly<Record<number, number>>) {
  const effort = { spent: 0, most: MOST_OPERATIONS };
  const vector = Float64Array.from([0, 1, 2, 3], (sum) => multipliers[sum] ?? 0);
  return independentGuess(problem, evaluateDual(problem, vector, effort), vector, effort);
}

const TARGETS = [0.4, 0.4, 0.1, 0.1];

test("of caps that depend on one another the one is left out whose multiplier reaches zero first", () => {
  // The first two weights must fall by 0.15 and the others rise by as much.
  const multipliers = { [SMALLEST_SUM]: 0.2, [FIRST_CAP]: 0.35, [SECOND_CAP]: 0.05 };
  const { sums, bounds } = guess(halves(TARGETS, [0, 1], [2, 3]), multipliers);
  expect(sums).toEqual([SMALLEST_SUM, FIRST_CAP]);
  expect(bounds).toEqual(["FREE", "FREE", "FREE", "FREE"]);
  // The last of the dependent constraints stays if its multiplier has to be positive.
  const exchanged = { [SMALLEST_SUM]: 0.2, [FIRST_CAP]: 0.05, [SECOND_CAP]: 0.35 };
  expect(guess(halves(TARGETS, [2, 3], [0, 1]), exchanged).sums).toEqual([SMALLEST_SUM, SECOND_CAP]);
});

test("a weight at its bound becomes free where its multiplier is the first to reach zero", () => {
  // The last weight is in both caps. At zero it is held by 0.01, so that without it the constraints are dependent.
  const problem = halves([0.7, 0.7, 0.5, 0.34], [0, 1, 3], [2, 3]);
  const multipliers = { [LARGEST_SUM]: 0.1, [FIRST_CAP]: 0.2, [SECOND_CAP]: 0.05 };
  const { sums, bounds } = guess(problem, multipliers);
  expect(bounds).toEqual(["FREE", "FREE", "FREE", "FREE"]);
  expect(sums).toEqual([LARGEST_SUM, FIRST_CAP, SECOND_CAP]);
});

test("constraints that are independent stay as they are", () => {
  const { sums } = guess(halves([0.4, 0.4, 0.3, 0.3], [0, 1], [2, 3]), {
    [LARGEST_SUM]: 0.1,
    [FIRST_CAP]: 0.05,
  });
  expect(sums).toEqual([LARGEST_SUM, FIRST_CAP]);
});

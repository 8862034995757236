import { compare, decimal, isNegative, multiply, type Decimal } from "../../decimal/decimal.ts";
import type { Arithmetic } from "../../decimal/arithmetic.ts";
import { negate } from "../../decimal/exact.ts";
import { decimalsOf, ratio, toScaledInteger } from "../../decimal/integer.ts";
import { toText } from "../../decimal/text.ts";
import { compareCodePoints } from "../order.ts";
import { solveExactly } from "./active-set-method.ts";
import { approximate } from "./dual-newton.ts";
import { MOST_OPERATIONS } from "./effort.ts";
import type { SumConstraints } from "./sum-constraints.ts";

/** Model weights and constraints. All numbers are shares of the portfolio: 0.05 is 5 %. */
export type ProjectionProblem = {
  /** Instrument id and model weight; each instrument once, in any order. */
  readonly targets: readonly (readonly [string, Decimal])[];
  readonly minimumSum: Decimal;
  readonly maximumSum: Decimal;
  /** The upper bound of every single weight, null without one. */
  readonly maximumWeight: Decimal | null;
  /** Each limits the sum of the weights of its members. Members that are no targets are ignored. */
  readonly caps: readonly { readonly members: readonly string[]; readonly maximum: Decimal }[];
};

/** Weights by instrument id, rounded as asked. LIMIT_REACHED means that the operations are spent. */
export type Projection =
  | { readonly outcome: "SOLVED"; readonly weights: ReadonlyMap<string, Decimal> }
  | { readonly outcome: "INFEASIBLE" }
  | { readonly outcome: "LIMIT_REACHED" };

/** How the fractions of a solution become decimals; the denominator is above zero. */
export type ProjectionRounding = {
  readonly multiply: Arithmetic["multiply"];
  readonly weight: (numerator: bigint, denominator: bigint) => Decimal;
};

const TO_28_DIGITS: ProjectionRounding = { multiply, weight: ratio };

/**
 * The weights w ≥ 0 with the least Σ (w − model)² that satisfy all constraints: the Euclidean projection of the
 * model onto a polytope, a strictly convex quadratic program, so there is at most one solution. Its active set
 * is guessed in doubles; the solution is then computed and verified in exact rational arithmetic. So
 * feasibility is decided exactly, rounding ties do not depend on errors of doubles, and neither does the
 * solution on the order of the instruments. docs/solver.md explains the method.
 */
export function projectTargets(
  problem: ProjectionProblem,
  mostOperations = MOST_OPERATIONS,
  rounding: ProjectionRounding = TO_28_DIGITS,
): Projection {
  const effort = { spent: 0, most: mostOperations };
  if (isTriviallyInfeasible(problem, rounding)) return { outcome: "INFEASIBLE" };
  const targets = [...problem.targets].sort(([a], [b]) => compareCodePoints(a, b));
  const constraints = sumConstraints(problem, targets);
  const scale = commonScale(problem);
  const integer = (value: Decimal): bigint => toScaledInteger(value, scale);
  const { maximumWeight } = problem;
  const limits = sumLimits(problem);
  const guess = approximate(
    {
      limits: limits.map(toDouble),
      constraints,
      targets: targets.map(([, weight]) => toDouble(weight)),
      upperBound: maximumWeight === null ? Infinity : toDouble(maximumWeight),
    },
    effort,
  );
  const solution = solveExactly(
    {
      limits: limits.map(integer),
      constraints,
      targets: targets.map(([, weight]) => integer(weight)),
      upperBound: maximumWeight === null ? null : integer(maximumWeight),
    },
    guess,
    effort,
  );
  if (solution.outcome !== "SOLVED") return solution;
  const denominator = solution.denominator * integer(decimal(1));
  const weights = targets.map(
    ([instrument], index) =>
      [instrument, rounding.weight(solution.numerators[index] ?? 0n, denominator)] as const,
  );
  return { outcome: "SOLVED", weights: new Map(weights) };
}

/** Finds contradictions that need no solver, such as a negative limit; it does not find all. */
function isTriviallyInfeasible(
  { targets, minimumSum, maximumSum, maximumWeight, caps }: ProjectionProblem,
  { multiply }: ProjectionRounding,
): boolean {
  if (compare(minimumSum, maximumSum) > 0 || isNegative(maximumSum)) return true;
  if (caps.some(({ maximum }) => isNegative(maximum))) return true;
  if (maximumWeight === null) return false;
  const capacity = multiply(maximumWeight, decimal(targets.length));
  return isNegative(maximumWeight) || compare(capacity, minimumSum) < 0;
}

/** The sum constraints in the form A·w ≤ limits: the largest total, the smallest total negated, the caps. */
function sumConstraints({ caps }: ProjectionProblem, targets: ProjectionProblem["targets"]): SumConstraints {
  const indexOf = new Map(targets.map(([instrument], index) => [instrument, index]));
  const all = targets.map((_, index) => index);
  const capMembers = caps.map((cap) =>
    cap.members.map((member) => indexOf.get(member)).filter((index) => index !== undefined),
  );
  const members = [all, all, ...capMembers];
  const memberships: number[][] = targets.map(() => []);
  members.forEach((indices, sumIndex) => {
    for (const index of indices) memberships[index]?.push(sumIndex);
  });
  return { members, memberships, signs: members.map((_, sumIndex) => (sumIndex === 1 ? -1 : 1)) };
}

/** The right-hand sides of the sum constraints, in the same order. */
function sumLimits({ minimumSum, maximumSum, caps }: ProjectionProblem): Decimal[] {
  return [maximumSum, negate(minimumSum), ...caps.map(({ maximum }) => maximum)];
}

/** The number of decimals with which every number of the problem is an integer. */
function commonScale({ targets, maximumWeight, ...problem }: ProjectionProblem): number {
  let scale = Math.max(decimalsOf(problem.minimumSum), decimalsOf(problem.maximumSum));
  if (maximumWeight !== null) scale = Math.max(scale, decimalsOf(maximumWeight));
  for (const [, weight] of targets) scale = Math.max(scale, decimalsOf(weight));
  for (const { maximum } of problem.caps) scale = Math.max(scale, decimalsOf(maximum));
  return scale;
}

function toDouble(value: Decimal): number {
  return Number(toText(value));
}

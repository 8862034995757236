import type { DualVector } from "./dual-function.ts";
import type { Approximation } from "./dual-newton.ts";
import { isSpent, type Effort } from "./effort.ts";
import {
  enteringStep,
  multipliersOf,
  solveKkt,
  weightsOf,
  type KktSolution,
  type Multiplier,
} from "./kkt-system.ts";
import type { SumConstraints } from "./sum-constraints.ts";
import {
  activate,
  removeConstraint,
  workingSetOf,
  type Constraint,
  type ExactProblem,
  type WorkingSet,
} from "./working-set.ts";

export type ExactSolution =
  | { readonly outcome: "SOLVED"; readonly numerators: readonly bigint[]; readonly denominator: bigint }
  | { readonly outcome: "INFEASIBLE" }
  | { readonly outcome: "LIMIT_REACHED" };

/**
 * The dual active-set method of Goldfarb and Idnani (1983), in rational arithmetic. Every iterate satisfies
 * all KKT conditions except primal feasibility. Each iteration adds the most violated constraint to the
 * working set and removes those whose multiplier would become negative. It ends when no constraint is
 * violated, which is the solution, or when a violated constraint cannot be added, which proves infeasibility.
 * From a good guess of the active set it takes few iterations, each linear in instruments. Exact arithmetic
 * cannot cycle; LIMIT_REACHED means that the operations are spent, which guards against a pathologically long
 * run.
 */
export function solveExactly(
  problem: ExactProblem,
  { activeSet, ray }: Approximation,
  effort: Effort,
): ExactSolution {
  if (ray !== null && provesInfeasible(problem, ray)) return { outcome: "INFEASIBLE" };
  const set = workingSetOf(problem, activeSet);
  let kkt = dualFeasibleSolution(problem, set, effort);
  while (!isSpent(effort)) {
    const weights = weightsOf(problem, set, kkt);
    const violated = mostViolated(problem, weights.numerators, weights.denominator);
    if (violated === null) return { outcome: "SOLVED", ...weights };
    const added = addConstraint(problem, set, kkt, violated, effort);
    if (added !== "ADDED") return { outcome: added };
    kkt = solveKkt(problem, set, effort);
  }
  return { outcome: "LIMIT_REACHED" };
}

/** The components of a ray are rounded to fractions with this denominator. */
const RAY_DENOMINATOR = 2 ** 30;

/**
 * Farkas' lemma in exact arithmetic: the sum constraints combined with the ray's multipliers demand less than
 * the smallest value that any weights within their bounds give. A rounded ray may fail to prove a true
 * infeasibility, which the active-set method then finds; it cannot prove a false one.
 */
function provesInfeasible(
  { targets, constraints, limits, upperBound }: ExactProblem,
  ray: DualVector,
): boolean {
  const coefficients = targets.map(() => 0n);
  let combinedLimit = 0n;
  for (const [sumIndex, component] of ray) {
    const multiplier = BigInt(Math.round(Math.max(0, component) * RAY_DENOMINATOR));
    const signed = constraints.signs[sumIndex] === -1 ? -multiplier : multiplier;
    for (const index of constraints.members[sumIndex] ?? []) {
      coefficients[index] = (coefficients[index] ?? 0n) + signed;
    }
    combinedLimit += multiplier * (limits[sumIndex] ?? 0n);
  }
  // Weights are not negative, so none exceeds the largest total, which is the limit of the first constraint.
  const largestTotal = limits[0] ?? 0n;
  const largestWeight = upperBound !== null && upperBound < largestTotal ? upperBound : largestTotal;
  const least = coefficients.reduce((sum, factor) => (factor < 0n ? sum + factor * largestWeight : sum), 0n);
  return least > combinedLimit;
}

/** Removes the constraints with a negative multiplier, until there are none. */
function dualFeasibleSolution(problem: ExactProblem, set: WorkingSet, effort: Effort): KktSolution {
  for (;;) {
    const kkt = solveKkt(problem, set, effort);
    const negative = multipliersOf(problem, set, kkt, null).filter(({ value }) => value < 0n);
    if (negative.length === 0 || isSpent(effort)) return kkt;
    for (const { constraint } of negative) removeConstraint(problem, set, constraint);
  }
}

/**
 * Adds a violated constraint to the working set, after removing those that block it; INFEASIBLE when the working
 * set contradicts the constraint, so that no weights satisfy all of them.
 */
function addConstraint(
  problem: ExactProblem,
  set: WorkingSet,
  first: KktSolution,
  entering: Constraint,
  effort: Effort,
): "ADDED" | "INFEASIBLE" | "LIMIT_REACHED" {
  for (let kkt = first; !isSpent(effort); kkt = solveKkt(problem, set, effort)) {
    const { decreases, violation, violationDecrease } = enteringStep(problem, set, kkt, entering, effort);
    const blocking = firstBlocking(multipliersOf(problem, set, kkt, { constraint: entering, decreases }));
    // Compares two step lengths without a division. The full step, violation ÷ violationDecrease, ends the
    // violation; the partial step, value ÷ decrease, is where the blocking multiplier reaches zero.
    if (
      violationDecrease > 0n &&
      (blocking === null || violation * blocking.decrease <= blocking.value * violationDecrease)
    ) {
      activate(problem, set, entering);
      return "ADDED";
    }
    if (blocking === null) return "INFEASIBLE";
    removeConstraint(problem, set, blocking.constraint);
  }
  return "LIMIT_REACHED";
}

/** The ratio test: the multiplier that reaches zero first as the step length grows; null when none falls. */
function firstBlocking(multipliers: readonly Multiplier[]): Multiplier | null {
  let first: Multiplier | null = null;
  for (const candidate of multipliers) {
    if (candidate.decrease <= 0n) continue;
    if (first === null || candidate.value * first.decrease < first.value * candidate.decrease)
      first = candidate;
  }
  return first;
}

function mostViolated(
  problem: ExactProblem,
  weights: readonly bigint[],
  denominator: bigint,
): Constraint | null {
  const { constraints, limits } = problem;
  let worst = 0n;
  let violated: Constraint | null = null;
  const consider = (violation: bigint, constraint: () => Constraint): void => {
    if (violation <= worst) return;
    worst = violation;
    violated = constraint();
  };
  limits.forEach((limit, sumIndex) => {
    const violation = signedSum(constraints, sumIndex, weights) - limit * denominator;
    consider(violation, () => ({ kind: "SUM", sumIndex }));
  });
  const upperBound = problem.upperBound === null ? null : problem.upperBound * denominator;
  weights.forEach((weight, index) => {
    consider(-weight, () => ({ kind: "BOUND", index, side: "AT_LOWER" }));
    if (upperBound !== null) {
      consider(weight - upperBound, () => ({ kind: "BOUND", index, side: "AT_UPPER" }));
    }
  });
  return violated;
}

/** sign · Σ values over the members of a sum constraint. */
function signedSum(constraints: SumConstraints, sumIndex: number, values: readonly bigint[]): bigint {
  let sum = 0n;
  for (const index of constraints.members[sumIndex] ?? []) sum += values[index] ?? 0n;
  return constraints.signs[sumIndex] === -1 ? -sum : sum;
}

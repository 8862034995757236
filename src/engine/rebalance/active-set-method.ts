import type { DualVector } from "./dual-function.ts";
import type { Approximation } from "./dual-newton.ts";
import {
  independentSums,
  solveKkt,
  type Constraint,
  type ExactProblem,
  type Multiplier,
  type WorkingSet,
} from "./kkt-system.ts";
import type { ActiveSet, SumConstraints } from "./sum-constraints.ts";

export type ExactSolution =
  | { readonly outcome: "SOLVED"; readonly numerators: readonly bigint[]; readonly denominator: bigint }
  | { readonly outcome: "INFEASIBLE" }
  | { readonly outcome: "FAILED" };

/**
 * The dual active-set method of Goldfarb and Idnani (1983), in rational arithmetic. Every iterate satisfies
 * all KKT conditions except primal feasibility. Each iteration adds the most violated constraint to the
 * working set and removes those whose multiplier would become negative. It ends when no constraint is
 * violated, which is the solution, or when a violated constraint cannot be added, which proves infeasibility.
 * From a good guess of the active set it takes few iterations, each linear in instruments. Exact arithmetic
 * cannot cycle; FAILED means that the iterations reached a limit, which guards against a pathologically long
 * run.
 */
export function solveExactly(problem: ExactProblem, { activeSet, ray }: Approximation): ExactSolution {
  if (ray !== null && provesInfeasible(problem, ray)) return { outcome: "INFEASIBLE" };
  const set = dualFeasibleSet(problem, activeSet);
  const mostIterations = 50 * (problem.targets.length + problem.limits.length);
  for (let iteration = 0; iteration < mostIterations; iteration += 1) {
    const { denominator, weights } = solveKkt(problem, set, null);
    const violated = mostViolated(problem, weights, denominator);
    if (violated === null) return { outcome: "SOLVED", numerators: weights, denominator };
    if (!addConstraint(problem, set, violated)) return { outcome: "INFEASIBLE" };
  }
  return { outcome: "FAILED" };
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

/** The part of a guess that is independent and has no negative multiplier: a start for the dual method. */
function dualFeasibleSet(problem: ExactProblem, guess: ActiveSet): WorkingSet {
  const set: WorkingSet = { bounds: [...guess.bounds], sums: [...guess.sums] };
  for (;;) {
    set.sums = independentSums(problem, set);
    const negative = solveKkt(problem, set, null).multipliers.filter(({ value }) => value < 0n);
    if (negative.length === 0) return set;
    for (const { constraint } of negative) removeConstraint(set, constraint);
  }
}

function removeConstraint(set: WorkingSet, constraint: Constraint): void {
  if (constraint.kind === "BOUND") set.bounds[constraint.index] = "FREE";
  else set.sums = set.sums.filter((sumIndex) => sumIndex !== constraint.sumIndex);
}

function activate(set: WorkingSet, constraint: Constraint): void {
  if (constraint.kind === "BOUND") set.bounds[constraint.index] = constraint.side;
  else set.sums.push(constraint.sumIndex);
}

/**
 * Adds a violated constraint to the working set, after removing those that block it; false when the working
 * set contradicts the constraint, so that no weights satisfy all of them.
 */
function addConstraint(problem: ExactProblem, set: WorkingSet, entering: Constraint): boolean {
  for (;;) {
    const kkt = solveKkt(problem, set, entering);
    const blocking = firstBlocking(kkt.multipliers);
    const violationDecrease = leftSide(problem, entering, kkt.projectedNormal);
    if (violationDecrease > 0n) {
      const violation =
        leftSide(problem, entering, kkt.weights) - limitOf(problem, entering) * kkt.denominator;
      // Compares two step lengths without a division. The full step, violation ÷ violationDecrease, ends the
      // violation; the partial step, value ÷ decrease, is where the blocking multiplier reaches zero.
      if (blocking === null || violation * blocking.decrease <= blocking.value * violationDecrease) {
        activate(set, entering);
        return true;
      }
    }
    if (blocking === null) return false;
    removeConstraint(set, blocking.constraint);
  }
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

/** normal · values */
function leftSide({ constraints }: ExactProblem, constraint: Constraint, values: readonly bigint[]): bigint {
  if (constraint.kind === "SUM") return signedSum(constraints, constraint.sumIndex, values);
  const value = values[constraint.index] ?? 0n;
  return constraint.side === "AT_LOWER" ? -value : value;
}

function limitOf({ limits, upperBound }: ExactProblem, constraint: Constraint): bigint {
  if (constraint.kind === "SUM") return limits[constraint.sumIndex] ?? 0n;
  return constraint.side === "AT_LOWER" ? 0n : (upperBound ?? 0n);
}

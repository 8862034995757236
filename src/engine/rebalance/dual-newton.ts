import { evaluateDual, type ApproximateProblem, type DualPoint, type DualVector } from "./dual-function.ts";
import { stepLength } from "./dual-line-search.ts";
import type { ActiveSet, BoundStatus } from "./sum-constraints.ts";

const MOST_ITERATIONS = 200;
const RESIDUAL_TOLERANCE = 1e-14;
/** Added to the diagonal of the Hessian, which is singular where sum constraints depend on one another. */
const REGULARIZATION = 1e-9;

/**
 * A guess at the active set. `ray` is a direction along which the dual seems unbounded, null without one: a
 * guess at a nonnegative combination of sum constraints that no weights can satisfy.
 */
export type Approximation = { readonly activeSet: ActiveSet; readonly ray: DualVector | null };

/**
 * Guesses the active set by a semismooth Newton method on the dual, in doubles. The dual has one variable for
 * each sum constraint, so an iteration costs little more than a pass over the instruments. The result needs no
 * guarantee: the exact phase repairs a wrong guess.
 */
export function approximate(problem: ApproximateProblem): Approximation {
  const multipliers = new Float64Array(problem.limits.length);
  let point = evaluateDual(problem, multipliers);
  for (
    let iteration = 0;
    iteration < MOST_ITERATIONS && kktResidual(point, multipliers) > RESIDUAL_TOLERANCE;
    iteration += 1
  ) {
    const direction = newtonDirection(problem, point, multipliers);
    const length = stepLength(problem, point, multipliers, direction);
    if (length === Infinity) return { activeSet: activeSetAt(problem, point, multipliers), ray: direction };
    if (length === 0) break;
    for (const [sumIndex, change] of direction) {
      multipliers[sumIndex] = Math.max(0, (multipliers[sumIndex] ?? 0) + length * change);
    }
    point = evaluateDual(problem, multipliers);
  }
  return { activeSet: activeSetAt(problem, point, multipliers), ray: null };
}

function activeSetAt(
  { upperBound }: ApproximateProblem,
  { unclipped }: DualPoint,
  multipliers: Float64Array,
): ActiveSet {
  const boundStatus = (weight: number): BoundStatus =>
    weight <= 0 ? "AT_LOWER" : weight >= upperBound ? "AT_UPPER" : "FREE";
  const sums = [...multipliers.keys()].filter((sumIndex) => (multipliers[sumIndex] ?? 0) > 0);
  return { bounds: Array.from(unclipped, boundStatus), sums };
}

/** The largest violation of a sum constraint, or slack of one whose multiplier is positive. */
function kktResidual({ violations }: DualPoint, multipliers: Float64Array): number {
  return violations.reduce((worst, violation, sumIndex) => {
    const residual = (multipliers[sumIndex] ?? 0) > 0 ? Math.abs(violation) : violation;
    return Math.max(worst, residual);
  }, 0);
}

/** The Newton direction over the sum constraints that are violated or have a positive multiplier. */
function newtonDirection(
  problem: ApproximateProblem,
  point: DualPoint,
  multipliers: Float64Array,
): DualVector {
  const isPositive = (sumIndex: number): boolean => (multipliers[sumIndex] ?? 0) > 0;
  let working = [...point.violations.keys()].filter(
    (sumIndex) => isPositive(sumIndex) || (point.violations[sumIndex] ?? 0) > 0,
  );
  for (;;) {
    const hessian = dualHessian(problem, point, working);
    const solution = solvePositiveDefinite(
      hessian,
      working.map((sumIndex) => point.violations[sumIndex] ?? 0),
    );
    const direction = new Map(working.map((sumIndex, position) => [sumIndex, solution[position] ?? 0]));
    // A multiplier at zero cannot decrease. Without its constraint the direction of the others is another one.
    const kept = working.filter((sumIndex) => isPositive(sumIndex) || (direction.get(sumIndex) ?? 0) >= 0);
    if (kept.length === working.length) return normalized(direction);
    working = kept;
  }
}

/** Scaled so that the largest component is one. */
function normalized(direction: DualVector): DualVector {
  const length = Math.max(...[...direction.values()].map(Math.abs));
  return new Map([...direction].map(([sumIndex, change]) => [sumIndex, change / length]));
}

/** The negative Hessian of the dual: A·Aᵀ over the working sum constraints and the free weights. */
function dualHessian(
  { constraints, upperBound }: ApproximateProblem,
  { unclipped }: DualPoint,
  working: readonly number[],
): number[][] {
  const { memberships, signs } = constraints;
  const matrix: number[][] = working.map(() => working.map(() => 0));
  matrix.forEach((row, position) => (row[position] = REGULARIZATION));
  const positionOf = new Map(working.map((sumIndex, position) => [sumIndex, position]));
  memberships.forEach((sums, index) => {
    const weight = unclipped[index] ?? 0;
    if (weight <= 0 || weight >= upperBound) return;
    for (const sumIndex of sums) {
      const row = matrix[positionOf.get(sumIndex) ?? -1];
      if (row === undefined) continue;
      for (const other of sums) {
        const column = positionOf.get(other);
        if (column === undefined) continue;
        row[column] = (row[column] ?? 0) + (signs[sumIndex] ?? 1) * (signs[other] ?? 1);
      }
    }
  });
  return matrix;
}

/** Solves a symmetric positive definite system by Gaussian elimination; overwrites both arguments. */
function solvePositiveDefinite(matrix: number[][], right: number[]): number[] {
  matrix.forEach((pivotRow, pivot) => {
    for (let at = pivot + 1; at < matrix.length; at += 1) {
      const row = matrix[at] ?? [];
      const factor = (row[pivot] ?? 0) / (pivotRow[pivot] ?? 1);
      if (factor === 0) continue;
      for (let column = pivot; column < row.length; column += 1) {
        row[column] = (row[column] ?? 0) - factor * (pivotRow[column] ?? 0);
      }
      right[at] = (right[at] ?? 0) - factor * (right[pivot] ?? 0);
    }
  });
  for (let at = matrix.length - 1; at >= 0; at -= 1) {
    const row = matrix[at] ?? [];
    let value = right[at] ?? 0;
    for (let column = at + 1; column < row.length; column += 1)
      value -= (row[column] ?? 0) * (right[column] ?? 0);
    right[at] = value / (row[at] ?? 1);
  }
  return right;
}

import { PASS_OPERATIONS, spend, type Effort } from "./effort.ts";
import { sizeOf, type SumConstraints } from "./sum-constraints.ts";

/** The projection in doubles. `upperBound` is Infinity without a limit on single weights. */
export type ApproximateProblem = {
  readonly targets: readonly number[];
  readonly upperBound: number;
  readonly constraints: SumConstraints;
  /** For each sum constraint, its right-hand side. */
  readonly limits: readonly number[];
};

/** A sparse vector of the dual problem: values by index of the sum constraint, zero where there is none. */
export type DualVector = ReadonlyMap<number, number>;

/** The primal side of a vector of multipliers. */
export type DualPoint = {
  /** targets − Aᵀ·multipliers: the weights before they are clipped to their bounds. */
  readonly unclipped: Float64Array;
  /** A·weights − limits, the gradient of the dual: above zero a violation, below zero a slack. */
  readonly violations: Float64Array;
};

/**
 * The weights that minimize the Lagrangian for these multipliers, and how far they are from the limits.
 * The Lagrangian is separable, so each weight is clipped to its bounds on its own.
 */
export function evaluateDual(
  { targets, upperBound, constraints, limits }: ApproximateProblem,
  multipliers: Float64Array,
  effort: Effort,
): DualPoint {
  const { members, signs } = constraints;
  spend(effort, PASS_OPERATIONS * sizeOf(constraints));
  const unclipped = Float64Array.from(targets);
  members.forEach((indices, sumIndex) => {
    const shift = (multipliers[sumIndex] ?? 0) * (signs[sumIndex] ?? 1);
    if (shift !== 0) for (const index of indices) unclipped[index] = (unclipped[index] ?? 0) - shift;
  });
  const violations = Float64Array.from(limits, (limit) => -limit);
  members.forEach((indices, sumIndex) => {
    let sum = 0;
    for (const index of indices) sum += clip(unclipped[index] ?? 0, upperBound);
    violations[sumIndex] = (violations[sumIndex] ?? 0) + sum * (signs[sumIndex] ?? 1);
  });
  return { unclipped, violations };
}

/** The value of the dual: the Lagrangian at its minimum. */
export function dualValue(problem: ApproximateProblem, multipliers: Float64Array, effort: Effort): number {
  const { targets, upperBound } = problem;
  const { unclipped, violations } = evaluateDual(problem, multipliers, effort);
  let value = 0;
  for (let sumIndex = 0; sumIndex < multipliers.length; sumIndex += 1) {
    value += (multipliers[sumIndex] ?? 0) * (violations[sumIndex] ?? 0);
  }
  for (let index = 0; index < targets.length; index += 1) {
    const distance = clip(unclipped[index] ?? 0, upperBound) - (targets[index] ?? 0);
    value += 0.5 * distance * distance;
  }
  return value;
}

/** The nearest weight between zero and the upper bound. */
export function clip(weight: number, upperBound: number): number {
  return weight < 0 ? 0 : weight > upperBound ? upperBound : weight;
}

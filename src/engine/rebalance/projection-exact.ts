import type { Approximation, RowMultipliers } from "./projection-approximate.ts";
import {
  independentRows,
  lineOn,
  type Constraint,
  type ExactProblem,
  type Multiplier,
  type WorkingSet,
} from "./projection-line.ts";
import type { ActiveSet, ProjectionRows } from "./projection-rows.ts";

export type ExactSolution =
  | { readonly outcome: "SOLVED"; readonly numerators: readonly bigint[]; readonly denominator: bigint }
  | { readonly outcome: "INFEASIBLE" }
  | { readonly outcome: "FAILED" };

/**
 * The dual active-set method of Goldfarb and Idnani (1983) for this projection, in rational arithmetic: from
 * the best point on a set of active bounds it presses in the most violated one, dropping those that would have
 * to pull, until none is violated or none can give way, which proves that the bounds contradict one another.
 * Exact numbers make it finite. Started from a good guess it takes a few steps, each linear in instruments.
 */
export function solveExactly(problem: ExactProblem, { activeSet, ray }: Approximation): ExactSolution {
  if (ray !== null && provesInfeasible(problem, ray)) return { outcome: "INFEASIBLE" };
  const set = dualFeasibleSet(problem, activeSet);
  const mostSteps = 50 * (problem.targets.length + problem.bounds.length);
  for (let step = 0; step < mostSteps; step += 1) {
    const { denominator, weights } = lineOn(problem, set, null);
    const violated = mostViolated(problem, weights, denominator);
    if (violated === null) return { outcome: "SOLVED", numerators: weights, denominator };
    if (!pressIn(problem, set, violated)) return { outcome: "INFEASIBLE" };
  }
  return { outcome: "FAILED" };
}

/** Multipliers are compared as fractions with this denominator. */
const RAY_GRID = 2 ** 30;

/**
 * Farkas' lemma, exactly: the rows added up with these multipliers ask for less than the smallest sum that any
 * weights within their own bounds have. What the lemma cannot show from a rounded ray is left to the solver.
 */
function provesInfeasible({ targets, rows, bounds, upper }: ExactProblem, ray: RowMultipliers): boolean {
  const normal = targets.map(() => 0n);
  let asked = 0n;
  for (const [row, multiplier] of ray) {
    const times = BigInt(Math.round(Math.max(0, multiplier) * RAY_GRID));
    const signed = rows.signs[row] === -1 ? -times : times;
    for (const index of rows.members[row] ?? []) normal[index] = (normal[index] ?? 0n) + signed;
    asked += times * (bounds[row] ?? 0n);
  }
  // No weight is above the largest sum, the bound of the first row, because none is below zero.
  const largestSum = bounds[0] ?? 0n;
  const most = upper !== null && upper < largestSum ? upper : largestSum;
  const smallest = normal.reduce((sum, factor) => (factor < 0n ? sum + factor * most : sum), 0n);
  return smallest > asked;
}

/** The part of a guess that no bound of it has to pull: all multipliers there are zero or above. */
function dualFeasibleSet(problem: ExactProblem, guess: ActiveSet): WorkingSet {
  const set: WorkingSet = { places: [...guess.places], rows: [...guess.rows] };
  for (;;) {
    set.rows = independentRows(problem, set);
    const pulling = lineOn(problem, set, null).multipliers.filter(({ value }) => value < 0n);
    if (pulling.length === 0) return set;
    for (const { constraint } of pulling) release(set, constraint);
  }
}

function release(set: WorkingSet, constraint: Constraint): void {
  if (constraint.kind === "WEIGHT") set.places[constraint.index] = "FREE";
  else set.rows = set.rows.filter((row) => row !== constraint.row);
}

function hold(set: WorkingSet, constraint: Constraint): void {
  if (constraint.kind === "WEIGHT") set.places[constraint.index] = constraint.place;
  else set.rows.push(constraint.row);
}

/** Adds a violated constraint to the set, dropping what stands in its way; false when nothing can give way. */
function pressIn(problem: ExactProblem, set: WorkingSet, entering: Constraint): boolean {
  for (;;) {
    const line = lineOn(problem, set, entering);
    const blocking = firstToVanish(line.multipliers);
    const gain = along(problem, entering, line.retreat);
    if (gain > 0n) {
      const violation =
        along(problem, entering, line.weights) - boundOf(problem, entering) * line.denominator;
      // Both forces are fractions with positive denominators: violation ÷ gain and value ÷ fall.
      if (blocking === null || violation * blocking.fall <= blocking.value * gain) {
        hold(set, entering);
        return true;
      }
    }
    if (blocking === null) return false;
    release(set, blocking.constraint);
  }
}

/** The multiplier that reaches zero first as the force grows. */
function firstToVanish(multipliers: readonly Multiplier[]): Multiplier | null {
  let first: Multiplier | null = null;
  for (const candidate of multipliers) {
    if (candidate.fall <= 0n) continue;
    if (first === null || candidate.value * first.fall < first.value * candidate.fall) first = candidate;
  }
  return first;
}

function mostViolated(
  problem: ExactProblem,
  weights: readonly bigint[],
  denominator: bigint,
): Constraint | null {
  const { rows, bounds, upper } = problem;
  let worst = 0n;
  let violated: Constraint | null = null;
  const consider = (violation: bigint, constraint: () => Constraint): void => {
    if (violation <= worst) return;
    worst = violation;
    violated = constraint();
  };
  bounds.forEach((bound, row) => {
    consider(rowSum(rows, row, weights) - bound * denominator, () => ({ kind: "ROW", row }));
  });
  const most = upper === null ? null : upper * denominator;
  weights.forEach((weight, index) => {
    consider(-weight, () => ({ kind: "WEIGHT", index, place: "AT_ZERO" }));
    if (most !== null) consider(weight - most, () => ({ kind: "WEIGHT", index, place: "AT_UPPER" }));
  });
  return violated;
}

function rowSum(rows: ProjectionRows, row: number, values: readonly bigint[]): bigint {
  let sum = 0n;
  for (const index of rows.members[row] ?? []) sum += values[index] ?? 0n;
  return rows.signs[row] === -1 ? -sum : sum;
}

/** normal · values */
function along({ rows }: ExactProblem, constraint: Constraint, values: readonly bigint[]): bigint {
  if (constraint.kind === "ROW") return rowSum(rows, constraint.row, values);
  const value = values[constraint.index] ?? 0n;
  return constraint.place === "AT_ZERO" ? -value : value;
}

function boundOf({ bounds, upper }: ExactProblem, constraint: Constraint): bigint {
  if (constraint.kind === "ROW") return bounds[constraint.row] ?? 0n;
  return constraint.place === "AT_ZERO" ? 0n : (upper ?? 0n);
}

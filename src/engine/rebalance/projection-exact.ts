import type { Approximation, RowMultipliers } from "./projection-approximate.ts";
import type { ActiveSet, Place, ProjectionRows } from "./projection-rows.ts";

/** The projection in integers, all of one scale; `upper` is null without a limit on single weights. */
export type ExactProblem = {
  readonly targets: readonly bigint[];
  readonly upper: bigint | null;
  readonly rows: ProjectionRows;
  readonly bounds: readonly bigint[];
};

export type ExactSolution =
  | { readonly outcome: "SOLVED"; readonly numerators: readonly bigint[]; readonly denominator: bigint }
  | { readonly outcome: "INFEASIBLE" }
  | { readonly outcome: "FAILED" };

/** One bound: the sum of a row, or the lower or upper bound of one weight, as normal · w ≤ bound. */
type Constraint =
  | { readonly kind: "ROW"; readonly row: number }
  | { readonly kind: "WEIGHT"; readonly index: number; readonly place: "AT_ZERO" | "AT_UPPER" };

/** The bounds held with equality; the normals of a working set are independent. */
type WorkingSet = { readonly places: Place[]; rows: number[] };

/**
 * The best point on a working set while another constraint is pressed in with force t, for all t at once:
 * weights(t) = (weights − t·retreat) / denominator, and every multiplier likewise.
 */
type Line = {
  readonly denominator: bigint;
  readonly weights: readonly bigint[];
  readonly retreat: readonly bigint[];
  readonly multipliers: readonly Multiplier[];
};

type Multiplier = { readonly constraint: Constraint; readonly value: bigint; readonly fall: bigint };

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

/** The normal of a constraint, by instrument. */
function normalOf({ rows, targets }: ExactProblem, constraint: Constraint | null): bigint[] {
  const normal = targets.map(() => 0n);
  if (constraint?.kind === "WEIGHT") normal[constraint.index] = constraint.place === "AT_ZERO" ? -1n : 1n;
  if (constraint?.kind === "ROW") {
    const sign = rows.signs[constraint.row] === -1 ? -1n : 1n;
    for (const index of rows.members[constraint.row] ?? []) normal[index] = sign;
  }
  return normal;
}

function lineOn(problem: ExactProblem, set: WorkingSet, entering: Constraint | null): Line {
  const { rows, targets, upper } = problem;
  const normal = normalOf(problem, entering);
  const { matrix, pivots } = reduced(problem, set, normal);
  const { denominator, solutions } = backSubstitute(matrix, pivots.length);
  const position = new Map(set.rows.map((row, at) => [row, at]));
  const most = (upper ?? 0n) * denominator;
  const weights: bigint[] = [];
  const retreat: bigint[] = [];
  const multipliers: Multiplier[] = set.rows.map((row, at) => ({
    constraint: { kind: "ROW", row },
    value: solutions[at]?.[0] ?? 0n,
    fall: solutions[at]?.[1] ?? 0n,
  }));
  set.places.forEach((place, index) => {
    let weight = (targets[index] ?? 0n) * denominator;
    let change = (normal[index] ?? 0n) * denominator;
    for (const row of rows.rowsOf[index] ?? []) {
      const solution = solutions[position.get(row) ?? -1];
      if (solution === undefined) continue;
      const plus = rows.signs[row] === -1;
      weight = plus ? weight + solution[0] : weight - solution[0];
      change = plus ? change + solution[1] : change - solution[1];
    }
    weights.push(place === "FREE" ? weight : place === "AT_ZERO" ? 0n : most);
    retreat.push(place === "FREE" ? change : 0n);
    if (place === "FREE") return;
    const atZero = place === "AT_ZERO";
    multipliers.push({
      constraint: { kind: "WEIGHT", index, place },
      value: atZero ? -weight : weight - most,
      fall: atZero ? -change : change,
    });
  });
  return { denominator, weights, retreat, multipliers };
}

/** Two right-hand sides: of the point itself and of its change per unit of force. */
type Solution = readonly [bigint, bigint];

/**
 * The normal equations of the working rows over the free instruments, reduced to triangular form by Bareiss'
 * fraction-free elimination: every entry stays an integer. A row that depends on others has no pivot.
 */
function reduced(
  problem: ExactProblem,
  set: WorkingSet,
  normal: readonly bigint[],
): { matrix: bigint[][]; pivots: number[] } {
  const matrix = normalEquations(problem, set, normal);
  const pivots: number[] = [];
  let previous = 1n;
  for (let pivot = 0; pivot < matrix.length; pivot += 1) {
    const pivotLine = matrix[pivot] ?? [];
    const divisor = pivotLine[pivot] ?? 0n;
    // The matrix is positive semidefinite, so a zero on the diagonal means a line of zeros.
    if (divisor === 0n) continue;
    pivots.push(pivot);
    for (let line = pivot + 1; line < matrix.length; line += 1) {
      const target = matrix[line] ?? [];
      const factor = target[pivot] ?? 0n;
      for (let column = pivot; column < target.length; column += 1) {
        target[column] = (divisor * (target[column] ?? 0n) - factor * (pivotLine[column] ?? 0n)) / previous;
      }
    }
    previous = divisor;
  }
  return { matrix, pivots };
}

function normalEquations(problem: ExactProblem, set: WorkingSet, normal: readonly bigint[]): bigint[][] {
  const { rows, bounds, targets, upper } = problem;
  const size = set.rows.length;
  const position = new Map(set.rows.map((row, at) => [row, at]));
  const counts = set.rows.map(() => new Array<number>(size).fill(0));
  const right = set.rows.map((row) => [-(bounds[row] ?? 0n), 0n] as [bigint, bigint]);
  set.places.forEach((place, index) => {
    if (place === "AT_ZERO") return;
    const free = place === "FREE";
    const weight = free ? (targets[index] ?? 0n) : (upper ?? 0n);
    const change = free ? (normal[index] ?? 0n) : 0n;
    for (const row of rows.rowsOf[index] ?? []) {
      const at = position.get(row);
      const sides = at === undefined ? undefined : right[at];
      const line = at === undefined ? undefined : counts[at];
      if (sides === undefined || line === undefined) continue;
      const sign = rows.signs[row] ?? 1;
      sides[0] += sign === -1 ? -weight : weight;
      sides[1] += sign === -1 ? -change : change;
      if (free) countShared(line, rows, rows.rowsOf[index] ?? [], position, sign);
    }
  });
  return counts.map((line, at) => [...line.map(BigInt), ...(right[at] ?? [0n, 0n])]);
}

function countShared(
  line: number[],
  { signs }: ProjectionRows,
  others: readonly number[],
  position: ReadonlyMap<number, number>,
  sign: number,
): void {
  for (const other of others) {
    const column = position.get(other);
    if (column !== undefined) line[column] = (line[column] ?? 0) + sign * (signs[other] ?? 1);
  }
}

/** Solutions over one common denominator, the determinant; the matrix is triangular with no zero pivot. */
function backSubstitute(
  matrix: readonly bigint[][],
  size: number,
): { denominator: bigint; solutions: Solution[] } {
  const denominator = size === 0 ? 1n : (matrix[size - 1]?.[size - 1] ?? 1n);
  const solutions: [bigint, bigint][] = Array.from({ length: size }, () => [0n, 0n]);
  for (let line = size - 1; line >= 0; line -= 1) {
    const row = matrix[line] ?? [];
    let [first, second] = [(row[size] ?? 0n) * denominator, (row[size + 1] ?? 0n) * denominator];
    for (let column = line + 1; column < size; column += 1) {
      first -= (row[column] ?? 0n) * (solutions[column]?.[0] ?? 0n);
      second -= (row[column] ?? 0n) * (solutions[column]?.[1] ?? 0n);
    }
    const pivot = row[line] ?? 1n;
    solutions[line] = [first / pivot, second / pivot];
  }
  return { denominator, solutions };
}

/** Drops rows that follow from the others on the free instruments: their multipliers would not be unique. */
function independentRows(problem: ExactProblem, set: WorkingSet): number[] {
  const { pivots } = reduced(problem, set, normalOf(problem, null));
  return pivots.map((pivot) => set.rows[pivot]).filter((row) => row !== undefined);
}

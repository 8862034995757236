import type { Place, ProjectionRows } from "./projection-rows.ts";

/** The projection in integers, all of one scale; `upper` is null without a limit on single weights. */
export type ExactProblem = {
  readonly targets: readonly bigint[];
  readonly upper: bigint | null;
  readonly rows: ProjectionRows;
  readonly bounds: readonly bigint[];
};

/** One bound: the sum of a row, or the lower or upper bound of one weight, as normal · w ≤ bound. */
export type Constraint =
  | { readonly kind: "ROW"; readonly row: number }
  | { readonly kind: "WEIGHT"; readonly index: number; readonly place: "AT_ZERO" | "AT_UPPER" };

/** The bounds held with equality; their normals are independent. */
export type WorkingSet = { readonly places: Place[]; rows: number[] };

/** What a bound pushes with: (value − t·fall) / denominator. Below zero it would have to pull. */
export type Multiplier = { readonly constraint: Constraint; readonly value: bigint; readonly fall: bigint };

/**
 * The best point on a working set while another constraint is pressed in with force t, for all t at once:
 * weights(t) = (weights − t·retreat) / denominator, and every multiplier likewise.
 */
export type Line = {
  readonly denominator: bigint;
  readonly weights: readonly bigint[];
  readonly retreat: readonly bigint[];
  readonly multipliers: readonly Multiplier[];
};

/** Two numbers that are worked out side by side: of the point, and of its change per unit of force. */
type Pair = [point: bigint, change: bigint];

/** The line of a working set whose rows are independent; a point, without an entering constraint. */
export function lineOn(problem: ExactProblem, set: WorkingSet, entering: Constraint | null): Line {
  const normal = normalOf(problem, entering);
  const { denominator, solutions } = solve(triangular(problem, set, normal).matrix);
  const solutionOf = new Map(set.rows.map((row, at) => [row, solutions[at] ?? NOTHING]));
  const most = (problem.upper ?? 0n) * denominator;
  const weights: bigint[] = [];
  const retreat: bigint[] = [];
  const multipliers: Multiplier[] = [];
  for (const [row, [value, fall]] of solutionOf) {
    multipliers.push({ constraint: { kind: "ROW", row }, value, fall });
  }
  set.places.forEach((place, index) => {
    const target: Pair = [(problem.targets[index] ?? 0n) * denominator, (normal[index] ?? 0n) * denominator];
    const [weight, change] = lessRows(target, problem.rows, index, solutionOf);
    weights.push(place === "FREE" ? weight : place === "AT_ZERO" ? 0n : most);
    retreat.push(place === "FREE" ? change : 0n);
    const constraint = { kind: "WEIGHT", index } as const;
    if (place === "AT_ZERO") {
      multipliers.push({ constraint: { ...constraint, place }, value: -weight, fall: -change });
    } else if (place === "AT_UPPER") {
      multipliers.push({ constraint: { ...constraint, place }, value: weight - most, fall: change });
    }
  });
  return { denominator, weights, retreat, multipliers };
}

/** The rows of a set that do not follow from those before them on the free instruments. */
export function independentRows(problem: ExactProblem, set: WorkingSet): number[] {
  const { pivots } = triangular(problem, set, normalOf(problem, null));
  return pivots.map((pivot) => set.rows[pivot]).filter((row) => row !== undefined);
}

const NOTHING: Readonly<Pair> = [0n, 0n];

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

/** An instrument's target less what the multipliers of its rows take from it. */
function lessRows(
  target: Readonly<Pair>,
  { rowsOf, signs }: ProjectionRows,
  index: number,
  solutionOf: ReadonlyMap<number, Readonly<Pair>>,
): Pair {
  let [weight, change] = target;
  for (const row of rowsOf[index] ?? []) {
    const [taken, takenPerForce] = solutionOf.get(row) ?? NOTHING;
    weight = signs[row] === -1 ? weight + taken : weight - taken;
    change = signs[row] === -1 ? change + takenPerForce : change - takenPerForce;
  }
  return [weight, change];
}

/** A linear system with two right-hand sides, one line for each unknown. */
type System = { readonly left: bigint[]; readonly right: Pair }[];

/**
 * The normal equations of the working rows over the free instruments, brought to triangular form by Bareiss'
 * fraction-free elimination: every entry stays an integer. A row that depends on others has no pivot.
 */
function triangular(
  problem: ExactProblem,
  set: WorkingSet,
  normal: readonly bigint[],
): { matrix: System; pivots: number[] } {
  const matrix = normalEquations(problem, set, normal);
  const pivots: number[] = [];
  let previous = 1n;
  matrix.forEach((pivotLine, pivot) => {
    const divisor = pivotLine.left[pivot] ?? 0n;
    // The matrix is positive semidefinite, so a zero on the diagonal means a line of zeros.
    if (divisor === 0n) return;
    pivots.push(pivot);
    for (const { left, right } of matrix.slice(pivot + 1)) {
      const factor = left[pivot] ?? 0n;
      const reduce = (entry: bigint, above: bigint): bigint => (divisor * entry - factor * above) / previous;
      for (let column = pivot; column < left.length; column += 1) {
        left[column] = reduce(left[column] ?? 0n, pivotLine.left[column] ?? 0n);
      }
      right[0] = reduce(right[0], pivotLine.right[0]);
      right[1] = reduce(right[1], pivotLine.right[1]);
    }
    previous = divisor;
  });
  return { matrix, pivots };
}

/** Left: how many free instruments two rows share. Right: by how much each row's sum is off its bound. */
function normalEquations(problem: ExactProblem, set: WorkingSet, normal: readonly bigint[]): System {
  const { rows, bounds } = problem;
  const counts = set.rows.map(() => set.rows.map(() => 0));
  const sums = set.rows.map((row): Pair => [-(bounds[row] ?? 0n), 0n]);
  const position = new Map(set.rows.map((row, at) => [row, at]));
  set.places.forEach((place, index) => {
    if (place === "AT_ZERO") return;
    const [weight, change] = place === "FREE" ? [problem.targets[index], normal[index]] : [problem.upper, 0n];
    for (const row of rows.rowsOf[index] ?? []) {
      const sum = sums[position.get(row) ?? -1];
      if (sum === undefined) continue;
      const sign = rows.signs[row] === -1 ? -1n : 1n;
      sum[0] += sign * (weight ?? 0n);
      sum[1] += sign * (change ?? 0n);
    }
    if (place === "FREE") countShared(counts, rows, index, position);
  });
  return sums.map((right, at) => ({ left: (counts[at] ?? []).map(BigInt), right }));
}

function countShared(
  counts: number[][],
  { rowsOf, signs }: ProjectionRows,
  index: number,
  position: ReadonlyMap<number, number>,
): void {
  for (const row of rowsOf[index] ?? []) {
    const line = counts[position.get(row) ?? -1];
    if (line === undefined) continue;
    for (const other of rowsOf[index] ?? []) {
      const column = position.get(other);
      const sign = signs[row] === signs[other] ? 1 : -1;
      if (column !== undefined) line[column] = (line[column] ?? 0) + sign;
    }
  }
}

/** Solves a triangular system without zero pivots, over one common denominator: its determinant. */
function solve(matrix: System): { denominator: bigint; solutions: Pair[] } {
  const denominator = matrix.at(-1)?.left.at(-1) ?? 1n;
  const solutions: Pair[] = matrix.map(() => [0n, 0n]);
  for (const [at, { left, right }] of [...matrix.entries()].reverse()) {
    const rest: Pair = [right[0] * denominator, right[1] * denominator];
    for (let column = at + 1; column < left.length; column += 1) {
      const [point, change] = solutions[column] ?? NOTHING;
      rest[0] -= (left[column] ?? 0n) * point;
      rest[1] -= (left[column] ?? 0n) * change;
    }
    const pivot = left[at] ?? 1n;
    solutions[at] = [rest[0] / pivot, rest[1] / pivot];
  }
  return { denominator, solutions };
}

import type { ActiveSet, Place, ProjectionRows } from "./projection-rows.ts";

/** The projection in doubles; `upper` is Infinity without a limit on single weights. */
export type ApproximateProblem = {
  readonly targets: readonly number[];
  readonly upper: number;
  readonly rows: ProjectionRows;
  readonly bounds: readonly number[];
};

const MOST_STEPS = 200;
const OPTIMAL = 1e-14;
/** Keeps the Newton system solvable when rows depend on one another. */
const RIDGE = 1e-9;
/** Speeds and slopes below this are what the ridge and rounding leave of zero; directions have length one. */
const NOISE = 1e-8;
const FLAT = 1e-13;

type Point = {
  /** Targets less the multipliers of their rows: what a weight would be without its own bounds. */
  readonly shifted: Float64Array;
  /** By how much each row is exceeded. */
  readonly excess: Float64Array;
};

/** Multipliers by row. As a ray they are a guess at a combination of rows that no weights can satisfy. */
export type RowMultipliers = ReadonlyMap<number, number>;

export type Approximation = { readonly activeSet: ActiveSet; readonly ray: RowMultipliers | null };

/**
 * Guesses which bounds hold with equality at the solution. Semismooth Newton on the dual: a multiplier for each
 * row, the weights following from them by clipping; a handful of steps, each linear in instruments. Nothing
 * depends on the guess being right: the exact solver mends it.
 */
export function approximate(problem: ApproximateProblem): Approximation {
  const multipliers = new Float64Array(problem.bounds.length);
  let point = evaluate(problem, multipliers);
  for (let step = 0; step < MOST_STEPS && distanceFromOptimum(point, multipliers) > OPTIMAL; step += 1) {
    const direction = newtonDirection(problem, point, multipliers);
    const { length, endless } = stepLength(problem, point, multipliers, direction);
    if (endless) return { activeSet: activeSet(problem, point, multipliers), ray: direction };
    if (length === 0) break;
    for (const [row, change] of direction) {
      multipliers[row] = Math.max(0, (multipliers[row] ?? 0) + length * change);
    }
    point = evaluate(problem, multipliers);
  }
  return { activeSet: activeSet(problem, point, multipliers), ray: null };
}

function activeSet({ upper }: ApproximateProblem, { shifted }: Point, multipliers: Float64Array): ActiveSet {
  const place = (weight: number): Place => (weight <= 0 ? "AT_ZERO" : weight >= upper ? "AT_UPPER" : "FREE");
  const rows = [...multipliers.keys()].filter((row) => (multipliers[row] ?? 0) > 0);
  return { places: Array.from(shifted, place), rows };
}

function evaluate({ targets, upper, rows, bounds }: ApproximateProblem, multipliers: Float64Array): Point {
  const shifted = Float64Array.from(targets);
  rows.members.forEach((members, row) => {
    const shift = (multipliers[row] ?? 0) * (rows.signs[row] ?? 1);
    if (shift !== 0) for (const index of members) shifted[index] = (shifted[index] ?? 0) - shift;
  });
  const excess = Float64Array.from(bounds, (bound) => -bound);
  rows.members.forEach((members, row) => {
    let sum = 0;
    for (const index of members) sum += clip(shifted[index] ?? 0, upper);
    excess[row] = (excess[row] ?? 0) + sum * (rows.signs[row] ?? 1);
  });
  return { shifted, excess };
}

function clip(weight: number, upper: number): number {
  return weight < 0 ? 0 : weight > upper ? upper : weight;
}

/** The largest excess of a row, or slack of a row that carries a multiplier. */
function distanceFromOptimum({ excess }: Point, multipliers: Float64Array): number {
  return excess.reduce((worst, value, row) => {
    const distance = (multipliers[row] ?? 0) > 0 ? Math.abs(value) : value;
    return Math.max(worst, distance);
  }, 0);
}

/** The Newton step of the multipliers, over the rows that are exceeded or carry one. */
function newtonDirection(
  problem: ApproximateProblem,
  point: Point,
  multipliers: Float64Array,
): RowMultipliers {
  const carries = (row: number): boolean => (multipliers[row] ?? 0) > 0;
  let working = [...point.excess.keys()].filter((row) => carries(row) || (point.excess[row] ?? 0) > 0);
  for (;;) {
    const matrix = gramMatrix(problem, point, working);
    const solution = solvePositive(
      matrix,
      working.map((row) => point.excess[row] ?? 0),
    );
    const step = new Map(working.map((row, position) => [row, solution[position] ?? 0]));
    // A multiplier at zero may only grow: without such a row the others have another solution.
    const kept = working.filter((row) => carries(row) || (step.get(row) ?? 0) >= 0);
    if (kept.length === working.length) return ofLengthOne(step);
    working = kept;
  }
}

function ofLengthOne(step: RowMultipliers): RowMultipliers {
  const length = Math.max(...[...step.values()].map(Math.abs));
  return new Map([...step].map(([row, change]) => [row, change / length]));
}

/** How many free instruments two rows share, with their signs. */
function gramMatrix(
  { rows, upper }: ApproximateProblem,
  { shifted }: Point,
  working: readonly number[],
): number[][] {
  const matrix: number[][] = working.map(() => working.map(() => 0));
  matrix.forEach((line, position) => (line[position] = RIDGE));
  const positionOf = new Map(working.map((row, position) => [row, position]));
  rows.rowsOf.forEach((rowsOfIndex, index) => {
    const weight = shifted[index] ?? 0;
    if (weight <= 0 || weight >= upper) return;
    for (const row of rowsOfIndex) {
      const line = matrix[positionOf.get(row) ?? -1];
      if (line === undefined) continue;
      for (const other of rowsOfIndex) {
        const column = positionOf.get(other);
        if (column === undefined) continue;
        line[column] = (line[column] ?? 0) + (rows.signs[row] ?? 1) * (rows.signs[other] ?? 1);
      }
    }
  });
  return matrix;
}

/** Solves a symmetric positive definite system by Gaussian elimination; overwrites both arguments. */
function solvePositive(matrix: number[][], right: number[]): number[] {
  matrix.forEach((pivotLine, pivot) => {
    for (let line = pivot + 1; line < matrix.length; line += 1) {
      const target = matrix[line] ?? [];
      const factor = (target[pivot] ?? 0) / (pivotLine[pivot] ?? 1);
      if (factor === 0) continue;
      for (let column = pivot; column < target.length; column += 1) {
        target[column] = (target[column] ?? 0) - factor * (pivotLine[column] ?? 0);
      }
      right[line] = (right[line] ?? 0) - factor * (right[pivot] ?? 0);
    }
  });
  for (let line = matrix.length - 1; line >= 0; line -= 1) {
    const row = matrix[line] ?? [];
    let value = right[line] ?? 0;
    for (let column = line + 1; column < row.length; column += 1)
      value -= (row[column] ?? 0) * (right[column] ?? 0);
    right[line] = value / (row[line] ?? 1);
  }
  return right;
}

/** A point along the direction where a weight reaches or leaves a bound, and how that bends the slope. */
type Kink = { readonly at: number; readonly bend: number };

/**
 * How far to go: to where the dual stops rising, or where a multiplier reaches zero. Along the direction the
 * slope falls in straight pieces, so its zero is found by walking the kinks. Where the slope stays above zero
 * the dual rises endlessly, and the problem is infeasible.
 */
function stepLength(
  problem: ApproximateProblem,
  point: Point,
  multipliers: Float64Array,
  direction: RowMultipliers,
): { length: number; endless: boolean } {
  let longest = Infinity;
  for (const [row, change] of direction) {
    if (change < 0) longest = Math.min(longest, -(multipliers[row] ?? 0) / change);
  }
  const highest = highestPoint(slopeAlong(problem, point, direction));
  const length = Math.min(highest, longest);
  return { length, endless: length === Infinity };
}

/** Where the slope reaches zero; Infinity where it never does. */
function highestPoint({ kinks, slope, bend, moving }: Slope): number {
  let at = 0;
  let value = slope;
  let fall = bend;
  let stillMoving = moving;
  for (const kink of [...kinks, { at: Infinity, bend: 0 }]) {
    if (value <= FLAT) return at;
    if (fall < 0 && at - value / fall <= kink.at) return at - value / fall;
    if (kink.at < Infinity) value += fall * (kink.at - at);
    at = kink.at;
    stillMoving -= Math.sign(kink.bend);
    // Rounding would leave a trace of a bend where nothing moves any more.
    fall = stillMoving === 0 ? 0 : fall + kink.bend;
  }
  return Infinity;
}

/** The slope at the start, how many weights move there and bend it, and where that changes, in order. */
type Slope = {
  readonly kinks: readonly Kink[];
  readonly slope: number;
  readonly bend: number;
  readonly moving: number;
};

function slopeAlong(
  { rows, bounds, upper }: ApproximateProblem,
  { shifted }: Point,
  direction: RowMultipliers,
): Slope {
  const speed = new Float64Array(shifted.length);
  let slope = 0;
  let bend = 0;
  let moving = 0;
  for (const [row, change] of direction) {
    slope -= change * (bounds[row] ?? 0);
    for (const index of rows.members[row] ?? [])
      speed[index] = (speed[index] ?? 0) + change * (rows.signs[row] ?? 1);
  }
  const kinks: Kink[] = [];
  speed.forEach((rate, index) => {
    if (Math.abs(rate) < NOISE) return;
    const weight = shifted[index] ?? 0;
    slope += rate * clip(weight, upper);
    const atZero = weight / rate;
    const atUpper = (weight - upper) / rate;
    const enters = Math.min(atZero, atUpper);
    const leaves = Math.max(atZero, atUpper);
    if (leaves <= 0) return;
    if (enters <= 0) {
      bend -= rate * rate;
      moving += 1;
    } else kinks.push({ at: enters, bend: -rate * rate });
    if (leaves < Infinity) kinks.push({ at: leaves, bend: rate * rate });
  });
  kinks.sort((a, b) => a.at - b.at);
  return { kinks, slope, bend, moving };
}

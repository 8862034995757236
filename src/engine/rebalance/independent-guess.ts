import type { ApproximateProblem, DualPoint } from "./dual-function.ts";
import { factoringOperations, isGuessSpent, PASS_OPERATIONS, spend, type Effort } from "./effort.ts";
import { independentRows } from "./integer-system.ts";
import { solveRegularized } from "./regularized-system.ts";
import { sizeOf, type ActiveSet, type BoundStatus } from "./sum-constraints.ts";
import { countInstrument, noSumProducts, productsOf, type SumProducts } from "./sum-products.ts";

/** Rates below this are rounding errors. */
const LEAST_RATE = 1e-9;
/** More moves than this for each sum constraint do not come to an end. */
const MOVES_FOR_EACH_SUM = 4;

/** A guess while it is reduced. */
type Guess = {
  readonly bounds: BoundStatus[];
  readonly multipliers: Float64Array;
  readonly unclipped: Float64Array;
  /** A·Aᵀ over the free weights. */
  readonly products: SumProducts;
};

/** A move of the multipliers that leaves the free weights as they are. */
type Move = {
  /** By index of the sum constraint. */
  readonly rises: ReadonlyMap<number, number>;
  /** What it adds to the unclipped weights; those that are free do not change. */
  readonly rates: Float64Array;
};

/** The length of a move at which the multiplier of a sum constraint or of an instrument's bound reaches zero. */
type Stop = { readonly at: number; readonly kind: "SUM" | "BOUND"; readonly index: number };

/**
 * The active set at a point of the dual, with sum constraints that are independent over the free weights. Where
 * they depend on one another, the multipliers can move without a change of the weights. They move until one is
 * zero, and its constraint is left out; so none of the others becomes negative (Carathéodory's theorem).
 */
export function independentGuess(
  problem: ApproximateProblem,
  point: DualPoint,
  multipliers: Float64Array,
  effort: Effort,
): ActiveSet {
  const { constraints } = problem;
  const guess = guessAt(problem, point, multipliers);
  const mostMoves = MOVES_FOR_EACH_SUM * multipliers.length;
  for (let moves = 0; moves < mostMoves && !isGuessSpent(effort); moves += 1) {
    const sums = positiveSums(guess);
    spend(effort, factoringOperations(sums.length) + PASS_OPERATIONS * sizeOf(constraints));
    const independent = independentRows(productsOf(guess.products, sums));
    const row = sums.findIndex((_, position) => independent[position] !== position);
    const dependent = sums[row];
    if (dependent === undefined) break;
    const move = moveOf(problem, guess, sums.slice(0, row), dependent);
    makeMove(problem, guess, move, firstStop(problem, guess, move));
  }
  return { bounds: guess.bounds, sums: positiveSums(guess) };
}

function guessAt(
  { constraints, upperBound }: ApproximateProblem,
  { unclipped }: DualPoint,
  multipliers: Float64Array,
): Guess {
  const bounds = Array.from(unclipped, (weight): BoundStatus =>
    weight <= 0 ? "AT_LOWER" : weight >= upperBound ? "AT_UPPER" : "FREE",
  );
  const products = noSumProducts(constraints);
  bounds.forEach((status, index) => {
    if (status === "FREE") countInstrument(products, constraints, index, 1);
  });
  return { bounds, multipliers: multipliers.slice(), unclipped: unclipped.slice(), products };
}

function positiveSums({ multipliers }: Guess): number[] {
  return [...multipliers.keys()].filter((sumIndex) => (multipliers[sumIndex] ?? 0) > 0);
}

/** Lowers the multiplier of a sum constraint and raises those that it depends on by its combination of them. */
function moveOf(
  { constraints }: ApproximateProblem,
  { products, unclipped }: Guess,
  others: readonly number[],
  dependent: number,
): Move {
  const { entries, size } = products;
  const right = Float64Array.from(others, (other) => entries[dependent * size + other] ?? 0);
  const combination = solveRegularized(productsOf(products, others), right, 0);
  const rises = new Map([
    [dependent, -1],
    ...others.map((other, at) => [other, combination[at] ?? 0] as const),
  ]);
  const rates = new Float64Array(unclipped.length);
  for (const [sumIndex, rise] of rises) {
    const signed = rise * (constraints.signs[sumIndex] ?? 1);
    for (const index of constraints.members[sumIndex] ?? []) rates[index] = (rates[index] ?? 0) - signed;
  }
  return { rises, rates };
}

function firstStop(
  { upperBound }: ApproximateProblem,
  { bounds, multipliers, unclipped }: Guess,
  { rises, rates }: Move,
): Stop | null {
  let first: Stop | null = null;
  const consider = (multiplier: number, decrease: number, kind: Stop["kind"], index: number): void => {
    if (decrease <= LEAST_RATE) return;
    const at = multiplier / decrease;
    if (first === null || at < first.at) first = { at, kind, index };
  };
  for (const [sumIndex, rise] of rises) consider(multipliers[sumIndex] ?? 0, -rise, "SUM", sumIndex);
  bounds.forEach((status, index) => {
    const weight = unclipped[index] ?? 0;
    const rate = rates[index] ?? 0;
    if (status === "AT_LOWER") consider(-weight, rate, "BOUND", index);
    if (status === "AT_UPPER") consider(weight - upperBound, -rate, "BOUND", index);
  });
  return first;
}

function makeMove(
  { constraints }: ApproximateProblem,
  { bounds, multipliers, unclipped, products }: Guess,
  { rises, rates }: Move,
  stop: Stop | null,
): void {
  if (stop === null) return;
  for (const [sumIndex, rise] of rises) {
    multipliers[sumIndex] = Math.max(0, (multipliers[sumIndex] ?? 0) + stop.at * rise);
  }
  bounds.forEach((status, index) => {
    if (status !== "FREE") unclipped[index] = (unclipped[index] ?? 0) + stop.at * (rates[index] ?? 0);
  });
  if (stop.kind === "SUM") multipliers[stop.index] = 0;
  else {
    bounds[stop.index] = "FREE";
    countInstrument(products, constraints, stop.index, 1);
  }
}

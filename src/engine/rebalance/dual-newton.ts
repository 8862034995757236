import {
  dualValue,
  evaluateDual,
  type ApproximateProblem,
  type DualPoint,
  type DualVector,
} from "./dual-function.ts";
import { factoringOperations, isGuessSpent, spend, type Effort } from "./effort.ts";
import { stepLengths, type StepLengths } from "./dual-line-search.ts";
import { independentGuess } from "./independent-guess.ts";
import { solveRegularized } from "./regularized-system.ts";
import type { ActiveSet } from "./sum-constraints.ts";
import { countInstrument, noSumProducts, productsOf, type SumProducts } from "./sum-products.ts";

const MOST_ITERATIONS = 200;
const RESIDUAL_TOLERANCE = 1e-14;
/** In units of the largest number of the problem. A longer step is a sign that no weights satisfy the constraints. */
const LONGEST_STEP = 1e4;
/** How many step lengths past the first multiplier that becomes zero are tried, and how they shrink. */
const LONG_STEPS_TRIED = 6;
const SHRINKING = 0.25;
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
export function approximate(problem: ApproximateProblem, effort: Effort): Approximation {
  const longestStep = LONGEST_STEP * largestNumber(problem);
  const products = noSumProducts(problem.constraints);
  const isFree = new Uint8Array(problem.targets.length);
  let multipliers: Float64Array = new Float64Array(problem.limits.length);
  let point = evaluateDual(problem, multipliers, effort);
  let ray: DualVector | null = null;
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration += 1) {
    if (kktResidual(point, multipliers) <= RESIDUAL_TOLERANCE || isGuessSpent(effort)) break;
    followFreeWeights(problem, point, products, isFree, effort);
    const direction = newtonDirection(products, point, multipliers, effort);
    const lengths = stepLengths(problem, point, multipliers, direction, effort);
    const length = Math.min(lengths.best, lengths.feasible);
    if (length > longestStep) ray = direction;
    if (length === 0 || ray !== null) break;
    multipliers = longestRise(problem, multipliers, direction, lengths, effort);
    point = evaluateDual(problem, multipliers, effort);
  }
  return { activeSet: independentGuess(problem, point, multipliers, effort), ray };
}

function largestNumber({ targets, limits }: ApproximateProblem): number {
  return [...targets, ...limits].reduce((largest, number) => Math.max(largest, Math.abs(number)), 0);
}

/**
 * The multipliers after a step. Past the length that is feasible, multipliers that would become negative are held
 * at zero; such a step is taken if the dual rises more, as it can pass many of them at once.
 */
function longestRise(
  problem: ApproximateProblem,
  multipliers: Float64Array,
  direction: DualVector,
  { best, feasible }: StepLengths,
  effort: Effort,
): Float64Array {
  const after = (length: number): Float64Array =>
    multipliers.map((multiplier, sumIndex) =>
      Math.max(0, multiplier + length * (direction.get(sumIndex) ?? 0)),
    );
  const feasibleStep = after(Math.min(best, feasible));
  if (best <= feasible || best === Infinity) return feasibleStep;
  const least = dualValue(problem, feasibleStep, effort);
  let length = best;
  for (let tried = 0; tried < LONG_STEPS_TRIED && length > feasible; tried += 1) {
    const longStep = after(length);
    if (dualValue(problem, longStep, effort) > least) return longStep;
    length *= SHRINKING;
  }
  return feasibleStep;
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
  products: SumProducts,
  { violations }: DualPoint,
  multipliers: Float64Array,
  effort: Effort,
): DualVector {
  const isPositive = (sumIndex: number): boolean => (multipliers[sumIndex] ?? 0) > 0;
  let working = [...violations.keys()].filter(
    (sumIndex) => isPositive(sumIndex) || (violations[sumIndex] ?? 0) > 0,
  );
  for (;;) {
    // The negative Hessian of the dual: A·Aᵀ over the working sum constraints and the free weights.
    const hessian = productsOf(products, working);
    const right = Float64Array.from(working, (sumIndex) => violations[sumIndex] ?? 0);
    const solution = solveRegularized(hessian, right, REGULARIZATION);
    spend(effort, factoringOperations(working.length));
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

/** Counts the instruments whose weight became free or ceased to be. */
function followFreeWeights(
  { constraints, upperBound }: ApproximateProblem,
  { unclipped }: DualPoint,
  products: SumProducts,
  isFree: Uint8Array,
  effort: Effort,
): void {
  unclipped.forEach((weight, index) => {
    const free = weight > 0 && weight < upperBound ? 1 : 0;
    if (free === isFree[index]) return;
    countInstrument(products, constraints, index, free === 1 ? 1 : -1);
    const sums = constraints.memberships[index]?.length ?? 0;
    spend(effort, sums * sums);
    isFree[index] = free;
  });
}

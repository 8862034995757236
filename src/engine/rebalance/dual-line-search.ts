import { clip, type ApproximateProblem, type DualPoint, type DualVector } from "./dual-function.ts";
import { PASS_OPERATIONS, spend, type Effort } from "./effort.ts";
import { sizeOf } from "./sum-constraints.ts";

/** Rates of change and slopes below these are rounding errors; directions are scaled to a length of one. */
const LEAST_RATE = 1e-8;
const LEAST_SLOPE = 1e-13;

/** A step length at which a weight reaches or leaves a bound, and by how much the curvature changes there. */
type Breakpoint = { readonly at: number; readonly curvatureChange: number };

/** The dual along a direction: a concave, piecewise quadratic function of the step length. */
type DirectionalDual = {
  readonly breakpoints: readonly Breakpoint[];
  /** The first derivative at step length zero. */
  readonly slope: number;
  /** The second derivative right after step length zero. */
  readonly curvature: number;
  /** How many weights change right after step length zero. */
  readonly changing: number;
};

/** How far a step goes along a direction. */
export type StepLengths = {
  /** Where the dual is highest; Infinity where it rises without end. */
  readonly best: number;
  /** Up to where no multiplier becomes negative. */
  readonly feasible: number;
};

/** The lengths of a step; if both are Infinity, the direction is a ray that proves infeasibility. */
export function stepLengths(
  problem: ApproximateProblem,
  point: DualPoint,
  multipliers: Float64Array,
  direction: DualVector,
  effort: Effort,
): StepLengths {
  spend(effort, PASS_OPERATIONS * (sizeOf(problem.constraints) + sortingSteps(problem.targets.length)));
  let feasible = Infinity;
  for (const [sumIndex, change] of direction) {
    if (change < 0) feasible = Math.min(feasible, -(multipliers[sumIndex] ?? 0) / change);
  }
  return { best: maximizer(dualAlong(problem, point, direction)), feasible };
}

/** How many comparisons it takes to sort, about. */
function sortingSteps(count: number): number {
  return count * (32 - Math.clz32(count));
}

/** Where the slope reaches zero, found by walking the breakpoints in order; Infinity where it never does. */
function maximizer({ breakpoints, slope, curvature, changing }: DirectionalDual): number {
  let at = 0;
  let currentSlope = slope;
  let currentCurvature = curvature;
  let stillChanging = changing;
  for (const breakpoint of [...breakpoints, { at: Infinity, curvatureChange: 0 }]) {
    if (currentSlope <= LEAST_SLOPE) return at;
    if (currentCurvature < 0 && at - currentSlope / currentCurvature <= breakpoint.at)
      return at - currentSlope / currentCurvature;
    if (breakpoint.at < Infinity) currentSlope += currentCurvature * (breakpoint.at - at);
    at = breakpoint.at;
    stillChanging -= Math.sign(breakpoint.curvatureChange);
    // The curvature is exactly zero where no weight changes; the sum would keep a rounding error.
    currentCurvature = stillChanging === 0 ? 0 : currentCurvature + breakpoint.curvatureChange;
  }
  return Infinity;
}

function dualAlong(
  { constraints, limits, upperBound }: ApproximateProblem,
  { unclipped }: DualPoint,
  direction: DualVector,
): DirectionalDual {
  const rates = new Float64Array(unclipped.length);
  let slope = 0;
  let curvature = 0;
  let changing = 0;
  for (const [sumIndex, change] of direction) {
    slope -= change * (limits[sumIndex] ?? 0);
    for (const index of constraints.members[sumIndex] ?? [])
      rates[index] = (rates[index] ?? 0) + change * (constraints.signs[sumIndex] ?? 1);
  }
  const breakpoints: Breakpoint[] = [];
  rates.forEach((rate, index) => {
    if (Math.abs(rate) < LEAST_RATE) return;
    const weight = unclipped[index] ?? 0;
    slope += rate * clip(weight, upperBound);
    const atLower = weight / rate;
    const atUpper = (weight - upperBound) / rate;
    const becomesFree = Math.min(atLower, atUpper);
    const becomesFixed = Math.max(atLower, atUpper);
    if (becomesFixed <= 0) return;
    if (becomesFree <= 0) {
      curvature -= rate * rate;
      changing += 1;
    } else breakpoints.push({ at: becomesFree, curvatureChange: -rate * rate });
    if (becomesFixed < Infinity) breakpoints.push({ at: becomesFixed, curvatureChange: rate * rate });
  });
  breakpoints.sort((a, b) => a.at - b.at);
  return { breakpoints, slope, curvature, changing };
}

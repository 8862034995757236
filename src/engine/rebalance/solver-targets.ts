import { ROUNDED } from "../../decimal/arithmetic.ts";
import {
  compare,
  decimal,
  isZero,
  maximum,
  multiply,
  ONE,
  roundToScale,
  subtract,
  ZERO,
  type Decimal,
} from "../../decimal/decimal.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { MOST_OPERATIONS } from "./effort.ts";
import { projectTargets, type ProjectionProblem } from "./projection.ts";
import {
  BLOCKED_TARGETS,
  groupsOf,
  lockedWeight,
  redistributeSellOnly,
  warnUnknownAttribute,
  type Group,
  type TargetOutcome,
  type TargetProblem,
  type TargetWeights,
} from "./targets.ts";

const WEIGHT_DECIMALS = 4;

/** A group constraint as the solver sees it. All numbers are shares of the portfolio. */
export type GroupCap = {
  readonly key: string;
  /** The weight of its members that are not buyable; the solver cannot change it. */
  readonly lockedWeight: Decimal;
  readonly maxWeight: Decimal;
  /** Its buyable members. */
  readonly members: string[];
};

/**
 * The weights with the least sum of squared differences from the model that satisfy every constraint at once,
 * rounded half-even to four decimals. Without such weights the outcome is BLOCKED, with warnings that say why.
 * docs/solver.md explains the method.
 */
export function solverTargets(
  problem: TargetProblem,
  diagnostics: Diagnostics,
  mostOperations = MOST_OPERATIONS,
): TargetOutcome {
  const { universe } = problem;
  const weights: TargetWeights = new Map(universe.eligible);
  const status = redistributeSellOnly(weights, universe, ROUNDED);
  if (universe.buyable.size === 0) return { status, weights };
  const caps = groupCaps(problem, weights, diagnostics);
  const projection = projectionProblem(problem, lockedWeight(weights, universe, ROUNDED), caps);
  const solution = projectTargets(projection, mostOperations);
  if (solution.outcome === "INFEASIBLE") {
    diagnostics.warnings.push("INFEASIBLE_INFEASIBLE", ...infeasibilityHints(projection, caps));
    return BLOCKED_TARGETS;
  }
  if (solution.outcome === "LIMIT_REACHED") {
    diagnostics.warnings.push("SOLVER_LIMIT_REACHED");
    return BLOCKED_TARGETS;
  }
  for (const [instrument, weight] of solution.weights) {
    weights.set(instrument, roundToScale(maximum(weight, ZERO), WEIGHT_DECIMALS));
  }
  return { status, weights };
}

/** The group constraints that have a weight to limit, in ascending order of key. */
export function groupCaps(
  problem: TargetProblem,
  weights: TargetWeights,
  diagnostics: Diagnostics,
): GroupCap[] {
  const caps: GroupCap[] = [];
  for (const group of groupsOf(problem)) {
    if (!group.known) warnUnknownAttribute(diagnostics, group);
    else caps.push(groupCap(group, weights, problem));
  }
  return caps.filter((cap) => cap.members.length > 0 || !isZero(cap.lockedWeight));
}

function groupCap(
  { key, maxWeight, members }: Group,
  weights: TargetWeights,
  { universe: { buyable }, lookups }: TargetProblem,
): GroupCap {
  const { sum } = lookups.arithmetic;
  const locked = members.filter((member) => !buyable.has(member));
  return {
    key,
    lockedWeight: sum(locked.map((member) => weights.get(member) ?? ZERO)),
    maxWeight,
    members: members.filter((member) => buyable.has(member)),
  };
}

/** Locked weights are constant, so they are subtracted from every limit that they count against. */
function projectionProblem(
  { universe, options }: TargetProblem,
  locked: Decimal,
  caps: readonly GroupCap[],
): ProjectionProblem {
  return {
    // The weights of the model itself, not those after the pro rata redistribution of SELL_ONLY targets.
    targets: [...universe.eligible].filter(([instrument]) => universe.buyable.has(instrument)),
    minimumSum: subtract(subtract(ONE, options.cash_band_max_weight), locked),
    maximumSum: subtract(subtract(ONE, options.cash_band_min_weight), locked),
    maximumWeight: options.single_position_max_weight,
    caps: caps.map((cap) => ({
      members: cap.members,
      maximum: subtract(cap.maxWeight, cap.lockedWeight),
    })),
  };
}

/** Warnings for the causes that single constraints show; a conflict of several constraints has no hint. */
export function infeasibilityHints(problem: ProjectionProblem, caps: readonly GroupCap[]): string[] {
  const { targets, minimumSum, maximumSum, maximumWeight } = problem;
  const hints: string[] = [];
  if (compare(minimumSum, maximumSum) > 0) hints.push("INFEASIBILITY_HINT_CASH_BAND_CONTRADICTION");
  if (maximumWeight !== null) {
    const capacity = multiply(maximumWeight, decimal(targets.length));
    if (compare(capacity, minimumSum) < 0) hints.push("INFEASIBILITY_HINT_SINGLE_POSITION_CAPACITY");
  }
  for (const { key, lockedWeight: locked, maxWeight } of caps) {
    if (compare(locked, maxWeight) > 0) hints.push(`INFEASIBILITY_HINT_LOCKED_GROUP_WEIGHT_${key}`);
  }
  return hints;
}

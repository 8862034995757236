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
import { sum } from "../sum.ts";
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
  type Weights,
} from "./targets.ts";
import type { Universe } from "./universe.ts";

const WEIGHT_DECIMALS = 4;

/** A group whose cap binds the solver, less what is locked in it already. */
type Cap = {
  readonly key: string;
  readonly lockedMembers: Decimal;
  readonly max: Decimal;
  readonly members: string[];
};

/** The weights nearest to the model, by the sum of squares, that keep every constraint at once. */
export function solverTargets(problem: TargetProblem, diagnostics: Diagnostics): TargetOutcome {
  const { universe } = problem;
  const weights: Weights = new Map(universe.eligible);
  const status = redistributeSellOnly(weights, universe);
  if (universe.buyable.size === 0) return { status, weights };
  const caps = groupCaps(problem, weights, diagnostics);
  const projection = describe(problem, lockedWeight(weights, universe), caps);
  const solution = projectTargets(projection);
  if (solution.outcome === "INFEASIBLE") {
    diagnostics.warnings.push("INFEASIBLE_INFEASIBLE", ...infeasibilityHints(projection, caps));
    return BLOCKED_TARGETS;
  }
  if (solution.outcome === "FAILED") {
    diagnostics.warnings.push("SOLVER_ERROR");
    return BLOCKED_TARGETS;
  }
  for (const [instrument, weight] of solution.weights) {
    weights.set(instrument, roundToScale(maximum(weight, ZERO), WEIGHT_DECIMALS));
  }
  return { status, weights };
}

function groupCaps(problem: TargetProblem, weights: Weights, diagnostics: Diagnostics): Cap[] {
  const caps: Cap[] = [];
  for (const group of groupsOf(problem)) {
    if (!group.known) warnUnknownAttribute(diagnostics, group);
    else caps.push(groupCap(group, weights, problem.universe));
  }
  return caps.filter(({ members, lockedMembers }) => members.length > 0 || !isZero(lockedMembers));
}

function groupCap({ key, maxWeight, members }: Group, weights: Weights, { buyable }: Universe): Cap {
  const locked = members.filter((member) => !buyable.has(member));
  return {
    key,
    lockedMembers: sum(locked.map((member) => weights.get(member) ?? ZERO)),
    max: maxWeight,
    members: members.filter((member) => buyable.has(member)),
  };
}

function describe(
  { universe, options }: TargetProblem,
  locked: Decimal,
  caps: readonly Cap[],
): ProjectionProblem {
  return {
    // The model's own weights: what SELL_ONLY targets leave is placed by the solver, not shared out first.
    targets: [...universe.eligible].filter(([instrument]) => universe.buyable.has(instrument)),
    minimumSum: subtract(subtract(ONE, options.cash_band_max_weight), locked),
    maximumSum: subtract(subtract(ONE, options.cash_band_min_weight), locked),
    maximumWeight: options.single_position_max_weight,
    caps: caps.map(({ lockedMembers, max, members }) => ({ members, maximum: subtract(max, lockedMembers) })),
  };
}

function infeasibilityHints(problem: ProjectionProblem, caps: readonly Cap[]): string[] {
  const { targets, minimumSum, maximumSum, maximumWeight } = problem;
  const hints: string[] = [];
  if (compare(minimumSum, maximumSum) > 0) hints.push("INFEASIBILITY_HINT_CASH_BAND_CONTRADICTION");
  if (maximumWeight !== null) {
    const capacity = multiply(maximumWeight, decimal(targets.length));
    if (compare(capacity, minimumSum) < 0) hints.push("INFEASIBILITY_HINT_SINGLE_POSITION_CAPACITY");
  }
  for (const { key, lockedMembers, max } of caps) {
    if (compare(lockedMembers, max) > 0) hints.push(`INFEASIBILITY_HINT_LOCKED_GROUP_WEIGHT_${key}`);
  }
  return hints;
}

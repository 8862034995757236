import { mapFrom } from "../../contract/maps.ts";
import type { RunStatus } from "../../contract/rules.ts";
import { ROUNDED } from "../../decimal/arithmetic.ts";
import {
  add,
  compare,
  decimal,
  divide,
  isPositive,
  isZero,
  maximum,
  minimum,
  multiply,
  ONE,
  subtract,
  ZERO,
  type Decimal,
} from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import type { Diagnostics } from "../diagnostics.ts";
import {
  BLOCKED_TARGETS,
  buyableWeights,
  groupsOf,
  lockedWeight,
  redistributeSellOnly,
  sumOfWeights,
  warnUnknownAttribute,
  type Group,
  type TargetOutcome,
  type TargetProblem,
  type TargetWeights,
} from "./targets.ts";
import type { Universe } from "./universe.ts";

const { sum } = ROUNDED;

const GROUP_TOLERANCE = decimal("0.0001");
const FULLY_INVESTED = decimal("1.0001");
/** Weight above the single position limit that may stay in cash without a review. */
const UNPLACED_TOLERANCE = decimal("0.001");

/**
 * Applies the constraints to the model weights one after another in a fixed order, which is easy to explain.
 */
export function heuristicTargets(problem: TargetProblem, diagnostics: Diagnostics): TargetOutcome {
  const { universe, options } = problem;
  const weights: TargetWeights = new Map(universe.eligible);
  const sellOnly = redistributeSellOnly(weights, universe, ROUNDED);
  for (const group of groupsOf(problem)) {
    if (!capGroup(weights, group, universe, diagnostics)) return BLOCKED_TARGETS;
  }
  const reviews: RunStatus[] = [
    sellOnly,
    scaleToFullyInvested(weights, universe),
    capSinglePositions(weights, universe, options.single_position_max_weight),
    reserveCashBuffer(weights, universe, options.min_cash_buffer_pct),
  ];
  return { status: reviews.includes("PENDING_REVIEW") ? "PENDING_REVIEW" : "READY", weights };
}

/** Scales a group down to its cap and redistributes the excess; false when no instrument can receive it. */
function capGroup(
  weights: TargetWeights,
  group: Group,
  universe: Universe,
  diagnostics: Diagnostics,
): boolean {
  if (!group.known) warnUnknownAttribute(diagnostics, group);
  if (!group.known || group.members.length === 0) return true;
  const before = sum(group.members.map((member) => weights.get(member) ?? ZERO));
  if (compare(before, add(group.maxWeight, GROUP_TOLERANCE)) <= 0) return true;
  const scale = divide(group.maxWeight, before);
  const excess = subtract(before, group.maxWeight);
  for (const member of group.members) weights.set(member, multiply(weights.get(member) ?? ZERO, scale));
  const shares = proRataShares(weights, excess, group, universe);
  for (const [instrument, share] of shares) {
    weights.set(instrument, add(weights.get(instrument) ?? ZERO, share));
  }
  const released = shares.length > 0;
  diagnostics.warnings.push(`CAPPED_BY_GROUP_LIMIT_${group.key}`);
  if (!released) diagnostics.warnings.push("NO_ELIGIBLE_REDISTRIBUTION_DESTINATION");
  diagnostics.group_constraint_events.push({
    constraint_key: group.key,
    group_weight_before: toText(before),
    max_weight: toText(group.maxWeight),
    recipients: mapFrom(shares.map(([instrument, share]) => [instrument, toText(share)] as const)),
    released_weight: toText(excess),
    status: released ? "CAPPED" : "BLOCKED",
  });
  return released;
}

/** The excess pro rata over the buyable instruments outside the group; empty unless they have weight. */
function proRataShares(
  weights: TargetWeights,
  excess: Decimal,
  { members }: Group,
  universe: Universe,
): [string, Decimal][] {
  const inGroup = new Set(members);
  const candidates = buyableWeights(weights, universe).filter(([instrument]) => !inGroup.has(instrument));
  const total = sumOfWeights(candidates, ROUNDED);
  if (!isPositive(total)) return [];
  return candidates.map(([instrument, weight]) => [instrument, multiply(excess, divide(weight, total))]);
}

function scaleToFullyInvested(weights: TargetWeights, universe: Universe): RunStatus {
  if (compare(sum(weights.values()), FULLY_INVESTED) <= 0) return "READY";
  const locked = lockedWeight(weights, universe, ROUNDED);
  const fits = scaleBuyables(weights, universe, maximum(ZERO, subtract(ONE, locked)));
  return fits && compare(locked, ONE) <= 0 ? "READY" : "PENDING_REVIEW";
}

/** Scales the buyable weights down to the available weight; true when they already fit. */
function scaleBuyables(weights: TargetWeights, universe: Universe, available: Decimal): boolean {
  const buyable = buyableWeights(weights, universe);
  const total = sumOfWeights(buyable, ROUNDED);
  if (compare(total, available) <= 0) return true;
  const scale = divide(available, total);
  for (const [instrument, weight] of buyable) weights.set(instrument, multiply(weight, scale));
  return false;
}

function capSinglePositions(weights: TargetWeights, universe: Universe, limit: Decimal | null): RunStatus {
  if (limit === null) return "READY";
  let excess = ZERO;
  for (const [instrument, weight] of weights) {
    excess = add(excess, maximum(ZERO, subtract(weight, limit)));
    weights.set(instrument, minimum(weight, limit));
  }
  if (isZero(excess)) return "READY";
  const candidates = buyableWeights(weights, universe).filter(([, weight]) => compare(weight, limit) < 0);
  const total = sumOfWeights(candidates, ROUNDED);
  if (!isPositive(total)) return "PENDING_REVIEW";
  let remaining = excess;
  for (const [instrument, weight] of candidates) {
    const share = minimum(multiply(remaining, divide(weight, total)), subtract(limit, weight));
    weights.set(instrument, add(weight, share));
    remaining = subtract(remaining, share);
  }
  return compare(remaining, UNPLACED_TOLERANCE) > 0 ? "PENDING_REVIEW" : "READY";
}

function reserveCashBuffer(weights: TargetWeights, universe: Universe, buffer: Decimal): RunStatus {
  if (!isPositive(buffer)) return "READY";
  const locked = lockedWeight(weights, universe, ROUNDED);
  const allowed = maximum(ZERO, subtract(subtract(ONE, buffer), locked));
  return scaleBuyables(weights, universe, allowed) ? "READY" : "PENDING_REVIEW";
}

import { isNegative, isPositive, maximum, ONE, ZERO, type Decimal } from "../../decimal/decimal.ts";
import { multiply, subtract, truncatedRatio } from "../../decimal/exact.ts";
import { warnOnce, type Diagnostics } from "../diagnostics.ts";
import { MOST_OPERATIONS } from "./effort.ts";
import { explainInfeasibility } from "./infeasibility.ts";
import { projectTargets, type ProjectionProblem, type ProjectionRounding } from "./projection.ts";
import { EXCESS_KEPT_AS_CASH, lockedShortfalls, outcomeOf } from "./progressive-filling.ts";
import { groupCaps, infeasibilityHints, type GroupCap } from "./solver-targets.ts";
import {
  BLOCKED_TARGETS,
  lockedWeight,
  type TargetOutcome,
  type TargetProblem,
  type TargetShortfall,
  type TargetWeights,
} from "./targets.ts";

const WEIGHT_DECIMALS = 12;

/** Towards zero, so no upper limit is passed; a sum may miss a lower limit by 1e-12 for each instrument. */
const ROUNDING: ProjectionRounding = {
  multiply,
  weight: (numerator, denominator) =>
    numerator > 0n ? truncatedRatio(numerator, denominator, WEIGHT_DECIMALS) : ZERO,
};

/**
 * The weights with the least sum of squared differences from the model that hold every limit, rounded towards zero at
 * twelve decimals. Locked holdings take their part of each limit first; of one that they break by themselves, the others
 * get nothing. Without such weights the outcome is BLOCKED, with a proof of why. docs/solver.md explains the method.
 */
export function exactTargets(
  problem: TargetProblem,
  diagnostics: Diagnostics,
  mostOperations = MOST_OPERATIONS,
): TargetOutcome {
  const { lookups, options, universe } = problem;
  const weights: TargetWeights = new Map(universe.eligible);
  const caps = groupCaps(problem, weights, diagnostics);
  const locked = lockedWeight(weights, universe, lookups.arithmetic);
  const invested = subtract(ONE, options.cash_band_min_weight);
  const shortfalls = [...shortfallsOf(problem, caps, locked, invested)];
  for (const { code } of shortfalls) warnOnce(diagnostics, code);
  if (universe.buyable.size === 0) return outcomeOf(weights, shortfalls);
  const projection: ProjectionProblem = {
    // The weights of the model itself: what SELL_ONLY targets leave is placed by the limits.
    targets: [...universe.eligible].filter(([instrument]) => universe.buyable.has(instrument)),
    minimumSum: subtract(subtract(ONE, options.cash_band_max_weight), locked),
    maximumSum: roomBeside(locked, invested),
    maximumWeight: options.single_position_max_weight,
    caps: caps.map((cap) => ({
      members: cap.members,
      maximum: roomBeside(cap.lockedWeight, cap.maxWeight),
    })),
  };
  const solution = projectTargets(projection, mostOperations, ROUNDING);
  if (solution.outcome === "INFEASIBLE") return infeasible(projection, caps, diagnostics, mostOperations);
  if (solution.outcome === "LIMIT_REACHED") {
    diagnostics.warnings.push("SOLVER_LIMIT_REACHED");
    return BLOCKED_TARGETS;
  }
  for (const [instrument, weight] of solution.weights) weights.set(instrument, weight);
  return outcomeOf(weights, shortfalls);
}

function* shortfallsOf(
  problem: TargetProblem,
  caps: readonly GroupCap[],
  locked: Decimal,
  invested: Decimal,
): Generator<TargetShortfall> {
  const { buyable, eligible, sellOnlyExcess } = problem.universe;
  const rooms = caps.map(({ key, lockedWeight: weight, maxWeight }) => ({
    name: key,
    room: subtract(maxWeight, weight),
  }));
  if (!isNegative(invested)) rooms.push({ name: "CASH_BAND_MIN", room: subtract(invested, locked) });
  yield* lockedShortfalls(problem, rooms);
  const hasTaker = [...buyable].some((instrument) => isPositive(eligible.get(instrument) ?? ZERO));
  if (isPositive(sellOnlyExcess) && !hasTaker) {
    yield { code: EXCESS_KEPT_AS_CASH, measured: sellOnlyExcess };
  }
}

/** What is left of a limit. One that locked holdings break by themselves has nothing left; one below zero stays so. */
function roomBeside(locked: Decimal, limit: Decimal): Decimal {
  const room = subtract(limit, locked);
  return isNegative(limit) ? room : maximum(ZERO, room);
}

function infeasible(
  projection: ProjectionProblem,
  caps: readonly GroupCap[],
  diagnostics: Diagnostics,
  mostOperations: number,
): TargetOutcome {
  diagnostics.warnings.push("INFEASIBLE_INFEASIBLE", ...infeasibilityHints(projection, []));
  const infeasibility = explainInfeasibility(
    {
      instruments: projection.targets.map(([instrument]) => instrument),
      minimumSum: projection.minimumSum,
      maximumSum: projection.maximumSum,
      maximumWeight: projection.maximumWeight,
      caps: caps.map(({ key, members }, index) => ({
        name: key,
        members,
        maximum: projection.caps[index]?.maximum ?? ZERO,
      })),
    },
    { spent: 0, most: mostOperations },
  );
  if (infeasibility === undefined) diagnostics.warnings.push("INFEASIBILITY_NOT_EXPLAINED");
  return { ...BLOCKED_TARGETS, explanation: { infeasibility: infeasibility ?? null } };
}

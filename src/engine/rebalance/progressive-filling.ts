import type { RunStatus } from "../../contract/rules.ts";
import { mapFrom } from "../../contract/maps.ts";
import {
  compare,
  decimal,
  isPositive,
  maximum,
  minimum,
  ONE,
  ZERO,
  type Decimal,
} from "../../decimal/decimal.ts";
import { add, shareBelow, subtract, sum } from "../../decimal/exact.ts";
import { toText } from "../../decimal/text.ts";
import { warnOnce, type Diagnostics } from "../diagnostics.ts";
import { fill, type FillLimit } from "./fill.ts";
import {
  groupsOf,
  lockedWeight,
  warnUnknownAttribute,
  type Group,
  type TargetOutcome,
  type TargetProblem,
  type TargetShortfall,
  type TargetWeights,
} from "./targets.ts";

/** Less weight than this that found no place is rounding. */
const PLACED_TOLERANCE = decimal("1e-12");

export const EXCESS_KEPT_AS_CASH = "EXCESS_KEPT_AS_CASH";

/** What locked holdings break by themselves, by the name of the limit. */
export function exceededByLocked(constraint: string): string {
  return `LIMIT_EXCEEDED_BY_LOCKED_${constraint}`;
}

export const SINGLE_POSITION_MAX = "SINGLE_POSITION_MAX";
const CASH_BUFFER = "CASH_BUFFER";

/** A limit on a sum of weights, of which locked holdings take their part first. */
type Limit = { readonly name: string; readonly room: Decimal; readonly members: readonly string[] };

/**
 * Progressive filling: all buyable weights grow together, in proportion to their start weights, until what was to be
 * invested is; an instrument stops as soon as it, or a group that it is in, is at its limit. So each limit is met with
 * the largest weights that meet it, what that leaves goes to all others in proportion, and the order of instruments and
 * limits makes no difference. What nobody can take stays cash.
 */
export function fillTargets(problem: TargetProblem, diagnostics: Diagnostics): TargetOutcome {
  const { lookups, options, universe } = problem;
  const locked = lockedWeight(new Map(universe.eligible), universe, lookups.arithmetic);
  const { start, intended } = startWeights(problem);
  const groups = knownGroups(problem, diagnostics);
  const reserve = maximum(ZERO, options.min_cash_buffer_pct);
  const groupLimits = groups.map((group) => groupLimit(group, problem));
  const room = subtract(subtract(ONE, reserve), locked);
  const cash = { name: CASH_BUFFER, members: [...start.keys()], room };
  const shortfalls = [...lockedShortfalls(problem, [...groupLimits, cash])];
  const placed = placeWithin(start, intended, groupLimits, cash, options.single_position_max_weight);
  const weights: TargetWeights = new Map(universe.eligible);
  for (const [instrument, weight] of placed) weights.set(instrument, weight);
  recordCappedGroups(groups, start, weights, problem, diagnostics);
  const left = subtract(intended, sum(placed.values()));
  if (compare(left, PLACED_TOLERANCE) > 0) shortfalls.push({ code: EXCESS_KEPT_AS_CASH, measured: left });
  for (const { code } of shortfalls) warnOnce(diagnostics, code);
  return outcomeOf(weights, shortfalls);
}

/** A run for review where something fell short. */
export function outcomeOf(
  weights: ReadonlyMap<string, Decimal>,
  shortfalls: readonly TargetShortfall[],
): TargetOutcome {
  const [shortfall] = shortfalls;
  const status: RunStatus = shortfall === undefined ? "READY" : "PENDING_REVIEW";
  return { status, weights, ...(shortfall === undefined ? {} : { shortfall }) };
}

/** Model weights of the buyable targets with their share of what SELL_ONLY targets leave; none is below zero. */
function startWeights({ universe }: TargetProblem) {
  const model = [...universe.eligible]
    .filter(([instrument]) => universe.buyable.has(instrument))
    .map(([instrument, weight]) => [instrument, maximum(ZERO, weight)] as const);
  const invested = sum(model.map(([, weight]) => weight));
  const excess = maximum(ZERO, universe.sellOnlyExcess);
  const intended = add(invested, excess);
  const start = model.map(([instrument, weight]): [string, Decimal] =>
    isPositive(excess) && isPositive(invested)
      ? [instrument, shareBelow(weight, intended, invested)]
      : [instrument, weight],
  );
  return { start: new Map(start), intended };
}

function knownGroups(problem: TargetProblem, diagnostics: Diagnostics): Group[] {
  return groupsOf(problem).filter((group) => {
    if (!group.known) warnUnknownAttribute(diagnostics, group);
    return group.known;
  });
}

function groupLimit({ key, maxWeight, members }: Group, problem: TargetProblem): Limit {
  const { buyable } = problem.universe;
  return {
    name: key,
    members: members.filter((member) => buyable.has(member)),
    room: subtract(maxWeight, lockedOf(members, problem)),
  };
}

function lockedOf(members: readonly string[], { universe }: TargetProblem): Decimal {
  const locked = members.filter((member) => !universe.buyable.has(member));
  return sum(locked.map((member) => universe.eligible.get(member) ?? ZERO));
}

/** The limits that locked holdings break by themselves, and by how much: single positions, then sums. */
export function* lockedShortfalls(
  { options, universe }: TargetProblem,
  limits: readonly Pick<Limit, "name" | "room">[],
): Generator<TargetShortfall> {
  const single = options.single_position_max_weight;
  if (single !== null) {
    const heaviest = [...universe.locked].reduce(
      (most, instrument) => maximum(most, universe.eligible.get(instrument) ?? ZERO),
      ZERO,
    );
    const excess = subtract(heaviest, maximum(ZERO, single));
    if (isPositive(excess)) yield { code: exceededByLocked(SINGLE_POSITION_MAX), measured: excess };
  }
  for (const { name, room } of limits) {
    const excess = subtract(ZERO, room);
    if (isPositive(excess)) yield { code: exceededByLocked(name), measured: excess };
  }
}

function placeWithin(
  start: ReadonlyMap<string, Decimal>,
  intended: Decimal,
  groups: readonly Limit[],
  cash: Limit,
  single: Decimal | null,
): Map<string, Decimal> {
  const instruments = [...start].filter(([, weight]) => isPositive(weight));
  const placeOf = new Map(instruments.map(([instrument], index) => [instrument, index]));
  const toFill = (members: readonly string[]): number[] =>
    members.map((member) => placeOf.get(member)).filter((place) => place !== undefined);
  // What was to be invested is a limit as well: where it is reached, there is nothing left to place.
  const all = { members: toFill(cash.members), room: minimum(intended, maximum(ZERO, cash.room)) };
  const fillLimits: FillLimit[] = groups.map(({ members, room }) => ({
    members: toFill(members),
    room: maximum(ZERO, room),
  }));
  fillLimits.push(all);
  const filled = fill(
    instruments.map(([, weight]) => weight),
    fillLimits,
    single === null ? null : maximum(ZERO, single),
  );
  const placed = new Map([...start.keys()].map((instrument) => [instrument, ZERO]));
  instruments.forEach(([instrument], index) => placed.set(instrument, filled[index] ?? ZERO));
  return placed;
}

/** Tells of each group that was above its limit at the start: what was taken off it, and who has more than at the start. */
function recordCappedGroups(
  groups: readonly Group[],
  start: ReadonlyMap<string, Decimal>,
  weights: ReadonlyMap<string, Decimal>,
  problem: TargetProblem,
  diagnostics: Diagnostics,
): void {
  for (const group of groups) {
    const members = group.members.filter((member) => start.has(member));
    const wanted = sum(members.map((member) => start.get(member) ?? ZERO));
    const before = add(lockedOf(group.members, problem), wanted);
    if (members.length === 0 || compare(before, group.maxWeight) <= 0) continue;
    const gains = [...start].flatMap(([instrument, weight]): [string, string][] => {
      const gain = subtract(weights.get(instrument) ?? ZERO, weight);
      return isPositive(gain) ? [[instrument, toText(gain)]] : [];
    });
    warnOnce(diagnostics, `CAPPED_BY_GROUP_LIMIT_${group.key}`);
    diagnostics.group_constraint_events.push({
      constraint_key: group.key,
      group_weight_before: toText(before),
      max_weight: toText(group.maxWeight),
      recipients: mapFrom(gains),
      released_weight: toText(minimum(wanted, subtract(before, group.maxWeight))),
      status: "CAPPED",
    });
  }
}

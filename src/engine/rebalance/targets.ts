import type { ModelTarget } from "../../contract/model.ts";
import type { EngineOptions } from "../../contract/options.ts";
import type { TargetData } from "../../contract/rebalance.ts";
import type { RunStatus } from "../../contract/rules.ts";
import type { ShelfEntry } from "../../contract/shelf.ts";
import type { Arithmetic } from "../../decimal/arithmetic.ts";
import { compare, isPositive, isZero, ZERO, type Decimal } from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import type { Diagnostics } from "../diagnostics.ts";
import type { Lookups } from "../lookups.ts";
import { moneyText } from "../money.ts";
import { compareCodePoints } from "../order.ts";
import type { Universe } from "./universe.ts";

/** Weights by instrument while a method works on them; the order of insertion decides the order of sums. */
export type TargetWeights = Map<string, Decimal>;

export type TargetProblem = {
  readonly modelTargets: readonly ModelTarget[];
  readonly universe: Universe;
  readonly shelfEntries: readonly ShelfEntry[];
  readonly lookups: Lookups;
  readonly options: EngineOptions;
};

/** What the targets fall short of: the code of a warning, and the weight by which they do. */
export type TargetShortfall = { readonly code: string; readonly measured: Decimal };

/** Final weights by instrument; empty when the status is BLOCKED. */
export type TargetOutcome = {
  readonly status: RunStatus;
  readonly weights: ReadonlyMap<string, Decimal>;
  /** Why the targets are for review, where the version says so; the first reason. */
  readonly shortfall?: TargetShortfall;
  /** What the explanation of a blocked run says beside its summary. */
  readonly explanation?: Readonly<Record<string, unknown>>;
};

/** A method reads the problem, and writes to the diagnostics only. */
export type TargetChooser = (problem: TargetProblem, diagnostics: Diagnostics) => TargetOutcome;

export const BLOCKED_TARGETS: TargetOutcome = { status: "BLOCKED", weights: new Map() };

export function buyableWeights(weights: TargetWeights, { buyable }: Universe): [string, Decimal][] {
  return [...weights].filter(([instrument]) => buyable.has(instrument));
}

export function lockedWeight(weights: TargetWeights, { buyable }: Universe, { sum }: Arithmetic): Decimal {
  return sum([...weights].filter(([instrument]) => !buyable.has(instrument)).map(([, weight]) => weight));
}

export function sumOfWeights(entries: readonly [string, Decimal][], { sum }: Arithmetic): Decimal {
  return sum(entries.map(([, weight]) => weight));
}

/** Redistributes the weight of SELL_ONLY targets pro rata; PENDING_REVIEW when there is no buyable weight. */
export function redistributeSellOnly(
  weights: TargetWeights,
  universe: Universe,
  arithmetic: Arithmetic,
): RunStatus {
  const { add, divide, multiply } = arithmetic;
  const excess = universe.sellOnlyExcess;
  if (!isPositive(excess)) return "READY";
  const buyable = buyableWeights(weights, universe);
  const total = sumOfWeights(buyable, arithmetic);
  if (!isPositive(total)) return "PENDING_REVIEW";
  for (const [instrument, weight] of buyable) {
    weights.set(instrument, add(weight, multiply(excess, divide(weight, total))));
  }
  return "READY";
}

/** A group constraint with its eligible instruments, in the order of the eligible map. */
export type Group = {
  readonly key: string;
  readonly attribute: string;
  readonly maxWeight: Decimal;
  /** False when no shelf entry has the attribute. */
  readonly known: boolean;
  readonly members: readonly string[];
};

/** The group constraints in ascending order of key. An instrument's last shelf entry determines its groups. */
export function groupsOf({ universe, shelfEntries, lookups, options }: TargetProblem): Group[] {
  const members = new Map(Object.keys(options.group_constraints).map((key) => [key, [] as string[]]));
  if (members.size === 0) return [];
  for (const instrument of universe.eligible.keys()) {
    for (const [attribute, value] of Object.entries(lookups.latestShelf.get(instrument)?.attributes ?? {})) {
      members.get(`${attribute}:${value}`)?.push(instrument);
    }
  }
  const attributes = new Set(shelfEntries.flatMap((entry) => Object.keys(entry.attributes)));
  return Object.entries(options.group_constraints)
    .sort(([a], [b]) => compareCodePoints(a, b))
    .map(([key, { max_weight }]) => {
      const attribute = key.slice(0, key.indexOf(":"));
      const known = attributes.has(attribute);
      return { key, attribute, maxWeight: max_weight, known, members: members.get(key) ?? [] };
    });
}

export function warnUnknownAttribute(diagnostics: Diagnostics, { attribute }: Group): void {
  diagnostics.warnings.push(`UNKNOWN_CONSTRAINT_ATTRIBUTE_${attribute}`);
}

/**
 * One entry for each model target in order, then one for each other eligible instrument. `total` is in base
 * currency.
 */
export function traceTargets(
  { modelTargets, universe, lookups }: TargetProblem,
  { status, weights }: TargetOutcome,
  total: Decimal,
): TargetData["targets"] {
  if (status === "BLOCKED") return [];
  const entry = (instrument_id: string, model: Decimal, final: Decimal, tags: string[]) => ({
    final_value: moneyText(lookups.arithmetic.multiply(total, final), lookups.baseCurrency),
    final_weight: toText(final),
    instrument_id,
    model_weight: toText(model),
    tags,
  });
  const entries = modelTargets.map(({ instrument_id, weight }) => {
    const final = weights.get(instrument_id) ?? ZERO;
    return entry(instrument_id, weight, final, modelTags(weight, final));
  });
  const modelled = new Set(modelTargets.map(({ instrument_id }) => instrument_id));
  for (const [instrument, final] of weights) {
    if (modelled.has(instrument)) continue;
    const sold = universe.buyable.has(instrument) || isZero(final);
    entries.push(entry(instrument, ZERO, final, [sold ? "IMPLICIT_SELL_TO_ZERO" : "LOCKED_POSITION"]));
  }
  return entries;
}

function modelTags(model: Decimal, final: Decimal): string[] {
  const order = compare(model, final);
  if (order === 0) return [];
  return [order > 0 ? "CAPPED_BY_MAX_WEIGHT" : "REDISTRIBUTED_RECIPIENT"];
}

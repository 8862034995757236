import { mapFrom } from "../../contract/maps.ts";
import { decimalsOf, toScaledInteger } from "../../decimal/integer.ts";
import type { Decimal } from "../../decimal/decimal.ts";
import { ceilingRatio } from "../../decimal/exact.ts";
import { toText } from "../../decimal/text.ts";
import type { Effort } from "./effort.ts";
import { answerPacking, type Packing, type PackingProof } from "./packing.ts";

/** Limits that no weights can hold, by name. */
export type InfeasibleProblem = {
  readonly instruments: readonly string[];
  readonly minimumSum: Decimal;
  readonly maximumSum: Decimal;
  readonly maximumWeight: Decimal | null;
  /** Their limits are not below zero. */
  readonly caps: readonly {
    readonly name: string;
    readonly members: readonly string[];
    readonly maximum: Decimal;
  }[];
};

/**
 * `conflict`: limits that cannot hold together, of which any one left out makes the others possible. `relaxations`: for
 * each of them, by how much it alone has to give way for all limits to hold; null where it alone cannot.
 */
export type Infeasibility = {
  readonly conflict: readonly string[];
  readonly relaxations: Readonly<Record<string, string | null>>;
};

/** The largest cash weight demands that enough is invested, the smallest that not too much is. */
const ENOUGH_INVESTED = "CASH_BAND_MAX";
const NOT_TOO_MUCH = "CASH_BAND_MIN";
const SINGLE = "SINGLE_POSITION_MAX";

/** Decimals of a change: those that an input may have. */
const CHANGE_DECIMALS = 30;

type Fraction = { readonly numerator: bigint; readonly denominator: bigint };

/** The problem in integers of one scale. */
type Scaled = {
  readonly scale: number;
  readonly least: bigint;
  readonly most: bigint;
  readonly single: bigint | null;
  readonly names: readonly string[];
  readonly caps: Packing["caps"];
  readonly instruments: number;
};

class EffortSpent extends Error {}

/**
 * Why no weights hold all limits, in exact arithmetic. As caps only limit from above and weights are not negative, the
 * limits can hold if and only if none is below zero, the smallest sum is not above the largest, and as much as the
 * smallest sum can be invested under the caps (`answerPacking`). Undefined when the operations are spent.
 */
export function explainInfeasibility(problem: InfeasibleProblem, effort: Effort): Infeasibility | undefined {
  const scaled = scaledProblem(problem);
  try {
    const conflict = conflictOf(scaled, effort);
    const relaxations = conflict.map((name) => {
      const change = relaxationOf(name, scaled, effort);
      return [name, change === null ? null : changeText(change, scaled.scale)] as const;
    });
    return { conflict, relaxations: mapFrom(relaxations) };
  } catch (error) {
    if (error instanceof EffortSpent) return undefined;
    throw error;
  }
}

function scaledProblem({
  caps,
  instruments,
  maximumSum,
  maximumWeight,
  minimumSum,
}: InfeasibleProblem): Scaled {
  const numbers = [minimumSum, maximumSum, ...caps.map(({ maximum }) => maximum)];
  if (maximumWeight !== null) numbers.push(maximumWeight);
  const scale = Math.max(...numbers.map(decimalsOf));
  const placeOf = new Map(instruments.map((instrument, place) => [instrument, place]));
  return {
    scale,
    least: toScaledInteger(minimumSum, scale),
    most: toScaledInteger(maximumSum, scale),
    single: maximumWeight === null ? null : toScaledInteger(maximumWeight, scale),
    names: caps.map(({ name }) => name),
    caps: caps.map(({ maximum, members }) => ({
      limit: toScaledInteger(maximum, scale),
      members: members.map((member) => placeOf.get(member)).filter((place) => place !== undefined),
    })),
    instruments: instruments.length,
  };
}

function conflictOf(scaled: Scaled, effort: Effort): string[] {
  const { least, most, single } = scaled;
  if (single !== null && single < 0n) return [SINGLE];
  if (most < 0n) return [NOT_TOO_MUCH];
  if (least > most) return [ENOUGH_INVESTED, NOT_TOO_MUCH];
  const all = new Set([...scaled.names, SINGLE]);
  const proof = shortage(packingOf(scaled, all), effort);
  if (proof === null) throw new Error("limits that were to conflict do not");
  // What the proof does not use is not needed; the rest is tried one by one.
  const needed = new Set(all);
  scaled.names.forEach((name, index) => {
    if ((proof.prices[index] ?? 0n) === 0n) needed.delete(name);
  });
  if (single === null || proof.bySingle === 0n) needed.delete(SINGLE);
  for (const name of [...needed]) {
    needed.delete(name);
    if (shortage(packingOf(scaled, needed), effort) === null) needed.add(name);
  }
  return [ENOUGH_INVESTED, ...[...all].filter((name) => needed.has(name))];
}

/** The smallest sum under some of the limits; the caps that are left out have no members. */
function packingOf({ caps, instruments, least, names, single }: Scaled, held: ReadonlySet<string>): Packing {
  return {
    caps: caps.map((cap, index) => (held.has(names[index] ?? "") ? cap : { ...cap, members: [] })),
    demand: least,
    instruments,
    single: held.has(SINGLE) ? single : null,
  };
}

/** The proof that the demand cannot be met; null where it can. */
function shortage(packing: Packing, effort: Effort): PackingProof | null {
  if (packing.demand <= 0n) return null;
  const answer = answerPacking(packing, effort);
  if (answer.outcome === "LIMIT_REACHED") throw new EffortSpent();
  return answer.outcome === "SHORT" ? answer : null;
}

/** How much one limit has to give way, in units of the scale; null where that is not enough. */
function relaxationOf(name: string, scaled: Scaled, effort: Effort): Fraction | null {
  const { least, most, single } = scaled;
  const isSingleRight = single === null || single >= 0n;
  const isSumRight = most >= 0n && least <= most;
  if (name === SINGLE) return isSumRight ? relaxedSingle(scaled, effort) : null;
  if (!isSingleRight) return null;
  const packing = packingOf(scaled, new Set([...scaled.names, SINGLE]));
  if (name === ENOUGH_INVESTED) {
    return most < 0n ? null : whole(least, leastOf(mostInvested(packing, effort), whole(most, 0n)));
  }
  if (name === NOT_TOO_MUCH) {
    if (shortage(packing, effort) !== null) return null;
    return { numerator: (least > 0n ? least : 0n) - most, denominator: 1n };
  }
  return isSumRight ? relaxedCap(scaled.names.indexOf(name), packing, effort) : null;
}

/** An integer less a fraction. */
function whole(value: bigint, less: bigint | Fraction): Fraction {
  const { denominator, numerator } = typeof less === "bigint" ? { numerator: less, denominator: 1n } : less;
  return { numerator: value * denominator - numerator, denominator };
}

function leastOf(a: Fraction, b: Fraction): Fraction {
  return a.numerator * b.denominator <= b.numerator * a.denominator ? a : b;
}

/** The most that can be invested, or the demand where that can be. */
function mostInvested(packing: Packing, effort: Effort): Fraction {
  let demand: Fraction = { numerator: packing.demand, denominator: 1n };
  for (;;) {
    const asked = { ...scaledBy(packing, demand.denominator), demand: demand.numerator };
    const proof = shortage(asked, effort);
    if (proof === null) return demand;
    // No more than this can be invested; the next round asks whether as much can.
    demand = {
      numerator: proof.byCaps + proof.bySingle * largest(asked),
      denominator: proof.denominator * demand.denominator,
    };
  }
}

/**
 * Newton's method on a concave function that is linear in pieces: the prices of a proof bound what can be invested for
 * every other limit too, so a limit at which that bound is the demand is not too large. Where the demand is met there, it
 * is the smallest.
 */
function relaxedCap(index: number, packing: Packing, effort: Effort): Fraction | null {
  const cap = packing.caps[index];
  if (cap === undefined) return null;
  let limit: Fraction = { numerator: cap.limit, denominator: 1n };
  for (;;) {
    const raised = withCap(packing, index, limit);
    const proof = shortage(raised, effort);
    if (proof === null) return whole(0n, whole(cap.limit, limit));
    const price = proof.prices[index] ?? 0n;
    if (price === 0n) return null;
    const withoutCap = proof.byCaps - price * limit.numerator + proof.bySingle * largest(raised);
    const numerator = raised.demand * proof.denominator - withoutCap;
    limit = { numerator, denominator: price * limit.denominator };
  }
}

function relaxedSingle(scaled: Scaled, effort: Effort): Fraction | null {
  const packing = packingOf(scaled, new Set([...scaled.names, SINGLE]));
  const before = scaled.single ?? 0n;
  let limit: Fraction = { numerator: before < 0n ? 0n : before, denominator: 1n };
  for (;;) {
    const raised = { ...scaledBy(packing, limit.denominator), single: limit.numerator };
    const proof = shortage(raised, effort);
    if (proof === null) return whole(0n, whole(before, limit));
    if (proof.bySingle === 0n) return null;
    const numerator = raised.demand * proof.denominator - proof.byCaps;
    limit = { numerator, denominator: proof.bySingle * limit.denominator };
  }
}

function largest({ demand, single }: Packing): bigint {
  return single !== null && single < demand ? single : demand;
}

/** The same problem in units that are so many times smaller. */
function scaledBy(packing: Packing, factor: bigint): Packing {
  return {
    ...packing,
    caps: packing.caps.map((cap) => ({ ...cap, limit: cap.limit * factor })),
    demand: packing.demand * factor,
    single: packing.single === null ? null : packing.single * factor,
  };
}

function withCap(packing: Packing, index: number, limit: Fraction): Packing {
  const finer = scaledBy(packing, limit.denominator);
  return { ...finer, caps: finer.caps.with(index, { ...at(finer, index), limit: limit.numerator }) };
}

function at({ caps }: Packing, index: number): Packing["caps"][number] {
  return caps[index] ?? { limit: 0n, members: [] };
}

/** Exact where it has so many decimals, else the next larger number that has: enough in any case. */
function changeText({ denominator, numerator }: Fraction, scale: number): string {
  return toText(ceilingRatio(numerator, denominator * 10n ** BigInt(scale), CHANGE_DECIMALS));
}

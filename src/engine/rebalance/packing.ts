import { maximizePacking, type ProgramSolution } from "./bounded-simplex.ts";
import type { Effort } from "./effort.ts";

/** How much can be invested under caps: weights not below zero, in integers of one scale, of instruments by number. */
export type Packing = {
  readonly instruments: number;
  /** Each cap limits the sum of the weights of its members; none is below zero. */
  readonly caps: readonly { readonly members: readonly number[]; readonly limit: bigint }[];
  /** What one weight may be at most, not below zero; null without such a limit. */
  readonly single: bigint | null;
  /** What is to be invested, above zero. */
  readonly demand: bigint;
};

/**
 * SHORT with the prices that prove it: however the caps are used, Σ price × limit + single × Σ max(0, 1 − prices of an
 * instrument's caps) is the most that can be invested, and less than the demand. All are numerators over the denominator.
 */
export type PackingProof = {
  readonly outcome: "SHORT";
  readonly prices: readonly bigint[];
  readonly denominator: bigint;
  /** Σ price × limit. */
  readonly byCaps: bigint;
  /** Σ max(0, 1 − prices of the caps of an instrument). */
  readonly bySingle: bigint;
};

export type PackingAnswer =
  { readonly outcome: "MET" } | PackingProof | { readonly outcome: "LIMIT_REACHED" };

/**
 * Whether the demand can be met; either answer is checked by its proof before it is given. Only caps that matter are put
 * into the program: one that the weights found so far break is added, until they break none.
 */
export function answerPacking(packing: Packing, effort: Effort): PackingAnswer {
  const used: number[] = [];
  for (;;) {
    const program = programOf(packing, used);
    const solution = maximizePacking(program, effort);
    if (solution === null) return { outcome: "LIMIT_REACHED" };
    const proof = proofOf(packing, used, solution);
    if (proof.byCaps + proof.bySingle * largestWeight(packing) < packing.demand * proof.denominator)
      return proof;
    const weights = weightsOf(packing, program, solution);
    const broken = packing.caps.flatMap((cap, index) => (exceeds(cap, weights) ? [index] : []));
    if (broken.length === 0) {
      if (!meets(packing, weights)) throw new Error("weights that were to meet a demand do not");
      return { outcome: "MET" };
    }
    used.push(...broken);
  }
}

/** No weight needs to be more than the whole demand. */
function largestWeight({ demand, single }: Packing): bigint {
  return single !== null && single < demand ? single : demand;
}

/** Instruments with the same caps are one variable of the program: their weights together. */
type GroupedProgram = {
  readonly columns: readonly (readonly number[])[];
  readonly limits: readonly bigint[];
  readonly upper: readonly bigint[];
  readonly members: readonly (readonly number[])[];
};

function programOf(packing: Packing, used: readonly number[]): GroupedProgram {
  const rowsOf = Array.from({ length: packing.instruments }, (): number[] => []);
  used.forEach((capIndex, row) => {
    for (const member of packing.caps[capIndex]?.members ?? []) rowsOf[member]?.push(row);
  });
  const groups = new Map<string, { readonly rows: readonly number[]; readonly members: number[] }>();
  rowsOf.forEach((rows, instrument) => {
    const name = rows.join();
    const group = groups.get(name);
    if (group === undefined) groups.set(name, { rows, members: [instrument] });
    else group.members.push(instrument);
  });
  const all = [...groups.values()];
  return {
    columns: all.map(({ rows }) => rows),
    limits: used.map((capIndex) => packing.caps[capIndex]?.limit ?? 0n),
    upper: all.map(({ members }) => BigInt(members.length) * largestWeight(packing)),
    members: all.map(({ members }) => members),
  };
}

function proofOf(
  packing: Packing,
  used: readonly number[],
  { denominator, prices }: ProgramSolution,
): PackingProof {
  const priceOf = packing.caps.map(() => 0n);
  // A price below zero would prove nothing.
  used.forEach((capIndex, row) => (priceOf[capIndex] = (prices[row] ?? 0n) > 0n ? (prices[row] ?? 0n) : 0n));
  const paid = Array.from({ length: packing.instruments }, () => 0n);
  let byCaps = 0n;
  packing.caps.forEach(({ limit, members }, index) => {
    const price = priceOf[index] ?? 0n;
    if (price === 0n) return;
    byCaps += price * limit;
    for (const member of members) paid[member] = (paid[member] ?? 0n) + price;
  });
  const bySingle = paid.reduce(
    (sum, prices) => (prices < denominator ? sum + denominator - prices : sum),
    0n,
  );
  return { outcome: "SHORT", prices: priceOf, denominator, byCaps, bySingle };
}

/** Weights over one denominator; those of one variable are equal. */
type Weights = { readonly numerators: readonly bigint[]; readonly denominator: bigint };

function weightsOf(
  { instruments }: Packing,
  { members }: GroupedProgram,
  { denominator, values }: ProgramSolution,
): Weights {
  const common = members.reduce((multiple, { length }) => leastCommonMultiple(multiple, BigInt(length)), 1n);
  const numerators = Array.from({ length: instruments }, () => 0n);
  members.forEach((places, column) => {
    const each = (values[column] ?? 0n) * (common / BigInt(places.length));
    for (const place of places) numerators[place] = each;
  });
  return { numerators, denominator: denominator * common };
}

function leastCommonMultiple(a: bigint, b: bigint): bigint {
  let [divisor, rest] = [a, b];
  while (rest !== 0n) [divisor, rest] = [rest, divisor % rest];
  return (a / divisor) * b;
}

function exceeds({ limit, members }: Packing["caps"][number], { denominator, numerators }: Weights): boolean {
  const sum = members.reduce((total, member) => total + (numerators[member] ?? 0n), 0n);
  return sum > limit * denominator;
}

function meets(packing: Packing, { denominator, numerators }: Weights): boolean {
  const most = largestWeight(packing) * denominator;
  const sum = numerators.reduce((total, numerator) => total + numerator, 0n);
  return (
    sum >= packing.demand * denominator &&
    numerators.every((numerator) => numerator >= 0n && numerator <= most)
  );
}

import type { BoundStatus, SumConstraints } from "./sum-constraints.ts";

/** The projection in integers, all of one scale. `upperBound` is null without a limit on single weights. */
export type ExactProblem = {
  readonly targets: readonly bigint[];
  readonly upperBound: bigint | null;
  readonly constraints: SumConstraints;
  /** For each sum constraint, its right-hand side. */
  readonly limits: readonly bigint[];
};

/** One inequality normal · w ≤ limit: a sum constraint, or the lower or upper bound of one weight. */
export type Constraint =
  | { readonly kind: "SUM"; readonly sumIndex: number }
  | { readonly kind: "BOUND"; readonly index: number; readonly side: "AT_LOWER" | "AT_UPPER" };

/** The constraints held with equality. Their normals are linearly independent. */
export type WorkingSet = { readonly bounds: BoundStatus[]; sums: number[] };

/** The Lagrange multiplier (value − t·decrease) / denominator of a constraint of the working set. */
export type Multiplier = {
  readonly constraint: Constraint;
  readonly value: bigint;
  readonly decrease: bigint;
};

/**
 * The solution of the KKT system of a working set while an entering constraint has the multiplier t, for all t
 * at once: weights(t) = (weights − t·projectedNormal) / denominator. The projected normal is the
 * entering normal projected onto the directions that keep the equalities of the working set. The denominator
 * is positive.
 */
export type KktSolution = {
  readonly denominator: bigint;
  readonly weights: readonly bigint[];
  readonly projectedNormal: readonly bigint[];
  readonly multipliers: readonly Multiplier[];
};

/** The values for the two right-hand sides of a system: at t = 0, and what each unit of t takes away. */
type Pair = [value: bigint, decrease: bigint];

const ZERO_PAIR: Readonly<Pair> = [0n, 0n];

/** Solves the KKT system of a working set; with `entering` null the projected normal is zero. */
export function solveKkt(problem: ExactProblem, set: WorkingSet, entering: Constraint | null): KktSolution {
  const normal = normalOf(problem, entering);
  const { denominator, solutions } = backSubstitute(eliminate(problem, set, normal).system);
  const multiplierOf = new Map(set.sums.map((sumIndex, at) => [sumIndex, solutions[at] ?? ZERO_PAIR]));
  const upperBound = (problem.upperBound ?? 0n) * denominator;
  const weights: bigint[] = [];
  const projectedNormal: bigint[] = [];
  const multipliers: Multiplier[] = [];
  for (const [sumIndex, [value, decrease]] of multiplierOf) {
    multipliers.push({ constraint: { kind: "SUM", sumIndex }, value, decrease });
  }
  set.bounds.forEach((status, index) => {
    const target: Pair = [(problem.targets[index] ?? 0n) * denominator, (normal[index] ?? 0n) * denominator];
    const [weight, change] = withoutBounds(target, problem.constraints, index, multiplierOf);
    weights.push(status === "FREE" ? weight : status === "AT_LOWER" ? 0n : upperBound);
    projectedNormal.push(status === "FREE" ? change : 0n);
    const bound = { kind: "BOUND", index } as const;
    if (status === "AT_LOWER") {
      multipliers.push({ constraint: { ...bound, side: status }, value: -weight, decrease: -change });
    } else if (status === "AT_UPPER") {
      multipliers.push({
        constraint: { ...bound, side: status },
        value: weight - upperBound,
        decrease: change,
      });
    }
  });
  return { denominator, weights, projectedNormal, multipliers };
}

/** The sum constraints of a set that do not depend linearly on those before them over the free weights. */
export function independentSums(problem: ExactProblem, set: WorkingSet): number[] {
  const { pivots } = eliminate(problem, set, normalOf(problem, null));
  return pivots.map((pivot) => set.sums[pivot]).filter((sumIndex) => sumIndex !== undefined);
}

/** The normal of a constraint, by instrument. */
function normalOf({ constraints, targets }: ExactProblem, constraint: Constraint | null): bigint[] {
  const normal = targets.map(() => 0n);
  if (constraint?.kind === "BOUND") normal[constraint.index] = constraint.side === "AT_LOWER" ? -1n : 1n;
  if (constraint?.kind === "SUM") {
    const sign = constraints.signs[constraint.sumIndex] === -1 ? -1n : 1n;
    for (const index of constraints.members[constraint.sumIndex] ?? []) normal[index] = sign;
  }
  return normal;
}

/** The weight that stationarity gives without the instrument's own bounds: target − Aᵀ·multipliers. */
function withoutBounds(
  target: Readonly<Pair>,
  { memberships, signs }: SumConstraints,
  index: number,
  multiplierOf: ReadonlyMap<number, Readonly<Pair>>,
): Pair {
  let [weight, change] = target;
  for (const sumIndex of memberships[index] ?? []) {
    const [multiplier, decrease] = multiplierOf.get(sumIndex) ?? ZERO_PAIR;
    weight = signs[sumIndex] === -1 ? weight + multiplier : weight - multiplier;
    change = signs[sumIndex] === -1 ? change + decrease : change - decrease;
  }
  return [weight, change];
}

/** A linear system with two right-hand sides, one row for each unknown. */
type System = { readonly left: bigint[]; readonly right: Pair }[];

/**
 * The reduced KKT system in triangular form, by Bareiss' fraction-free elimination: every entry stays an
 * integer. A sum constraint that depends on those before it has no pivot.
 */
function eliminate(
  problem: ExactProblem,
  set: WorkingSet,
  normal: readonly bigint[],
): { system: System; pivots: number[] } {
  const system = reducedSystem(problem, set, normal);
  const pivots: number[] = [];
  let previous = 1n;
  system.forEach((pivotRow, pivot) => {
    const divisor = pivotRow.left[pivot] ?? 0n;
    // The matrix is positive semidefinite, so a zero on the diagonal means a row of zeros.
    if (divisor === 0n) return;
    pivots.push(pivot);
    for (const { left, right } of system.slice(pivot + 1)) {
      const factor = left[pivot] ?? 0n;
      const reduce = (entry: bigint, above: bigint): bigint => (divisor * entry - factor * above) / previous;
      for (let column = pivot; column < left.length; column += 1) {
        left[column] = reduce(left[column] ?? 0n, pivotRow.left[column] ?? 0n);
      }
      right[0] = reduce(right[0], pivotRow.right[0]);
      right[1] = reduce(right[1], pivotRow.right[1]);
    }
    previous = divisor;
  });
  return { system, pivots };
}

/**
 * The KKT system reduced to the multipliers of the working sum constraints (its Schur complement). Left: A·Aᵀ
 * over the free weights. Right: by how much the weights without multipliers exceed each limit, and A·normal.
 */
function reducedSystem(problem: ExactProblem, set: WorkingSet, normal: readonly bigint[]): System {
  const { constraints, limits } = problem;
  const products = set.sums.map(() => set.sums.map(() => 0));
  const rightSides = set.sums.map((sumIndex): Pair => [-(limits[sumIndex] ?? 0n), 0n]);
  const positionOf = new Map(set.sums.map((sumIndex, position) => [sumIndex, position]));
  set.bounds.forEach((status, index) => {
    if (status === "AT_LOWER") return;
    const [weight, change] =
      status === "FREE" ? [problem.targets[index], normal[index]] : [problem.upperBound, 0n];
    for (const sumIndex of constraints.memberships[index] ?? []) {
      const right = rightSides[positionOf.get(sumIndex) ?? -1];
      if (right === undefined) continue;
      const sign = constraints.signs[sumIndex] === -1 ? -1n : 1n;
      right[0] += sign * (weight ?? 0n);
      right[1] += sign * (change ?? 0n);
    }
    if (status === "FREE") addProducts(products, constraints, index, positionOf);
  });
  return rightSides.map((right, at) => ({ left: (products[at] ?? []).map(BigInt), right }));
}

/** Adds what one instrument contributes to A·Aᵀ. */
function addProducts(
  products: number[][],
  { memberships, signs }: SumConstraints,
  index: number,
  positionOf: ReadonlyMap<number, number>,
): void {
  for (const sumIndex of memberships[index] ?? []) {
    const row = products[positionOf.get(sumIndex) ?? -1];
    if (row === undefined) continue;
    for (const other of memberships[index] ?? []) {
      const column = positionOf.get(other);
      const product = signs[sumIndex] === signs[other] ? 1 : -1;
      if (column !== undefined) row[column] = (row[column] ?? 0) + product;
    }
  }
}

/** Solves a triangular system without zero pivots, over one common denominator: its determinant. */
function backSubstitute(system: System): { denominator: bigint; solutions: Pair[] } {
  const denominator = system.at(-1)?.left.at(-1) ?? 1n;
  const solutions: Pair[] = system.map(() => [0n, 0n]);
  for (const [at, { left, right }] of [...system.entries()].reverse()) {
    const rest: Pair = [right[0] * denominator, right[1] * denominator];
    for (let column = at + 1; column < left.length; column += 1) {
      const [value, decrease] = solutions[column] ?? ZERO_PAIR;
      rest[0] -= (left[column] ?? 0n) * value;
      rest[1] -= (left[column] ?? 0n) * decrease;
    }
    const pivot = left[at] ?? 1n;
    solutions[at] = [rest[0] / pivot, rest[1] / pivot];
  }
  return { denominator, solutions };
}

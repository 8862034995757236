import { independentRows, integerSystem, type IntegerSystem } from "./integer-system.ts";
import type { ActiveSet, BoundStatus, SumConstraints } from "./sum-constraints.ts";
import { countInstrument, noSumProducts, productsOf, type SumProducts } from "./sum-products.ts";

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

/**
 * The constraints held with equality, with linearly independent normals, and what the KKT system needs to know
 * of them. Both are changed together, one constraint at a time.
 */
export type WorkingSet = {
  readonly bounds: BoundStatus[];
  sums: number[];
  /** A·Aᵀ over the free weights. */
  readonly products: SumProducts;
  /** For each sum constraint, A·w − limit at the weights that stationarity gives without sum constraints. */
  readonly excess: bigint[];
};

/** A working set of an active set, without sum constraints that depend on others over the free weights. */
export function workingSetOf(problem: ExactProblem, { bounds, sums }: ActiveSet): WorkingSet {
  const { constraints, limits, targets } = problem;
  const set: WorkingSet = {
    bounds: targets.map(() => "FREE"),
    sums: [...sums],
    products: noSumProducts(constraints),
    excess: limits.map((limit) => -limit),
  };
  targets.forEach((target, index) => {
    countInstrument(set.products, constraints, index, 1);
    addExcess(set, constraints, index, target);
  });
  bounds.forEach((status, index) => {
    setBound(problem, set, index, status);
  });
  set.sums = independentRows(productsOf(set.products, set.sums)).flatMap((row) => set.sums[row] ?? []);
  return set;
}

export function activate(problem: ExactProblem, set: WorkingSet, constraint: Constraint): void {
  if (constraint.kind === "BOUND") setBound(problem, set, constraint.index, constraint.side);
  else set.sums.push(constraint.sumIndex);
}

export function removeConstraint(problem: ExactProblem, set: WorkingSet, constraint: Constraint): void {
  if (constraint.kind === "BOUND") setBound(problem, set, constraint.index, "FREE");
  else set.sums = set.sums.filter((sumIndex) => sumIndex !== constraint.sumIndex);
}

/** The matrix of the reduced KKT system, ready to be solved. */
export function reducedSystem({ products, sums }: WorkingSet): IntegerSystem {
  return integerSystem(productsOf(products, sums));
}

function setBound(problem: ExactProblem, set: WorkingSet, index: number, status: BoundStatus): void {
  const { constraints } = problem;
  const before = set.bounds[index] ?? "FREE";
  if (before === status) return;
  if (before === "FREE") countInstrument(set.products, constraints, index, -1);
  if (status === "FREE") countInstrument(set.products, constraints, index, 1);
  addExcess(set, constraints, index, weightAt(problem, index, status) - weightAt(problem, index, before));
  set.bounds[index] = status;
}

/** The weight of an instrument without sum constraints. */
function weightAt({ targets, upperBound }: ExactProblem, index: number, status: BoundStatus): bigint {
  if (status === "AT_LOWER") return 0n;
  return (status === "AT_UPPER" ? upperBound : targets[index]) ?? 0n;
}

function addExcess(
  { excess }: WorkingSet,
  { memberships, signs }: SumConstraints,
  index: number,
  weight: bigint,
): void {
  for (const sumIndex of memberships[index] ?? []) {
    excess[sumIndex] = (excess[sumIndex] ?? 0n) + (signs[sumIndex] === -1 ? -weight : weight);
  }
}

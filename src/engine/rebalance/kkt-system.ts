import { factoringOperations, spend, type Effort } from "./effort.ts";
import { solveInteger, type Fractions, type IntegerSystem } from "./integer-system.ts";
import { sizeOf, type SumConstraints } from "./sum-constraints.ts";
import { reducedSystem, type Constraint, type ExactProblem, type WorkingSet } from "./working-set.ts";

/** Numerators by index of the sum constraint, zero outside the working set, over one positive denominator. */
export type SumValues = Fractions;

/** A constraint of the working set: its multiplier at t = 0, and what each unit of t takes away from it. */
export type Multiplier = {
  readonly constraint: Constraint;
  readonly value: bigint;
  readonly decrease: bigint;
};

/** The solution of the KKT system of a working set without an entering constraint. */
export type KktSolution = {
  readonly system: IntegerSystem;
  /** The multipliers of the sum constraints. */
  readonly multipliers: SumValues;
};

/**
 * What an entering constraint with the multiplier t changes for each unit of t. Numerators of decreases have a
 * denominator of their own, so they compare with one another only, and so do their quotients with the values.
 */
export type EnteringStep = {
  /** What is taken away from the multipliers of the sum constraints. */
  readonly decreases: SumValues;
  /** normal · w − limit at t = 0, over the denominator of the multipliers. */
  readonly violation: bigint;
  /** What is taken away from the violation; zero if the normal depends on those of the working set. */
  readonly violationDecrease: bigint;
};

/** Solves the KKT system of a working set. */
export function solveKkt({ constraints }: ExactProblem, set: WorkingSet, effort: Effort): KktSolution {
  const system = reducedSystem(set);
  const multipliers = sumValues(set, system, effort, (sumIndex) => set.excess[sumIndex] ?? 0n);
  spend(effort, factoringOperations(set.sums.length) + EXACT_PASS_OPERATIONS * sizeOf(constraints));
  return { system, multipliers };
}

/** The weights of a solution: exactly at their bounds or, if they are free, stationary. */
export function weightsOf(problem: ExactProblem, set: WorkingSet, { multipliers }: KktSolution): Fractions {
  const upperBound = (problem.upperBound ?? 0n) * multipliers.denominator;
  const numerators = set.bounds.map((status, index) => {
    if (status === "FREE") return stationaryWeight(problem, index, multipliers);
    return status === "AT_LOWER" ? 0n : upperBound;
  });
  return { numerators, denominator: multipliers.denominator };
}

/** What changes as the multiplier of an entering constraint grows. */
export function enteringStep(
  problem: ExactProblem,
  set: WorkingSet,
  { system, multipliers }: KktSolution,
  entering: Constraint,
  effort: Effort,
): EnteringStep {
  const { constraints } = problem;
  const { size, entries } = set.products;
  if (entering.kind === "SUM") {
    const row = (sumIndex: number): bigint => BigInt(entries[entering.sumIndex * size + sumIndex] ?? 0);
    const decreases = sumValues(set, system, effort, row);
    const along = ({ numerators }: SumValues): bigint =>
      set.sums.reduce((sum, sumIndex) => sum + row(sumIndex) * (numerators[sumIndex] ?? 0n), 0n);
    const excess = set.excess[entering.sumIndex] ?? 0n;
    return {
      decreases,
      violation: excess * multipliers.denominator - along(multipliers),
      violationDecrease: row(entering.sumIndex) * decreases.denominator - along(decreases),
    };
  }
  const { index, side } = entering;
  const isMember = new Set(constraints.memberships[index]);
  const normal = side === "AT_LOWER" ? -1n : 1n;
  const decreases = sumValues(set, system, effort, (sumIndex) =>
    isMember.has(sumIndex) ? normal * BigInt(constraints.signs[sumIndex] ?? 1) : 0n,
  );
  const limit = (side === "AT_LOWER" ? 0n : (problem.upperBound ?? 0n)) * multipliers.denominator;
  return {
    decreases,
    violation: normal * stationaryWeight(problem, index, multipliers) - limit,
    violationDecrease: decreases.denominator - normal * combined(constraints, index, decreases),
  };
}

/** The multipliers of all constraints of a working set; without an entering constraint none decreases. */
export function multipliersOf(
  problem: ExactProblem,
  set: WorkingSet,
  { multipliers }: KktSolution,
  entering: { readonly constraint: Constraint; readonly decreases: SumValues } | null,
): Multiplier[] {
  const decreases = entering === null ? NO_VALUES : withEntering(entering.constraint, entering.decreases);
  const all = set.sums.map((sumIndex): Multiplier => ({
    constraint: { kind: "SUM", sumIndex },
    value: multipliers.numerators[sumIndex] ?? 0n,
    decrease: decreases.numerators[sumIndex] ?? 0n,
  }));
  const upperBound = (problem.upperBound ?? 0n) * multipliers.denominator;
  set.bounds.forEach((status, index) => {
    if (status === "FREE") return;
    const constraint = { kind: "BOUND", index, side: status } as const;
    const weight = stationaryWeight(problem, index, multipliers);
    const increase = combined(problem.constraints, index, decreases);
    if (status === "AT_LOWER") all.push({ constraint, value: -weight, decrease: increase });
    else all.push({ constraint, value: weight - upperBound, decrease: -increase });
  });
  return all;
}

/** What a pass over the problem costs in long integers, for each instrument and each of its memberships. */
const EXACT_PASS_OPERATIONS = 400;
/** What one digit of a solution costs for each entry of the matrix. */
const DIGIT_OPERATIONS = 4;

const NO_VALUES: SumValues = { numerators: [], denominator: 1n };

/** The entering constraint's own multiplier grows: it decreases by minus one for each unit of t. */
function withEntering(entering: Constraint, decreases: SumValues): SumValues {
  if (entering.kind === "BOUND") return decreases;
  const { denominator } = decreases;
  return { denominator, numerators: decreases.numerators.with(entering.sumIndex, -denominator) };
}

/** Solves the reduced KKT system for a right-hand side, by index of the sum constraint. */
function sumValues(
  { sums, excess }: WorkingSet,
  system: IntegerSystem,
  effort: Effort,
  right: (sumIndex: number) => bigint,
): SumValues {
  const { numerators, denominator, digitCount } = solveInteger(system, sums.map(right));
  spend(effort, DIGIT_OPERATIONS * digitCount * sums.length * sums.length);
  const values = excess.map(() => 0n);
  sums.forEach((sumIndex, row) => (values[sumIndex] = numerators[row] ?? 0n));
  return { numerators: values, denominator };
}

/** The weight that stationarity gives without the instrument's own bounds: target − Aᵀ·multipliers. */
function stationaryWeight(
  { targets, constraints }: ExactProblem,
  index: number,
  multipliers: SumValues,
): bigint {
  return (targets[index] ?? 0n) * multipliers.denominator - combined(constraints, index, multipliers);
}

/** The entry of Aᵀ·values for one instrument. */
function combined({ memberships, signs }: SumConstraints, index: number, { numerators }: SumValues): bigint {
  let sum = 0n;
  for (const sumIndex of memberships[index] ?? []) {
    const value = numerators[sumIndex] ?? 0n;
    if (value !== 0n) sum = signs[sumIndex] === -1 ? sum - value : sum + value;
  }
  return sum;
}

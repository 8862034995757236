import { compare, decimal, isNegative, multiply, type Decimal } from "../../decimal/decimal.ts";
import { decimalsOf, ratio, toScaledInteger } from "../../decimal/integer.ts";
import { toText } from "../../decimal/text.ts";
import { compareCodePoints } from "../order.ts";
import { approximate } from "./projection-approximate.ts";
import { solveExactly } from "./projection-exact.ts";
import type { ProjectionRows } from "./projection-rows.ts";

/** Model weights and what bounds the answer, all as shares of the portfolio. */
export type ProjectionProblem = {
  /** Instrument and model weight; each instrument once, in any order. */
  readonly targets: readonly (readonly [string, Decimal])[];
  readonly minimumSum: Decimal;
  readonly maximumSum: Decimal;
  /** The most that one instrument may weigh, null without such a limit. */
  readonly maximumWeight: Decimal | null;
  /** Each bounds the sum of some of the instruments. */
  readonly caps: readonly { readonly members: readonly string[]; readonly maximum: Decimal }[];
};

export type Projection =
  | { readonly outcome: "SOLVED"; readonly weights: ReadonlyMap<string, Decimal> }
  | { readonly outcome: "INFEASIBLE" }
  | { readonly outcome: "FAILED" };

/**
 * The weights w ≥ 0 with the least Σ (w − model)² that keep all bounds: the projection of the model onto a
 * polyhedron, so there is at most one answer. It is guessed in doubles and then proved in exact arithmetic,
 * which leaves no residuals, decides ties and feasibility truly, and does not see the order of instruments.
 */
export function projectTargets(problem: ProjectionProblem): Projection {
  if (isPlainlyInfeasible(problem)) return { outcome: "INFEASIBLE" };
  const targets = [...problem.targets].sort(([a], [b]) => compareCodePoints(a, b));
  const rows = indexRows(problem, targets);
  const scale = commonScale(problem);
  const integer = (value: Decimal): bigint => toScaledInteger(value, scale);
  const { maximumWeight } = problem;
  const bounds = rowBounds(problem);
  const guess = approximate({
    bounds: bounds.map(toDouble),
    rows,
    targets: targets.map(([, weight]) => toDouble(weight)),
    upper: maximumWeight === null ? Infinity : toDouble(maximumWeight),
  });
  const solution = solveExactly(
    {
      bounds: bounds.map(integer),
      rows,
      targets: targets.map(([, weight]) => integer(weight)),
      upper: maximumWeight === null ? null : integer(maximumWeight),
    },
    guess,
  );
  if (solution.outcome !== "SOLVED") return solution;
  const denominator = solution.denominator * integer(decimal(1));
  const weights = targets.map(
    ([instrument], index) => [instrument, ratio(solution.numerators[index] ?? 0n, denominator)] as const,
  );
  return { outcome: "SOLVED", weights: new Map(weights) };
}

/** Contradictions that one look at the bounds shows; all others are for the solver to prove. */
function isPlainlyInfeasible({
  targets,
  minimumSum,
  maximumSum,
  maximumWeight,
  caps,
}: ProjectionProblem): boolean {
  if (compare(minimumSum, maximumSum) > 0 || isNegative(maximumSum)) return true;
  if (caps.some(({ maximum }) => isNegative(maximum))) return true;
  if (maximumWeight === null) return false;
  const capacity = multiply(maximumWeight, decimal(targets.length));
  return isNegative(maximumWeight) || compare(capacity, minimumSum) < 0;
}

/** Every bound as Σ sign·w ≤ bound over its members: the largest sum, the smallest, then the caps. */
function indexRows({ caps }: ProjectionProblem, targets: ProjectionProblem["targets"]): ProjectionRows {
  const indexOf = new Map(targets.map(([instrument], index) => [instrument, index]));
  const all = targets.map((_, index) => index);
  const members = caps.map((cap) =>
    cap.members.map((member) => indexOf.get(member)).filter((index) => index !== undefined),
  );
  const rowMembers = [all, all, ...members];
  const rowsOf: number[][] = targets.map(() => []);
  rowMembers.forEach((row, number) => {
    for (const index of row) rowsOf[index]?.push(number);
  });
  return { members: rowMembers, rowsOf, signs: rowMembers.map((_, row) => (row === 1 ? -1 : 1)) };
}

function rowBounds({ minimumSum, maximumSum, caps }: ProjectionProblem): Decimal[] {
  return [maximumSum, multiply(minimumSum, decimal(-1)), ...caps.map(({ maximum }) => maximum)];
}

/** Enough decimals to hold every number of the problem as an integer. */
function commonScale({ targets, maximumWeight, ...problem }: ProjectionProblem): number {
  let scale = Math.max(decimalsOf(problem.minimumSum), decimalsOf(problem.maximumSum));
  if (maximumWeight !== null) scale = Math.max(scale, decimalsOf(maximumWeight));
  for (const [, weight] of targets) scale = Math.max(scale, decimalsOf(weight));
  for (const { maximum } of problem.caps) scale = Math.max(scale, decimalsOf(maximum));
  return scale;
}

function toDouble(value: Decimal): number {
  return Number(toText(value));
}

import type { Decimal } from "../../decimal/decimal.ts";
export type ProjectionProblem = {
  readonly targets: readonly (readonly [string, Decimal])[];
  readonly minimumSum: Decimal;
  readonly maximumSum: Decimal;
  readonly maximumWeight: Decimal | null;
  readonly caps: readonly { readonly members: readonly string[]; readonly maximum: Decimal }[];
};
export type Projection =
  | { readonly outcome: "SOLVED"; readonly weights: ReadonlyMap<string, Decimal> }
  | { readonly outcome: "INFEASIBLE" }
  | { readonly outcome: "FAILED" };
export function projectTargets(problem: ProjectionProblem): Projection {
  return { outcome: problem.targets.length < 0 ? "FAILED" : "INFEASIBLE" };
}

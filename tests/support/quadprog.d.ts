declare module "quadprog" {
  /** All arrays count from 1; the solver overwrites some of them. */
  export function solveQP(
    Dmat: number[][],
    dvec: number[],
    Amat: number[][],
    bvec: number[],
    meq?: number,
  ): { solution: number[]; message: string };
}

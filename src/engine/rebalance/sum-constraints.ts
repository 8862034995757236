/**
 * The sum constraints A·w ≤ limits of a projection, with A as a sparse matrix: sum constraint k has the
 * coefficient `signs[k]` for each of its members and zero for every other instrument.
 */
export type SumConstraints = {
  /** For each sum constraint, the indices of its instruments. */
  readonly members: readonly (readonly number[])[];
  readonly signs: readonly (1 | -1)[];
  /** For each instrument, the indices of the sum constraints that it is a member of. */
  readonly memberships: readonly (readonly number[])[];
};

/** Whether a weight is free between its bounds or fixed at one of them. The lower bound is zero. */
export type BoundStatus = "FREE" | "AT_LOWER" | "AT_UPPER";

/** Constraints assumed to hold with equality: the status of each weight, and indices of sum constraints. */
export type ActiveSet = { readonly bounds: readonly BoundStatus[]; readonly sums: readonly number[] };

/** The number of instruments and of their memberships: what a pass over the problem reads. */
export function sizeOf({ memberships }: SumConstraints): number {
  return memberships.reduce((size, sums) => size + sums.length, memberships.length);
}

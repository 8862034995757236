import type { SymmetricMatrix } from "./modular-system.ts";
import type { SumConstraints } from "./sum-constraints.ts";

/**
 * A·Aᵀ over a set of instruments, for all sum constraints: entry (j, k) counts the instruments in both, with the
 * product of the signs. It is kept up to date as instruments come and go.
 */
export type SumProducts = SymmetricMatrix;

export function noSumProducts({ members }: SumConstraints): SumProducts {
  return { size: members.length, entries: new Float64Array(members.length * members.length) };
}

/** Adds an instrument (`count` 1) or takes it away (−1). */
export function countInstrument(
  { size, entries }: SumProducts,
  { memberships, signs }: SumConstraints,
  index: number,
  count: 1 | -1,
): void {
  const sums = memberships[index] ?? [];
  for (const sumIndex of sums) {
    const signed = count * (signs[sumIndex] ?? 1);
    for (const other of sums) {
      const at = sumIndex * size + other;
      entries[at] = (entries[at] ?? 0) + signed * (signs[other] ?? 1);
    }
  }
}

/** The rows and columns of some of the sum constraints, in the order given. */
export function productsOf({ size, entries }: SumProducts, sums: readonly number[]): SymmetricMatrix {
  const part = new Float64Array(sums.length * sums.length);
  sums.forEach((sumIndex, row) => {
    sums.forEach((other, column) => {
      part[row * sums.length + column] = entries[sumIndex * size + other] ?? 0;
    });
  });
  return { size: sums.length, entries: part };
}

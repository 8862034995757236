import type { SymmetricMatrix } from "./modular-system.ts";

/** Solves (matrix + regularization·I) · x = right in doubles, for a positive definite sum, by its L·D·Lᵀ factors. */
export function solveRegularized(
  { size, entries }: SymmetricMatrix,
  right: Float64Array,
  regularization: number,
): Float64Array {
  const lower = new Float64Array(size * size);
  const pivots = new Float64Array(size);
  /** The current row of L·D. */
  const scaled = new Float64Array(size);
  const solution = Float64Array.from(right);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      const entry = (entries[row * size + column] ?? 0) + (column === row ? regularization : 0);
      const value = entry - dot(lower, column * size, scaled, column);
      scaled[column] = value;
      lower[row * size + column] = column === row ? 1 : value / (pivots[column] ?? 1);
    }
    pivots[row] = scaled[row] ?? 1;
    solution[row] = (solution[row] ?? 0) - dot(lower, row * size, solution, row);
  }
  for (let row = size - 1; row >= 0; row -= 1) {
    let value = (solution[row] ?? 0) / (pivots[row] ?? 1);
    for (let at = row + 1; at < size; at += 1) {
      value -= (lower[at * size + row] ?? 0) * (solution[at] ?? 0);
    }
    solution[row] = value;
  }
  return solution;
}

function dot(a: Float64Array, from: number, b: Float64Array, length: number): number {
  let sum = 0;
  for (let at = 0; at < length; at += 1) sum += (a[from + at] ?? 0) * (b[at] ?? 0);
  return sum;
}

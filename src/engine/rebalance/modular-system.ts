/** Symmetric matrices in row-major order, and their factors modulo a prime, in doubles that stay exact. */

/** A symmetric matrix of integers: entry (i, j) is `entries[i * size + j]`. */
export type SymmetricMatrix = { readonly size: number; readonly entries: Float64Array };

/** L·D·Lᵀ modulo a prime. A row whose pivot is zero depends on those before it; its column in L is zero. */
export type ModularFactors = {
  readonly prime: number;
  readonly size: number;
  /** Row-major, lower triangle. */
  readonly lower: Float64Array;
  /** The transpose of `lower`, so that both substitutions walk along rows. */
  readonly upper: Float64Array;
  /** The inverses of the diagonal of D, zero where it is zero. */
  readonly inversePivots: Float64Array;
};

/** The largest prime below 2^23. Products of two residues are below 2^46, so that 64 of them add up exactly. */
export const LARGEST_PRIME = 8_388_593;
const EXACT_TERMS = 64;

/** The factors of a matrix modulo a prime below 2^23. */
export function factorize({ size, entries }: SymmetricMatrix, prime: number): ModularFactors {
  const lower = new Float64Array(size * size);
  const upper = new Float64Array(size * size);
  const inversePivots = new Float64Array(size);
  /** The current row of L·D. */
  const scaled = new Float64Array(size);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      const entry = entries[row * size + column] ?? 0;
      const value = residue(entry - dot(lower, column * size, scaled, 0, column, prime), prime);
      scaled[column] = value;
      const factor = column === row ? 1 : (value * (inversePivots[column] ?? 0)) % prime;
      lower[row * size + column] = factor;
      upper[column * size + row] = factor;
    }
    inversePivots[row] = inverse(scaled[row] ?? 0, prime);
  }
  return { prime, size, lower, upper, inversePivots };
}

/** The solution of the factored system modulo the prime, for residues on the right. */
export function solveModular(factors: ModularFactors, right: Float64Array): Float64Array {
  const { prime, size, lower, upper, inversePivots } = factors;
  const solution = Float64Array.from(right);
  for (let row = 1; row < size; row += 1) {
    solution[row] = residue((solution[row] ?? 0) - dot(lower, row * size, solution, 0, row, prime), prime);
  }
  for (let row = size - 1; row >= 0; row -= 1) {
    const from = row + 1;
    const scaled = ((solution[row] ?? 0) * (inversePivots[row] ?? 0)) % prime;
    const known = dot(upper, row * size + from, solution, from, size - from, prime);
    solution[row] = residue(scaled - known, prime);
  }
  return solution;
}

/** The next smaller prime of an odd number above 3. */
export function primeBelow(number: number): number {
  let candidate = number - 2;
  while (!isPrime(candidate)) candidate -= 2;
  return candidate;
}

function isPrime(odd: number): boolean {
  for (let divisor = 3; divisor * divisor <= odd; divisor += 2) if (odd % divisor === 0) return false;
  return true;
}

/** The representative between zero and the modulus. */
export function residue(value: number, modulus: number): number {
  const remainder = value % modulus;
  return remainder < 0 ? remainder + modulus : remainder;
}

/** The inner product of two stretches of residues, modulo the prime. */
function dot(
  a: Float64Array,
  fromA: number,
  b: Float64Array,
  fromB: number,
  length: number,
  prime: number,
): number {
  let sum = 0;
  for (let start = 0; start < length; start += EXACT_TERMS) {
    const end = Math.min(length, start + EXACT_TERMS);
    for (let at = start; at < end; at += 1) sum += (a[fromA + at] ?? 0) * (b[fromB + at] ?? 0);
    sum %= prime;
  }
  return sum;
}

/** The inverse modulo a prime by Euclid's algorithm, zero for zero. */
function inverse(value: number, prime: number): number {
  let [remainder, next] = [prime, value];
  let [coefficient, nextCoefficient] = [0, 1];
  while (next !== 0) {
    const quotient = Math.floor(remainder / next);
    [remainder, next] = [next, remainder - quotient * next];
    [coefficient, nextCoefficient] = [nextCoefficient, coefficient - quotient * nextCoefficient];
  }
  return value === 0 ? 0 : residue(coefficient, prime);
}

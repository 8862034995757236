import {
  factorize,
  LARGEST_PRIME,
  primeBelow,
  residue,
  solveModular,
  type ModularFactors,
  type SymmetricMatrix,
} from "./modular-system.ts";

/** The fractions numerators / denominator, all over one positive denominator. */
export type Fractions = { readonly numerators: readonly bigint[]; readonly denominator: bigint };

/** A positive definite matrix of integers, ready to solve systems exactly. */
export type IntegerSystem = {
  readonly matrix: SymmetricMatrix;
  readonly factors: ModularFactors;
  readonly largestEntry: number;
};

/**
 * What is known of a solution x: matrix · digits + prime^length · rest = right, so that `digits` is x modulo
 * prime^length.
 */
type Lifting = {
  readonly digits: Float64Array[];
  /** In doubles as soon as they hold it exactly. */
  rest: Float64Array | readonly bigint[];
};

const FIRST_ATTEMPT = 8;
const GROWTH_OF_ATTEMPTS = 1.4;
/** Half the bits that a digit certainly has: the other half is for the denominator. */
const HALF_BITS = 11;
/** A rest below this and what one digit takes from it are exact as doubles. */
const EXACT_REST = 2n ** 50n;

/** Indices of rows that do not depend linearly on those before them; it may leave out more than those that do. */
export function independentRows(matrix: SymmetricMatrix): number[] {
  // A pivot that is not zero modulo a prime is not zero.
  const { inversePivots } = factorize(matrix, LARGEST_PRIME);
  return [...inversePivots.keys()].filter((row) => inversePivots[row] !== 0);
}

/** Factors the matrix modulo the largest prime that divides none of its pivots. */
export function integerSystem(matrix: SymmetricMatrix): IntegerSystem {
  let factors = factorize(matrix, LARGEST_PRIME);
  while (factors.inversePivots.includes(0)) factors = factorize(matrix, primeBelow(factors.prime));
  const largestEntry = matrix.entries.reduce((largest, entry) => Math.max(largest, Math.abs(entry)), 0);
  return { matrix, factors, largestEntry };
}

/**
 * Solves matrix · x = right exactly by Dixon's p-adic lifting (1982): one digit of x in base of the prime after
 * the other, until the fractions behind the digits are found. Short fractions need few digits.
 */
export function solveInteger(
  system: IntegerSystem,
  right: readonly bigint[],
): Fractions & { readonly digitCount: number } {
  const lifting: Lifting = { digits: [], rest: inDoubles(right) };
  for (let length = FIRST_ATTEMPT; ; length = Math.ceil(length * GROWTH_OF_ATTEMPTS)) {
    while (lifting.digits.length < length) addDigit(system, lifting);
    const found = fractionsBehind(system, right, lifting.digits);
    if (found !== null) return { ...found, digitCount: length };
  }
}

function inDoubles(values: readonly bigint[]): Lifting["rest"] {
  const exact = values.every((value) => value < EXACT_REST && value > -EXACT_REST);
  return exact ? Float64Array.from(values, Number) : values;
}

function addDigit({ matrix, factors }: IntegerSystem, lifting: Lifting): void {
  const { rest, digits } = lifting;
  const { prime } = factors;
  if (rest instanceof Float64Array) {
    const digit = solveModular(
      factors,
      rest.map((value) => residue(value, prime)),
    );
    const taken = product(matrix, digit);
    lifting.rest = rest.map((value, row) => (value - (taken[row] ?? 0)) / prime);
    digits.push(digit);
  } else {
    const modulus = BigInt(prime);
    const residues = Float64Array.from(rest, (value) => residue(Number(value % modulus), prime));
    const digit = solveModular(factors, residues);
    const taken = product(matrix, digit);
    lifting.rest = inDoubles(rest.map((value, row) => (value - BigInt(taken[row] ?? 0)) / modulus));
    digits.push(digit);
  }
}

/** matrix · vector of residues, exact in doubles. */
function product({ size, entries }: SymmetricMatrix, vector: Float64Array): Float64Array {
  const result = new Float64Array(size);
  for (let row = 0; row < size; row += 1) {
    let sum = 0;
    for (let column = 0; column < size; column += 1) {
      sum += (entries[row * size + column] ?? 0) * (vector[column] ?? 0);
    }
    result[row] = sum;
  }
  return result;
}

/**
 * The fractions with one denominator that have these digits, null while the digits are too few. The fractions
 * solve the system modulo prime^length; if both sides are too small to differ by a multiple of that, they
 * solve it.
 */
function fractionsBehind(
  { factors, matrix, largestEntry }: IntegerSystem,
  right: readonly bigint[],
  digits: readonly Float64Array[],
): Fractions | null {
  const base = BigInt(factors.prime);
  const modulus = base ** BigInt(digits.length);
  const limit = 2n ** BigInt(HALF_BITS * digits.length - 1);
  const solution = right.map((_, row) =>
    digits.reduceRight((value, digit) => value * base + BigInt(digit[row] ?? 0), 0n),
  );
  let denominator = 1n;
  for (const value of solution) {
    const numerator = centred(value * denominator, modulus);
    if (numerator <= limit && numerator >= -limit) continue;
    denominator *= denominatorOf(numerator, modulus, limit);
    if (denominator > limit) return null;
  }
  const numerators = solution.map((value) => centred(value * denominator, modulus));
  const leftSize = BigInt(matrix.size * largestEntry) * largestOf(numerators);
  return leftSize + denominator * largestOf(right) < modulus ? { numerators, denominator } : null;
}

/** The denominator of the fraction that is the value modulo the modulus and has a numerator up to the limit. */
function denominatorOf(value: bigint, modulus: bigint, limit: bigint): bigint {
  let [remainder, next] = [modulus, value < 0n ? value + modulus : value];
  let [coefficient, nextCoefficient] = [0n, 1n];
  while (next > limit) {
    const quotient = remainder / next;
    [remainder, next] = [next, remainder - quotient * next];
    [coefficient, nextCoefficient] = [nextCoefficient, coefficient - quotient * nextCoefficient];
  }
  return nextCoefficient < 0n ? -nextCoefficient : nextCoefficient;
}

/** The representative of a value that is nearest to zero. */
function centred(value: bigint, modulus: bigint): bigint {
  const remainder = value % modulus;
  if (2n * remainder > modulus) return remainder - modulus;
  return 2n * remainder < -modulus ? remainder + modulus : remainder;
}

function largestOf(values: readonly bigint[]): bigint {
  return values.reduce((largest, value) => {
    const size = value < 0n ? -value : value;
    return size > largest ? size : largest;
  }, 0n);
}

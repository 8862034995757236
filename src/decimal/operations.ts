/**
 * The operations that `decimal.ts` and `exact.ts` have in common. They differ only in what becomes of a result that a
 * double cannot hold: rounded, or kept as it is. Small results, which nearly all are, never come to that.
 */
import { rounded } from "./rounding.ts";
import {
  coefficientOf,
  digitCount,
  fromBig,
  fromSmall,
  isSmall,
  isZero,
  powerOfTen,
  smallPowerOfTen,
  ZERO,
  type Decimal,
} from "./value.ts";

/** What a coefficient that may be long becomes. */
type Finish = (coefficient: bigint, scale: number) => Decimal;

export function sumOf(a: Decimal, b: Decimal, finish: Finish): Decimal {
  if (typeof a.coefficient === "number" && typeof b.coefficient === "number") {
    const scale = a.scale > b.scale ? a.scale : b.scale;
    const sum = aligned(a.coefficient, scale - a.scale) + aligned(b.coefficient, scale - b.scale);
    if (isSmall(sum)) return fromSmall(sum, scale);
  }
  return addBig(a, coefficientOf(b), b.scale, finish);
}

export function differenceOf(a: Decimal, b: Decimal, finish: Finish): Decimal {
  if (typeof a.coefficient === "number" && typeof b.coefficient === "number") {
    const scale = a.scale > b.scale ? a.scale : b.scale;
    const difference = aligned(a.coefficient, scale - a.scale) - aligned(b.coefficient, scale - b.scale);
    if (isSmall(difference)) return fromSmall(difference, scale);
  }
  return addBig(a, -coefficientOf(b), b.scale, finish);
}

export function productOf(a: Decimal, b: Decimal, finish: Finish): Decimal {
  const scale = a.scale + b.scale;
  if (typeof a.coefficient === "number" && typeof b.coefficient === "number") {
    const product = a.coefficient * b.coefficient;
    if (product === 0) return ZERO;
    if (b.coefficient === 1 && scale === a.scale) return a;
    if (isSmall(product)) return fromSmall(product, scale);
  }
  const product = coefficientOf(a) * coefficientOf(b);
  return product === 0n ? ZERO : finish(product, scale);
}

/** A quotient of at most so many significant digits, half-even. Throws on a divisor of zero. */
export function quotientOf(a: Decimal, b: Decimal, precision: number): Decimal {
  if (isZero(b)) throw new RangeError("division by zero");
  if (typeof a.coefficient === "number" && typeof b.coefficient === "number") {
    const quotient = a.coefficient / b.coefficient;
    if (Number.isInteger(quotient) && quotient * b.coefficient === a.coefficient) {
      return fromSmall(quotient, a.scale - b.scale);
    }
  } else if (b.coefficient === 1) {
    return rounded(coefficientOf(a), a.scale - b.scale, precision);
  }
  return divideBig(coefficientOf(a), coefficientOf(b), a.scale - b.scale, precision);
}

/** From zero, one value after the other. */
export function totalOf(values: Iterable<Decimal>, add: (a: Decimal, b: Decimal) => Decimal): Decimal {
  let total = ZERO;
  for (const value of values) total = add(total, value);
  return total;
}

/** A coefficient with this many decimals more, or NaN where a double cannot hold it. */
export function aligned(coefficient: number, decimals: number): number {
  if (decimals === 0) return coefficient;
  const product = coefficient * smallPowerOfTen(decimals);
  return isSmall(product) ? product : NaN;
}

function addBig(a: Decimal, coefficient: bigint, scale: number, finish: Finish): Decimal {
  const difference = a.scale - scale;
  if (difference === 0) return finish(coefficientOf(a) + coefficient, scale);
  if (difference > 0) return finish(coefficientOf(a) + coefficient * powerOfTen(difference), a.scale);
  return finish(coefficientOf(a) * powerOfTen(-difference) + coefficient, scale);
}

function divideBig(dividend: bigint, divisor: bigint, scale: number, precision: number): Decimal {
  if (dividend === 0n) return fromBig(0n, 0);
  const negative = dividend < 0n !== divisor < 0n;
  const numerator = dividend < 0n ? -dividend : dividend;
  const denominator = divisor < 0n ? -divisor : divisor;
  // The quotient has as many digits as the precision, or one more.
  const shift = Math.max(0, precision + digitCount(denominator) - digitCount(numerator));
  const shifted = numerator * powerOfTen(shift);
  let quotient = shifted / denominator;
  const remainder = shifted - quotient * denominator;
  const limit = powerOfTen(precision);
  if (remainder === 0n) return withoutZeros(negative ? -quotient : quotient, scale + shift, scale, precision);
  if (quotient < limit) {
    const twice = 2n * remainder;
    if (twice > denominator || (twice === denominator && (quotient & 1n) === 1n)) quotient += 1n;
  } else if (quotient % 5n === 0n) {
    // The remainder must tip what would otherwise look like a tie or like an exact result.
    quotient += 1n;
  }
  return rounded(negative ? -quotient : quotient, scale + shift, precision);
}

/** Shortens an exact quotient, so that it is held small again where possible. */
function withoutZeros(coefficient: bigint, scale: number, smallestScale: number, precision: number): Decimal {
  let kept = coefficient;
  let keptScale = scale;
  while (keptScale > smallestScale && kept % 10n === 0n) {
    kept /= 10n;
    keptScale -= 1;
  }
  return rounded(kept, keptScale, precision);
}

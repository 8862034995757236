import { rounded } from "./rounding.ts";
import {
  coefficientOf,
  digitCount,
  fromBig,
  isSmall,
  powerOfTen,
  smallPowerOfTen,
  type Decimal,
} from "./value.ts";

/** What a sum or a product of coefficients becomes: rounded, or kept as it is. */
export type Finish = (coefficient: bigint, scale: number) => Decimal;

/** A coefficient with this many decimals more, or NaN where a double cannot hold it. */
export function aligned(coefficient: number, decimals: number): number {
  if (decimals === 0) return coefficient;
  const product = coefficient * smallPowerOfTen(decimals);
  return isSmall(product) ? product : NaN;
}

export function addBig(a: Decimal, coefficient: bigint, scale: number, finish: Finish): Decimal {
  const difference = a.scale - scale;
  if (difference === 0) return finish(coefficientOf(a) + coefficient, scale);
  if (difference > 0) return finish(coefficientOf(a) + coefficient * powerOfTen(difference), a.scale);
  return finish(coefficientOf(a) * powerOfTen(-difference) + coefficient, scale);
}

/** A quotient of at most so many significant digits, half-even. */
export function divideBig(dividend: bigint, divisor: bigint, scale: number, precision: number): Decimal {
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

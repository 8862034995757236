/**
 * The operations of `decimal.ts` without their rounding: sums, differences and products are exact, however many
 * digits they take. Only a quotient is rounded, half-even, to 34 significant digits (those of decimal128).
 */
import { differenceOf, productOf, quotientOf, sumOf, totalOf } from "./operations.ts";
import { leadingDigits, wholePart } from "./quotient.ts";
import { roundToScale } from "./rounding.ts";
import {
  coefficientOf,
  digitCount,
  fromBig,
  fromSmall,
  isZero,
  ONE,
  powerOfTen,
  toDouble,
  ZERO,
  type Decimal,
} from "./value.ts";

/** Significant digits of a quotient. */
const QUOTIENT_DIGITS = 34;

export function add(a: Decimal, b: Decimal): Decimal {
  return sumOf(a, b, fromBig);
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  return differenceOf(a, b, fromBig);
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return productOf(a, b, fromBig);
}

/** Throws on a divisor of zero: whether one is possible is for the caller to know. */
export function divide(a: Decimal, b: Decimal): Decimal {
  return quotientOf(a, b, QUOTIENT_DIGITS);
}

export function negate({ coefficient, scale }: Decimal): Decimal {
  return typeof coefficient === "number" ? fromSmall(-coefficient, scale) : fromBig(-coefficient, scale);
}

export function absolute(value: Decimal): Decimal {
  return value.coefficient < 0 ? negate(value) : value;
}

export function sum(values: Iterable<Decimal>): Decimal {
  return totalOf(values, add);
}

/** The largest integer that is not above a × b ÷ (c × d), all above zero. */
export function floorShare(a: Decimal, b: Decimal, c: Decimal, d: Decimal): Decimal {
  const quotient = (toDouble(a) * toDouble(b)) / (toDouble(c) * toDouble(d));
  return wholePart(quotient) ?? exactFloor(multiply(a, b), multiply(c, d));
}

/** The largest integer that is not above a ÷ b: the exact quotient, not a rounded one. */
export function floorQuotient(a: Decimal, b: Decimal): Decimal {
  return wholePart(toDouble(a) / toDouble(b)) ?? exactFloor(a, b);
}

function exactFloor(a: Decimal, b: Decimal): Decimal {
  if (isZero(b)) throw new RangeError("division by zero");
  const [dividend, divisor] = sameScale(a, b);
  const quotient = dividend / divisor;
  const isAbove = quotient * divisor !== dividend && dividend < 0n !== divisor < 0n;
  return fromBig(isAbove ? quotient - 1n : quotient, 0);
}

/** Two coefficients with the quotient of the two values. */
function sameScale(a: Decimal, b: Decimal): [bigint, bigint] {
  const difference = a.scale - b.scale;
  if (difference > 0) return [coefficientOf(a), coefficientOf(b) * powerOfTen(difference)];
  return [coefficientOf(a) * powerOfTen(-difference), coefficientOf(b)];
}

/** The same as `roundToScale(divide(a, b), decimals)`. */
export function roundedQuotient(a: Decimal, b: Decimal, decimals: number): Decimal {
  return leadingDigits(toDouble(a) / toDouble(b), decimals) ?? roundToScale(divide(a, b), decimals);
}

/** a × b ÷ c of values that are not negative, to 34 significant digits towards zero: never more than the exact value. */
export function shareBelow(a: Decimal, b: Decimal, c: Decimal): Decimal {
  if (isZero(c)) throw new RangeError("division by zero");
  const [dividend, divisor] = sameScale(multiply(a, b), c);
  if (dividend === 0n) return ZERO;
  const shift = Math.max(0, QUOTIENT_DIGITS + digitCount(divisor) - digitCount(dividend));
  const quotient = (dividend * powerOfTen(shift)) / divisor;
  return fromBig(quotient, shift);
}

/** The fraction numerator ÷ denominator to so many decimals, towards zero. The denominator is above zero. */
export function truncatedRatio(numerator: bigint, denominator: bigint, decimals: number): Decimal {
  return fromBig((numerator * powerOfTen(decimals)) / denominator, decimals);
}

/** The fraction numerator ÷ denominator, neither below zero, to so many decimals, rounded up. */
export function ceilingRatio(numerator: bigint, denominator: bigint, decimals: number): Decimal {
  return fromBig((numerator * powerOfTen(decimals) + denominator - 1n) / denominator, decimals);
}

/** The largest multiple of a step above zero that is not above the value. */
export function floorToStep(value: Decimal, step: Decimal): Decimal {
  if (step === ONE && value.scale <= 0) return value;
  return multiply(floorQuotient(value, step), step);
}

/**
 * Decimal arithmetic for money, quantities, prices, rates and weights. Every result of add, subtract, multiply,
 * divide, negate and absolute has at most 28 significant digits, rounded half-even, as in Python's decimal module
 * with its default precision; values made from text are kept as they were written. `exact.ts` has the same
 * operations without that rounding.
 */
import { rounded } from "./rounding.ts";
import { fromText } from "./text.ts";
import { aligned, differenceOf, productOf, quotientOf, sumOf } from "./operations.ts";
import { coefficientOf, fromSmall, powerOfTen, PRECISION, type Decimal } from "./value.ts";

export { floor, roundAwayFromZero, roundToScale } from "./rounding.ts";
export { isDecimal, isZero, ONE, ZERO, type Decimal } from "./value.ts";

/** A constant of the code: a safe integer or text, read exactly. Throws on anything else. */
export function decimal(source: string | number): Decimal {
  if (typeof source === "string") return fromText(source);
  if (!Number.isSafeInteger(source)) throw new RangeError(`not a safe integer: ${source}`);
  return fromSmall(source, 0);
}

export function add(a: Decimal, b: Decimal): Decimal {
  return sumOf(a, b, rounded);
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  return differenceOf(a, b, rounded);
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return productOf(a, b, rounded);
}

/** Throws on a divisor of zero: whether one is possible is for the caller to know. */
export function divide(a: Decimal, b: Decimal): Decimal {
  return quotientOf(a, b, PRECISION);
}

export function negate({ coefficient, scale }: Decimal): Decimal {
  return typeof coefficient === "number" ? fromSmall(-coefficient, scale) : rounded(-coefficient, scale);
}

export function absolute(value: Decimal): Decimal {
  const { coefficient, scale } = value;
  if (typeof coefficient === "number") return coefficient < 0 ? fromSmall(-coefficient, scale) : value;
  return rounded(coefficient < 0n ? -coefficient : coefficient, scale);
}

/** Below zero, zero or above zero, as `a` is less than, equal to or greater than `b`. Never rounds. */
export function compare(a: Decimal, b: Decimal): number {
  if (typeof a.coefficient === "number" && typeof b.coefficient === "number") {
    const scale = a.scale > b.scale ? a.scale : b.scale;
    const difference = aligned(a.coefficient, scale - a.scale) - aligned(b.coefficient, scale - b.scale);
    // Two different safe integers never have a difference that rounds to zero.
    if (!Number.isNaN(difference)) return difference;
  }
  const shift = a.scale - b.scale;
  const left = shift < 0 ? coefficientOf(a) * powerOfTen(-shift) : coefficientOf(a);
  const right = shift > 0 ? coefficientOf(b) * powerOfTen(shift) : coefficientOf(b);
  return left === right ? 0 : left < right ? -1 : 1;
}

export function equals(a: Decimal, b: Decimal): boolean {
  return compare(a, b) === 0;
}

export function isNegative(value: Decimal): boolean {
  return value.coefficient < 0;
}

export function isPositive(value: Decimal): boolean {
  return value.coefficient > 0;
}

/** The smaller of two values, the first when they are equal; not rounded. */
export function minimum(a: Decimal, b: Decimal): Decimal {
  return compare(b, a) < 0 ? b : a;
}

/** The larger of two values, the first when they are equal; not rounded. */
export function maximum(a: Decimal, b: Decimal): Decimal {
  return compare(b, a) > 0 ? b : a;
}

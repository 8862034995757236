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

/** The same as `floor(divide(a, b))`. */
export function floorQuotient(a: Decimal, b: Decimal): Decimal {
  const quotient = toDouble(a) / toDouble(b);
  const whole = Math.floor(quotient);
  const above = quotient - whole;
  const trusted = Math.abs(quotient) < MOST_TRUSTED && above > DOUBT && above < 1 - DOUBT;
  return trusted ? fromSmall(whole, 0) : floor(divide(a, b));
}

/** The same as `roundToScale(divide(a, b), decimals)`. */
export function roundedQuotient(a: Decimal, b: Decimal, decimals: number): Decimal {
  const quotient = (toDouble(a) / toDouble(b)) * smallPowerOfTen(decimals);
  const aboveFloor = quotient - Math.floor(quotient);
  const trusted = Math.abs(quotient) < MOST_TRUSTED && Math.abs(aboveFloor - 0.5) > DOUBT;
  return trusted ? fromSmall(Math.round(quotient), decimals) : roundToScale(divide(a, b), decimals);
}

import { roundToScale, type Decimal } from "../decimal/decimal.ts";

const DEFAULT_MINOR_UNITS = 2;

/** Decimals of a currency's smallest unit (ISO 4217), where they are not two. */
const MINOR_UNITS: ReadonlyMap<string, number> = new Map([
  ["JPY", 0],
  ["KRW", 0],
  ["VND", 0],
  ["BHD", 3],
  ["KWD", 3],
  ["OMR", 3],
]);

/** An amount rounded half-even to the currency's minor unit. */
export function toMinorUnits(amount: Decimal, currency: string): Decimal {
  return roundToScale(amount, MINOR_UNITS.get(currency) ?? DEFAULT_MINOR_UNITS);
}

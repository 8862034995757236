import { decimal, ONE, roundAwayFromZero, roundToScale, type Decimal } from "../decimal/decimal.ts";

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

/** The smallest amount of a currency that can be paid. */
export function minorUnit(currency: string): Decimal {
  return fromUnits(MINOR_UNITS.get(currency) ?? DEFAULT_MINOR_UNITS);
}

const UNITS = ["1", "0.1", "0.01", "0.001"].map(decimal);

function fromUnits(decimals: number): Decimal {
  return UNITS[decimals] ?? ONE;
}

/** An amount with the decimals of its currency, away from zero: enough to pay the exact one. */
export function upToMinorUnits(amount: Decimal, currency: string): Decimal {
  return roundAwayFromZero(amount, MINOR_UNITS.get(currency) ?? DEFAULT_MINOR_UNITS);
}

/** An amount rounded half-even to the currency's minor unit. */
export function toMinorUnits(amount: Decimal, currency: string): Decimal {
  return roundToScale(amount, MINOR_UNITS.get(currency) ?? DEFAULT_MINOR_UNITS);
}

/**
 * How a decimal is held: coefficient × 10^-scale. Nearly every amount, price and quantity has a coefficient
 * that a double holds exactly, and double arithmetic on such integers is exact and many times faster than
 * BigInt; so the coefficient is a safe integer where one serves, else a BigInt.
 *
 * A class only for its identity: `instanceof` tells a decimal from anything that JSON can spell, and all
 * decimals share one hidden class. Its fields belong to this folder.
 */
class DecimalValue {
  readonly coefficient: number | bigint;
  readonly scale: number;

  constructor(coefficient: number | bigint, scale: number) {
    this.coefficient = coefficient;
    this.scale = scale;
  }
}

/** An immutable decimal number. Make, compare and compute it only with the functions of this folder. */
export type Decimal = DecimalValue;

/** Significant digits of every arithmetic result, half-even: the default context of Python's decimal. */
export const PRECISION = 28;

const MAX_SMALL = Number.MAX_SAFE_INTEGER;
const MAX_SMALL_BIG = BigInt(MAX_SMALL);
/** 10^15 is the largest power of ten below the largest safe integer. */
const MAX_SMALL_POWER = 15;

const SMALL_POWERS = Array.from({ length: MAX_SMALL_POWER + 1 }, (_, power) => 10 ** power);
const BIG_POWERS = Array.from({ length: 128 }, (_, power) => 10n ** BigInt(power));

export function isDecimal(value: unknown): value is Decimal {
  return value instanceof DecimalValue;
}

/** True when the coefficient stays exact in a double. */
export function isSmall(coefficient: number): boolean {
  return coefficient <= MAX_SMALL && coefficient >= -MAX_SMALL;
}

/** A decimal from a safe integer coefficient. */
export function fromSmall(coefficient: number, scale: number): Decimal {
  return new DecimalValue(coefficient, scale);
}

export const ZERO: Decimal = fromSmall(0, 0);
export const ONE: Decimal = fromSmall(1, 0);

export function isZero(value: Decimal): boolean {
  return value.coefficient === 0;
}

/** A decimal from any coefficient, held small where it fits. */
export function fromBig(coefficient: bigint, scale: number): Decimal {
  if (coefficient <= MAX_SMALL_BIG && coefficient >= -MAX_SMALL_BIG) {
    return new DecimalValue(Number(coefficient), scale);
  }
  return new DecimalValue(coefficient, scale);
}

export function coefficientOf(value: Decimal): bigint {
  return BigInt(value.coefficient);
}

export function powerOfTen(power: number): bigint {
  return BIG_POWERS[power] ?? 10n ** BigInt(power);
}

/** 10^power as an exact double, or NaN where that is too large to multiply a coefficient with. */
export function smallPowerOfTen(power: number): number {
  return SMALL_POWERS[power] ?? NaN;
}

/** The value to within a few units of the last place of a double. */
export function toDouble({ coefficient, scale }: Decimal): number {
  return Number(coefficient) / (SMALL_POWERS[scale] ?? 10 ** scale);
}

/** The number of decimal digits of a coefficient above zero. */
export function digitCount(coefficient: bigint): number {
  const approximate = Number(coefficient);
  if (approximate === Infinity) return coefficient.toString().length;
  const estimate = Math.floor(Math.log10(approximate));
  if (coefficient >= powerOfTen(estimate + 1)) return estimate + 2;
  return coefficient < powerOfTen(estimate) ? estimate : estimate + 1;
}

import {
  coefficientOf,
  digitCount,
  fromBig,
  fromSmall,
  isSmall,
  powerOfTen,
  PRECISION,
  smallPowerOfTen,
  type Decimal,
} from "./value.ts";

/** The first coefficient that has too many digits. */
const PRECISION_LIMIT = powerOfTen(PRECISION);

/** `coefficient` ÷ 10^digits as an integer, half-even. */
function dropDigits(coefficient: bigint, digits: number): bigint {
  const divisor = powerOfTen(digits);
  const quotient = coefficient / divisor;
  const remainder = coefficient - quotient * divisor;
  const twice = remainder < 0n ? -remainder * 2n : remainder * 2n;
  const up = twice > divisor || (twice === divisor && (quotient & 1n) === 1n);
  if (!up) return quotient;
  return coefficient < 0n ? quotient - 1n : quotient + 1n;
}

/** A decimal of at most so many significant digits from a coefficient of any length, half-even. */
export function rounded(coefficient: bigint, scale: number, precision = PRECISION): Decimal {
  const limit = precision === PRECISION ? PRECISION_LIMIT : powerOfTen(precision);
  if (coefficient < limit && coefficient > -limit) return fromBig(coefficient, scale);
  const excess = digitCount(coefficient < 0n ? -coefficient : coefficient) - precision;
  return fromBig(dropDigits(coefficient, excess), scale - excess);
}

/** The value with at most `decimals` places after the point, half-even. */
export function roundToScale(value: Decimal, decimals: number): Decimal {
  if (value.scale <= decimals) return value;
  return fromBig(dropDigits(coefficientOf(value), value.scale - decimals), decimals);
}

/** The largest integer that is not above the value. */
export function floor(value: Decimal): Decimal {
  const { coefficient, scale } = value;
  if (scale <= 0) return value;
  const divisor = smallPowerOfTen(scale);
  // The division may round a quotient up to the next integer; it never rounds one below its own.
  if (typeof coefficient === "number" && !Number.isNaN(divisor)) {
    const quotient = Math.floor(coefficient / divisor);
    if (isSmall(quotient * divisor) && quotient * divisor <= coefficient) return fromSmall(quotient, 0);
  }
  const big = BigInt(coefficient);
  const power = powerOfTen(scale);
  const quotient = big / power;
  return fromBig(big < quotient * power ? quotient - 1n : quotient, 0);
}

/** The value with at most `decimals` places after the point, away from zero. */
export function roundAwayFromZero(value: Decimal, decimals: number): Decimal {
  if (value.scale <= decimals) return value;
  const coefficient = coefficientOf(value);
  const divisor = powerOfTen(value.scale - decimals);
  const quotient = coefficient / divisor;
  if (quotient * divisor === coefficient) return fromBig(quotient, decimals);
  return fromBig(coefficient < 0n ? quotient - 1n : quotient + 1n, decimals);
}

import { roundToScale } from "./rounding.ts";
import { fromBig, fromSmall, smallPowerOfTen, type Decimal } from "./value.ts";

/** Why a text is not a decimal that this service takes. */
export type DecimalFault = "NOT_A_DECIMAL" | "TOO_MANY_INTEGER_DIGITS" | "TOO_MANY_DECIMALS";

const MAX_INTEGER_DIGITS = 18;
const MAX_DECIMALS = 30;
const MAX_SMALL_DIGITS = 15;

const SHORTEST_TEXT_LIMIT = 10 ** MAX_SMALL_DIGITS;
/** Below this JavaScript writes an exponent. */
const PLAIN_TEXT_LIMIT = 1e-6;

const PATTERN = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/**
 * Reads an optional sign, digits with an optional point and an optional exponent. Digits are counted from
 * coefficient and exponent before the number is written out, so `1e999999999` costs nothing. Zeros that do
 * not change the number are not counted. The value is kept exactly, never rounded.
 */
export function parseDecimal(text: string): Decimal | DecimalFault {
  const number = spell(text);
  if (number === null) return "NOT_A_DECIMAL";
  if (number.digits.length - number.scale > MAX_INTEGER_DIGITS) return "TOO_MANY_INTEGER_DIGITS";
  if (number.scale > MAX_DECIMALS) return "TOO_MANY_DECIMALS";
  return fromSpelling(number);
}

/** A number as digits without zeros at either end, `digits` × 10^-scale; zero has no digits and scale 0. */
type Spelling = { readonly negative: boolean; readonly digits: string; readonly scale: number };

function spell(text: string): Spelling | null {
  const [, sign, whole = "", fraction = "", exponent] = PATTERN.exec(text) ?? [];
  const all = whole + fraction;
  if (all === "") return null;
  const start = firstNonZero(all);
  const end = afterLastNonZero(all);
  if (start >= end) return { negative: false, digits: "", scale: 0 };
  const scale = fraction.length - (all.length - end) - Number(exponent ?? 0);
  return { negative: sign === "-", digits: all.slice(start, end), scale };
}

// Loops, because the pattern 0+$ takes quadratic time on a long run of zeros.
function firstNonZero(digits: string): number {
  let index = 0;
  while (digits.charCodeAt(index) === 48) index += 1;
  return index;
}

function afterLastNonZero(digits: string): number {
  let index = digits.length;
  while (index > 0 && digits.charCodeAt(index - 1) === 48) index -= 1;
  return index;
}

function fromSpelling({ negative, digits, scale }: Spelling): Decimal {
  const integer = scale < 0 ? digits + "0".repeat(-scale) : digits;
  const magnitude = integer.length <= MAX_SMALL_DIGITS ? Number(integer) : null;
  if (magnitude !== null) return fromSmall(negative ? -magnitude : magnitude, Math.max(scale, 0));
  return fromBig(negative ? -BigInt(integer) : BigInt(integer), Math.max(scale, 0));
}

/** An exact reading of text that the code itself wrote, of whatever length; throws on anything else. */
export function fromText(text: string): Decimal {
  const number = spell(text);
  if (number === null) throw new RangeError(`not a decimal: ${text}`);
  return fromSpelling(number);
}

/** The canonical spelling: no exponent, no zeros that say nothing, and zero without a sign. */
export function toText(value: Decimal): string {
  const { coefficient, scale } = value;
  if (scale <= 0) return integerText(value);
  // Up to 15 digits, a double prints as the shortest decimal that is nearest to it, which is the value itself.
  if (typeof coefficient === "number" && Math.abs(coefficient) < SHORTEST_TEXT_LIMIT) {
    const double = coefficient / smallPowerOfTen(scale);
    if (Math.abs(double) >= PLAIN_TEXT_LIMIT) return String(double);
  }
  const text = withPoint(value);
  let end = text.length;
  while (text.charCodeAt(end - 1) === 48) end -= 1;
  if (text.charCodeAt(end - 1) === 46) end -= 1;
  return unsignedZero(text.slice(0, end));
}

/** The value with exactly `decimals` places, half-even: `toFixedText(decimal("0.25"), 1)` is `"0.2"`. */
export function toFixedText(value: Decimal, decimals: number): string {
  const fixed = roundToScale(value, decimals);
  const padding = decimals - fixed.scale;
  if (typeof fixed.coefficient === "number") {
    const shown = fixed.coefficient * smallPowerOfTen(padding);
    // Up to 15 digits, the double is nearer to these decimals than to any others.
    if (Math.abs(shown) < SHORTEST_TEXT_LIMIT) return (shown / smallPowerOfTen(decimals)).toFixed(decimals);
  }
  if (fixed.scale > 0) return withPoint(fixed) + "0".repeat(padding);
  const whole = integerText(fixed);
  return decimals === 0 ? whole : `${whole}.${"0".repeat(decimals)}`;
}

function integerText({ coefficient, scale }: Decimal): string {
  const digits = String(coefficient);
  return scale === 0 || digits === "0" ? digits : digits + "0".repeat(-scale);
}

function withPoint({ coefficient, scale }: Decimal): string {
  const negative = coefficient < 0;
  const digits = String(negative ? -coefficient : coefficient);
  const padded = digits.length > scale ? digits : digits.padStart(scale + 1, "0");
  const point = padded.length - scale;
  return `${negative ? "-" : ""}${padded.slice(0, point)}.${padded.slice(point)}`;
}

function unsignedZero(text: string): string {
  return text === "-0" ? "0" : text;
}

import * as z from "zod";
import { compare, decimal as decimalOf, isDecimal, isPositive, type Decimal } from "../decimal/decimal.ts";
import { parseDecimal, toText, type DecimalFault } from "../decimal/text.ts";
import { isJsonNumber } from "./json-number.ts";
import { isJsonObject, isRefusal, refusal, scalar, shownAs, type Refusal } from "./wire.ts";

type JsonSchema = z.core.JSONSchema.BaseSchema;

const REQUIRED = refusal("REQUIRED", "is required");
const NOT_A_DECIMAL = refusal("NOT_A_DECIMAL", 'must be a decimal: a JSON number or a text such as "-12.50"');
const NOT_AN_INTEGER = refusal("WRONG_TYPE", "must be an integer");
const NOT_A_TEXT = refusal("WRONG_TYPE", "must be a text");

const DECIMAL_FAULTS: Readonly<Record<DecimalFault, Refusal>> = {
  NOT_A_DECIMAL,
  TOO_MANY_INTEGER_DIGITS: refusal("OUT_OF_RANGE", "must have at most 18 digits before the point"),
  TOO_MANY_DECIMALS: refusal("OUT_OF_RANGE", "must have at most 30 digits after the point"),
};

function readDecimal(value: unknown): Decimal | Refusal {
  if (value === undefined) return REQUIRED;
  const text = isJsonNumber(value) ? value.text : value;
  if (typeof text !== "string") return NOT_A_DECIMAL;
  const number = parseDecimal(text);
  return typeof number === "string" ? DECIMAL_FAULTS[number] : number;
}

const EXPONENT = "([eE][+-]?\\d+)?$";

/** Bounds of a decimal, as far as JSON Schema can say them: of a text no more than its sign, and that it is not zero. */
const WITHIN_18_DIGITS: JsonSchema = {
  pattern: `^[+-]?(\\d+\\.?\\d*|\\.\\d+)${EXPONENT}`,
  exclusiveMinimum: -1e18,
  exclusiveMaximum: 1e18,
};
const ABOVE_ZERO: JsonSchema = {
  pattern: `^\\+?(0*[1-9]\\d*\\.?\\d*|0*\\.0*[1-9]\\d*)${EXPONENT}`,
  exclusiveMinimum: 0,
  exclusiveMaximum: 1e18,
};
const NOT_NEGATIVE = `^(\\+?(\\d+\\.?\\d*|\\.\\d+)|-(0+\\.?0*|\\.0+))${EXPONENT}`;

function decimalJson(limits: string, example: string, bounds = WITHIN_18_DIGITS): JsonSchema {
  return {
    type: ["string", "number"],
    ...bounds,
    description: `A decimal${limits}, as a text or as a JSON number; at most 18 digits before the point and 30 after it.`,
    examples: [example],
  };
}

/** A decimal, kept exactly as it was written. */
export const decimal = scalar(readDecimal, decimalJson("", "12.50")).register(z.globalRegistry, {
  id: "DecimalInput",
});

/** A decimal within limits, both included. The lower one is zero. */
function decimalWithin(lowest: 0, highest: number | null, example: string): z.ZodType<Decimal> {
  const minimum = decimalOf(lowest);
  const maximum = highest === null ? null : decimalOf(highest);
  const limits = highest === null ? `of at least ${lowest}` : `from ${lowest} to ${highest}`;
  const outside = refusal("OUT_OF_RANGE", `must be a decimal ${limits}`);
  return scalar(
    (value) => {
      const number = readDecimal(value);
      if (!isDecimal(number)) return number;
      if (compare(number, minimum) < 0) return outside;
      return maximum !== null && compare(number, maximum) > 0 ? outside : number;
    },
    decimalJson(` ${limits}`, example, {
      pattern: NOT_NEGATIVE,
      minimum: lowest,
      ...(highest === null ? { exclusiveMaximum: 1e18 } : { maximum: highest }),
    }),
  );
}

/** A decimal above zero. `about` says what it counts. */
export function decimalAboveZero(about: string): z.ZodType<Decimal> {
  const outside = refusal("OUT_OF_RANGE", "must be a decimal above 0");
  return scalar(
    (value) => {
      const number = readDecimal(value);
      return isDecimal(number) && !isPositive(number) ? outside : number;
    },
    decimalJson(` above 0: ${about}`, "0.01", ABOVE_ZERO),
  );
}

/** A share of a whole, from 0 to 1. */
export const weight = decimalWithin(0, 1, "0.25").register(z.globalRegistry, { id: "FractionInput" });

export const decimalFromZero = decimalWithin(0, null, "25000.00").register(z.globalRegistry, {
  id: "NonNegativeDecimalInput",
});

/** True for a JSON number that is not whole: `10.5`, but not `10.0`, and no text. */
export function isFractionalNumber(value: unknown): boolean {
  if (!isJsonNumber(value)) return false;
  const number = parseDecimal(value.text);
  // More decimals than are taken are a fraction too; more integer digits are a fault of range.
  return typeof number === "string" ? number === "TOO_MANY_DECIMALS" : toText(number).includes(".");
}

/** How such a decimal is documented, whatever else its place accepts. */
const QuantityInput = scalar(readDecimal, {
  ...decimalJson("; as a JSON number only whole", "40"),
  type: ["string", "integer"],
}).register(z.globalRegistry, { id: "QuantityInput" });

/** How it is documented where what it counts is above zero. */
export const PositiveQuantityInput = scalar(readDecimal, {
  ...decimalJson(" above 0; as a JSON number only whole", "40", ABOVE_ZERO),
  type: ["string", "integer"],
}).register(z.globalRegistry, { id: "PositiveQuantityInput" });

/** A decimal whose JSON numbers must be whole: a fraction written as a number is refused with this refusal. */
export function decimalOrWholeNumber(
  fractional: Refusal,
  accept: (value: Decimal) => Refusal | undefined,
  shown: z.ZodType = QuantityInput,
): z.ZodType<Decimal> {
  const schema = scalar((value) => {
    if (isFractionalNumber(value)) return fractional;
    const number = readDecimal(value);
    return isDecimal(number) ? (accept(number) ?? number) : number;
  }, {});
  shownAs.set(schema, shown);
  return schema;
}

const SHORT_INTEGER = /^-?\d{1,15}$/;

function readInteger(value: unknown): number | Refusal {
  if (value === undefined) return REQUIRED;
  if (!isJsonNumber(value)) return NOT_AN_INTEGER;
  if (SHORT_INTEGER.test(value.text)) return Number(value.text) + 0;
  const number = parseDecimal(value.text);
  if (typeof number === "string") return NOT_AN_INTEGER;
  const text = toText(number);
  return SHORT_INTEGER.test(text) ? Number(text) : NOT_AN_INTEGER;
}

/** A JSON number without a fraction, within limits, both included. */
export function integerWithin(lowest: number, highest: number): z.ZodType<number> {
  const outside = refusal("OUT_OF_RANGE", `must be an integer from ${lowest} to ${highest}`);
  return scalar(
    (value) => {
      const number = readInteger(value);
      if (isRefusal(number)) return number;
      return number < lowest || number > highest ? outside : number;
    },
    { type: "integer", minimum: lowest, maximum: highest },
  );
}

/** Of a name given by the caller. */
export const MOST_CHARACTERS = 128;
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;
const EMPTY = refusal("EMPTY", "must not be empty");
const TOO_LONG = refusal("TOO_LONG", `must have at most ${MOST_CHARACTERS} characters`);
const CONTROL = refusal("CONTROL_CHARACTER", "must not contain control characters");

/** Counts characters, not UTF-16 units. */
function isLongerThan(text: string, most: number): boolean {
  if (text.length <= most) return false;
  return text.length > 2 * most || [...text].length > most;
}

/** Reads a name given by the caller. */
export function readIdentifier(value: unknown): string | Refusal {
  if (value === undefined) return REQUIRED;
  if (typeof value !== "string") return NOT_A_TEXT;
  if (value === "") return EMPTY;
  if (isLongerThan(value, MOST_CHARACTERS)) return TOO_LONG;
  return CONTROL_CHARACTER.test(value) ? CONTROL : value;
}

/** No control character; the same in JSON Schema. */
export const VISIBLE_OR_BLANK = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

const NAME_JSON: JsonSchema = {
  type: "string",
  minLength: 1,
  maxLength: MOST_CHARACTERS,
  pattern: VISIBLE_OR_BLANK,
};

/** A name given by the caller: not empty, at most 128 characters, no control characters, otherwise free. */
export const identifier = scalar(readIdentifier, NAME_JSON);

/** An identifier, or an empty text, which names nothing. */
export const identifierOrEmpty = scalar((value) => (value === "" ? "" : readIdentifier(value)), {
  type: "string",
  maxLength: MOST_CHARACTERS,
  pattern: VISIBLE_OR_BLANK,
});

/** A currency code. Its form is free; blanks are part of it. */
export const currency = scalar(readIdentifier, { ...NAME_JSON, examples: ["USD"] });

/** A text of free content. */
export const text = z.string();

/** A text of one form. */
export function matching(pattern: RegExp): z.ZodType<string> {
  const mismatch = refusal("PATTERN", `must match ${pattern.source}`);
  return scalar(
    (value) => {
      const name = readIdentifier(value);
      return isRefusal(name) || pattern.test(name) ? name : mismatch;
    },
    { type: "string", pattern: pattern.source, maxLength: MOST_CHARACTERS },
  );
}

const NOT_AN_OBJECT = refusal("WRONG_TYPE", "must be an object");
const NUMBER_WITHIN = refusal("OUT_OF_RANGE", "holds a number of more than 18 integer digits or 30 decimals");

function holdsOnlyDecimals(root: unknown): boolean {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (isJsonNumber(value)) {
      if (typeof parseDecimal(value.text) === "string") return false;
    } else if (typeof value === "object" && value !== null) {
      for (const inner of Object.values(value)) open.push(inner);
    }
  }
  return true;
}

function readObject(value: unknown): Record<string, unknown> | Refusal {
  if (value === undefined) return REQUIRED;
  return isJsonObject(value) ? value : NOT_AN_OBJECT;
}

/** A JSON object whose content is read elsewhere. */
export const anyObject = scalar(readObject, { type: "object", additionalProperties: true });

/** The same, where it is known what will read it: the documentation shows that. */
export function objectReadAs(shown: z.ZodType): z.ZodType<Record<string, unknown>> {
  const schema = scalar(readObject, {});
  shownAs.set(schema, shown);
  return schema;
}

/** A JSON object of free content that is kept as it came. Its numbers have the limits of decimals. */
export const freeObject = scalar(
  (value): Record<string, unknown> | Refusal => {
    if (value === undefined) return REQUIRED;
    if (!isJsonObject(value)) return NOT_AN_OBJECT;
    return holdsOnlyDecimals(value) ? value : NUMBER_WITHIN;
  },
  { type: "object", additionalProperties: true },
);

/** A decimal on its way out: plain spelling, no exponent. */
export const DecimalText = z
  .string()
  .regex(/^-?\d+(\.\d+)?$/)
  .meta({
    id: "Decimal",
    description: "A decimal as a text, exact and without an exponent: read it as a decimal, not as a double.",
    examples: ["12.5"],
  });

/** A point in time on its way out: UTC, ISO 8601. */
export const Timestamp = z.string().meta({ format: "date-time", examples: ["2026-01-15T09:30:00.000Z"] });

/** A SHA-256 with its algorithm in front. */
export const Hash = z.string().meta({ examples: [`sha256:${"0".repeat(64)}`] });

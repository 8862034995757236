/** The zod types of path parameters and query filters: texts of a URL, read as strictly as a body. */
import type * as z from "zod";
import { identifier, VISIBLE_OR_BLANK } from "../../contract/scalars.ts";
import { isRefusal, refusal, scalar, wireObject, type Reader, type Refusal } from "../../contract/wire.ts";
import type { CursorCodec } from "./cursor.ts";

const REQUIRED = refusal("REQUIRED", "is required");
const GIVEN_TWICE = refusal("GIVEN_TWICE", "must be given once");

/** A filter that is named twice arrives as a list. */
function readText(value: unknown): string | Refusal {
  if (value === undefined) return REQUIRED;
  return typeof value === "string" ? value : GIVEN_TWICE;
}

function filter<T>(
  read: (text: string, reader: Reader | undefined) => T | Refusal,
  jsonSchema: z.core.JSONSchema.BaseSchema,
): z.ZodType<T> {
  return scalar((value, reader) => {
    const text = readText(value);
    return isRefusal(text) ? text : read(text, reader);
  }, jsonSchema);
}

/** The filters of a list, none of which has to be given. */
export function filters<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return wireObject(shape);
}

const MOST_PATH_CHARACTERS = 255;

const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;
const NOT_A_NAME = refusal(
  "NAME",
  `must be 1 to ${MOST_PATH_CHARACTERS} characters, none of them a control character`,
);

/** An id or key in a path: as long as an idempotency key, which is the longest of them. */
const pathName = filter(
  (text) => {
    const isName = text !== "" && text.length <= MOST_PATH_CHARACTERS && !CONTROL_CHARACTER.test(text);
    return isName ? text : NOT_A_NAME;
  },
  { type: "string", minLength: 1, maxLength: MOST_PATH_CHARACTERS, pattern: VISIBLE_OR_BLANK },
);

/** The parameters of a path. */
export function pathParams<const Name extends string>(...names: Name[]) {
  return wireObject(
    Object.fromEntries(names.map((name) => [name, pathName])) as Record<Name, typeof pathName>,
  );
}

const MOST_INTEGER = 2_147_483_647;
const NOT_A_NUMBER = refusal("OUT_OF_RANGE", `must be an integer from 1 to ${MOST_INTEGER}`);

/** A number in a path that counts from 1: what an integer of PostgreSQL can be. */
export const pathNumber = filter(
  (text) => {
    const number = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0;
    return number >= 1 && number <= MOST_INTEGER ? number : NOT_A_NUMBER;
  },
  { type: "integer", minimum: 1, maximum: MOST_INTEGER },
);

/** A name to filter by; absent, everything matches. */
export const nameFilter = identifier.optional();

const YES = ["true", "1", "yes", "on"];
const NO = ["false", "0", "no", "off"];
const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ...YES.map((word) => [word, true] as const),
  ...NO.map((word) => [word, false] as const),
]);
const NOT_A_FLAG = refusal("WRONG_TYPE", "must be true or false");

/** `true` or `false`, `yes` or `no`, `on` or `off`, in any case, or 1 or 0. */
export function flagFilter(fallback: boolean) {
  const read = (text: string): boolean | Refusal => FLAGS.get(text.toLowerCase()) ?? NOT_A_FLAG;
  return filter(read, { type: "boolean" }).default(fallback);
}

/** A whole number within limits, both included. */
export function integerFilter(lowest: number, highest: number, description?: string) {
  const outside = refusal("OUT_OF_RANGE", `must be an integer from ${lowest} to ${highest}`);
  const read = (text: string): number | Refusal => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    return number >= lowest && number <= highest ? number : outside;
  };
  const described = description === undefined ? {} : { description };
  return filter(read, { type: "integer", minimum: lowest, maximum: highest, ...described });
}

/** How many items a page has. */
export function limitFilter(highest: number, fallback: number) {
  return integerFilter(1, highest, "How many entries a page has at most.").default(fallback);
}

/** One word of a vocabulary. */
export function oneOfFilter<T extends string>(vocabulary: z.ZodType<T>) {
  return vocabulary.optional();
}

/** Some words of a vocabulary, as a comma list; absent, all of them. */
export function someOfFilter<const T extends string>(vocabulary: readonly T[], description: string) {
  const unknown = refusal("NOT_ALLOWED", `must be a comma list of ${vocabulary.join(", ")}`);
  const read = (text: string): readonly T[] | Refusal => {
    const words = new Set(text.split(","));
    const known = vocabulary.filter((word) => words.delete(word));
    return words.size === 0 ? known : unknown;
  };
  return filter(read, { type: "string", description, examples: [vocabulary[0]] }).optional();
}

const CURSOR_INVALID = refusal("CURSOR_INVALID", "is not a cursor of this list");

/** Where the page before ended; absent, the list starts. */
export function cursorFilter<Position>(codec: CursorCodec<Position>) {
  const read = (text: string, reader: Reader | undefined): Position | Refusal =>
    (reader && codec.decode(reader.tenantId, text)) ?? CURSOR_INVALID;
  return filter(read, { type: "string", description: "The next_cursor of the page before." }).optional();
}

/** Nine digits of a second are nanoseconds, the finest that usual languages write. */
const TIMESTAMP =
  /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?)?$/;
/** PostgreSQL keeps microseconds. */
const KEPT_DIGITS = 6;
const DATE_ALONE = /^\d{4}-\d\d-\d\d$/;
const LAST_OF_A_DAY = "T23:59:59.999999Z";
/** A `+` that was not escaped: a query reads it as a blank. */
const BLANK_FOR_PLUS = /^\d{4}-\d\d-\d\dT[\d:.]+ \d\d:\d\d$/;
/** The years that ISO 8601 writes with four digits and PostgreSQL knows: it has no year 0. */
const YEAR_OF_OUR_ERA = /^(?!0000)\d{4}-/;
const NOT_A_TIMESTAMP = refusal("TIMESTAMP", "must be an ISO 8601 timestamp such as 2026-01-15T09:30:00Z");
const PLUS_NOT_ESCAPED = refusal(
  "TIMESTAMP",
  "has a blank where the zone begins: write + as %2B in a URL, as in 2026-01-15T09:30:00%2B01:00",
);

/** What every filter of a point in time says of its form. */
const TIMESTAMP_FORM =
  "ISO 8601, with at most 9 digits of a second (cut to microseconds); without a zone UTC; + is written as %2B";

/**
 * A point in time, as UTC with the fraction that was given: `2026-01-15`, `2026-01-15T09:30:00Z`,
 * `2026-01-15T10:30:00.5+01:00`. Without a zone it is UTC, as every timestamp of the contract.
 */
function timestampFilter(meaning: string, read: (text: string) => string | Refusal) {
  const description = `${meaning} ${TIMESTAMP_FORM}.`;
  return filter(read, { type: "string", format: "date-time", description }).optional();
}

/** The lower bound of a list, itself included. */
export const fromFilter = timestampFilter(
  "From this point in time on, included; a date alone is the start of that day.",
  readTimestamp,
);

/** The upper bound of a list, itself included: a date alone takes in the whole day. */
export const toFilter = timestampFilter(
  "Up to this point in time, included; a date alone is the end of that day, its last microsecond.",
  readUpTo,
);

/**
 * The moment as of which something is shown. A date alone is the start of its day: the end of a day that goes on would
 * give another answer each time.
 */
export const asOfFilter = timestampFilter(
  "Shows what there was at this point in time; a date alone is the start of that day (00:00 UTC), before anything that happened on it.",
  readTimestamp,
);

function readUpTo(text: string): string | Refusal {
  const instant = readTimestamp(text);
  return isRefusal(instant) || !DATE_ALONE.test(text) ? instant : `${text}${LAST_OF_A_DAY}`;
}

function readTimestamp(text: string): string | Refusal {
  const match = TIMESTAMP.exec(text);
  if (match === null) return BLANK_FOR_PLUS.test(text) ? PLUS_NOT_ESCAPED : NOT_A_TIMESTAMP;
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "", zone = "Z"] = match;
  const local = `${String(year)}-${String(month)}-${String(day)}T${hour}:${minute}:${second}`;
  // Date.parse moves the 30th of February into March: what comes back must be what was given.
  const asUtc = new Date(`${local}Z`);
  if (Number.isNaN(asUtc.getTime()) || !asUtc.toISOString().startsWith(local)) return NOT_A_TIMESTAMP;
  const instant = new Date(`${local}${zone}`);
  if (Number.isNaN(instant.getTime()) || !YEAR_OF_OUR_ERA.test(instant.toISOString())) return NOT_A_TIMESTAMP;
  return `${instant.toISOString().slice(0, 19)}.${fraction.slice(0, KEPT_DIGITS).padEnd(3, "0")}Z`;
}

import * as z from "zod";

/** One variable of the environment: how its text is read, and what a reader of `.env.example` learns of it. */
export type Variable<T> = z.ZodType<T, string | undefined>;
export type VariableNotes = {
  readonly fallback: string | null;
  readonly about: string;
  /** How the audit of a start records it; left out: as it is. */
  readonly recorded?: RecordedAs;
};

/** A secret is recorded as set or not, an address without user and query. */
export type RecordedAs = "presence" | "address";

type ValueReader<T> = {
  readonly about: string;
  readonly recorded?: RecordedAs;
  /** What to say of a text that is none: `must be …`. */
  readonly expected: string;
  readonly parse: (text: string) => T | undefined;
};

const SHOWN_CHARACTERS = 60;

/** Notes of each variable, for documentation and its test. */
export const variableNotes = z.registry<VariableNotes>();

/** A variable with a default. */
export function variable<T>(fallback: string, reading: ValueReader<T>): Variable<T> {
  return z
    .string()
    .default(fallback)
    .transform((text, context) => parsed(reading, text, context))
    .register(variableNotes, { fallback, ...notesOf(reading) });
}

/** A variable without one: absent or empty is null. */
function optional<T>(reading: ValueReader<T>): Variable<T | null> {
  return z
    .string()
    .optional()
    .transform((text, context) => (text === undefined || text === "" ? null : parsed(reading, text, context)))
    .register(variableNotes, { fallback: null, ...notesOf(reading) });
}

function notesOf<T>({ about, recorded }: ValueReader<T>): Omit<VariableNotes, "fallback"> {
  return { about, ...(recorded === undefined ? {} : { recorded }) };
}

function parsed<T>(
  { expected, parse }: ValueReader<T>,
  text: string,
  context: z.core.$RefinementCtx<string | undefined>,
) {
  const value = parse(text);
  if (value !== undefined) return value;
  const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
  context.issues.push({
    code: "custom",
    message: `must be ${expected}, not ${JSON.stringify(shown)}`,
    input: text,
  });
  return z.NEVER;
}

const WORDS: Readonly<Record<string, boolean>> = { true: true, "1": true, false: false, "0": false };

export function flag(fallback: boolean, about: string): Variable<boolean> {
  return variable(String(fallback), flagReading(about));
}

/** A flag whose default follows from something else: null where it is not set. */
export function optionalFlag(about: string): Variable<boolean | null> {
  return optional(flagReading(about));
}

function flagReading(about: string): ValueReader<boolean> {
  return {
    about,
    expected: "true, false, 1 or 0",
    parse: (text) => (Object.hasOwn(WORDS, text.toLowerCase()) ? WORDS[text.toLowerCase()] : undefined),
  };
}

export function integer(fallback: number, lowest: number, highest: number, about: string): Variable<number> {
  return variable(String(fallback), integerFrom(lowest, highest, about));
}

/** Where the default depends on another variable. */
export function optionalInteger(lowest: number, highest: number, about: string): Variable<number | null> {
  return optional(integerFrom(lowest, highest, about));
}

function integerFrom(lowest: number, highest: number, about: string): ValueReader<number> {
  return {
    about,
    expected: `an integer from ${String(lowest)} to ${String(highest)}`,
    parse: (text) => {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
      return value >= lowest && value <= highest ? value : undefined;
    },
  };
}

export function oneOf<const T extends string>(
  values: readonly [T, ...T[]],
  fallback: T,
  about: string,
): Variable<T> {
  return variable(fallback, {
    about,
    expected: `one of ${values.join(", ")}`,
    parse: (text) => values.find((value) => value === text),
  });
}

/** A comma list; empty is the empty list. */
export function listOf<const T extends string>(
  values: readonly [T, ...T[]],
  fallback: readonly T[],
  about: string,
): Variable<readonly T[]> {
  return variable(fallback.join(","), {
    about,
    expected: `a comma list of ${values.join(", ")}`,
    parse: (text) => {
      const items = text.trim() === "" ? [] : text.split(",").map((item) => item.trim());
      const known = items.flatMap((item) => values.filter((value) => value === item));
      return known.length === items.length ? [...new Set(known)] : undefined;
    },
  });
}

export function text(fallback: string, about: string): Variable<string> {
  return variable(fallback, {
    about,
    expected: "a text that is not empty",
    parse: (value) => (value.trim() === "" ? undefined : value),
  });
}

export function optionalText(about: string): Variable<string | null> {
  return optional({ about, expected: "a text", parse: (value) => value });
}

/** A comma list of free texts; absent or empty is the empty list. */
export function textList(about: string): Variable<readonly string[]> {
  return z
    .string()
    .default("")
    .transform((list) => {
      const items = list.split(",").map((item) => item.trim());
      return [...new Set(items.filter((item) => item !== ""))];
    })
    .register(variableNotes, { fallback: null, about });
}

/** A comma list of what browsers send as `Origin`; absent or empty is the empty list. */
export function webOrigins(about: string): Variable<readonly string[]> {
  return z
    .string()
    .default("")
    .transform((list, context) => {
      const items = list.split(",").map((item) => item.trim());
      const reading = {
        about,
        expected: "a comma list of origins such as https://desk.example",
        parse: originOf,
      };
      const origins = items.filter((item) => item !== "").map((item) => parsed(reading, item, context));
      return [...new Set(origins)];
    })
    .register(variableNotes, { fallback: null, about });
}

function originOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, href, origin } = new URL(text);
  const isWhole = href === `${origin}/` && !hostname.includes("*");
  return /^https?:$/.test(protocol) && isWhole ? origin : undefined;
}

export function webUrl(about: string): Variable<string | null> {
  return optional({
    about,
    recorded: "address",
    expected: "a URL that begins with https: or http:",
    parse: (value) => (URL.canParse(value) && /^https?:/i.test(value) ? value : undefined),
  });
}

const Entries = z.array(z.tuple([z.string().min(1), z.string().min(1)]));

/** A JSON object of texts, as a map: a key such as `__proto__` is a key like any other. */
export function jsonMap(about: string): Variable<ReadonlyMap<string, string>> {
  return variable("{}", {
    about,
    expected: 'a JSON object of texts such as {"tenant":"pack"}',
    parse: (json) => {
      const value = parseJson(json);
      if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
      const entries = Entries.safeParse(Object.entries(value));
      return entries.success ? new Map(entries.data) : undefined;
    },
  });
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** A secret in part: what is wrong with it is said by `check`, and the text itself is never shown. */
export function serverUrl(about: string, check: (url: string) => void): Variable<string | null> {
  return z
    .string()
    .optional()
    .transform((url, context) => {
      if (url === undefined || url === "") return null;
      try {
        check(url);
        return url;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        context.issues.push({ code: "custom", message: `cannot be used: ${message}`, input: url });
        return z.NEVER;
      }
    })
    .register(variableNotes, { fallback: null, about, recorded: "presence" });
}

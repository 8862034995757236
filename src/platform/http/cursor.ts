import * as z from "zod";
import { canonicalJson } from "../json/canonical-json.ts";
import { sha256Hex } from "../hash.ts";

/** Where a page of a tenant's list ended, as an opaque text for the caller. */
export type CursorCodec<Position> = {
  readonly encode: (tenantId: string, position: Position) => string;
  /** Undefined for a text that this service did not make for this list of this tenant. */
  readonly decode: (tenantId: string, cursor: string) => Position | undefined;
};

const DOMAIN = "ballast.cursor.2";
const SEAL_DIGITS = 32;
const MOST_CHARACTERS = 2_048;

/**
 * The cursor of one list: a position and a seal that binds it to list and tenant. It is taken only in the exact spelling
 * that it was made in. The seal has no secret, so every process takes the cursors of every other, after a restart too.
 * It needs none: a position grants nothing, row-level security decides what is seen; and `position`, which describes the
 * sort key of the list's last row, must hold only what the database can compare with.
 */
export function cursorOf<Position>(list: string, position: z.ZodType<Position>): CursorCodec<Position> {
  const sealed = z.tuple([position, z.string()]);
  const encode = (tenantId: string, value: Position): string => {
    const seal = sha256Hex(canonicalJson([DOMAIN, list, tenantId, value])).slice(0, SEAL_DIGITS);
    return Buffer.from(canonicalJson([value, seal])).toString("base64url");
  };
  return {
    encode,
    decode: (tenantId, cursor) => {
      const parsed = sealed.safeParse(parseJson(cursor));
      if (!parsed.success) return undefined;
      const [value] = parsed.data;
      return encode(tenantId, value) === cursor ? value : undefined;
    },
  };
}

function parseJson(cursor: string): unknown {
  if (cursor.length > MOST_CHARACTERS) return undefined;
  try {
    return JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}

/** A time as the database hands it out: UTC with milliseconds, in a year that it knows. */
export const PositionTime = z
  .string()
  .regex(/^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  .refine(isCanonical);

function isCanonical(text: string): boolean {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString() === text;
}

/** An id, a key or a correlation id, with the name of a scenario behind it. */
export const PositionId = z.string().regex(/^[\x20-\x7e]{1,256}$/);

/** The position of most lists: rows by time, and by id within one millisecond. */
export const TimePosition = z.strictObject({ createdAt: PositionTime, id: PositionId });
export type TimePosition = z.output<typeof TimePosition>;

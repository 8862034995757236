import * as z from "zod";

/** Where a page ended, as an opaque text for the caller. */
export type CursorCodec<Position> = {
  readonly encode: (position: Position) => string;
  /** Undefined for a text that this service did not make for this list. */
  readonly decode: (cursor: string) => Position | undefined;
};

const VERSION = 1;
const MOST_CHARACTERS = 1_024;

/**
 * The cursor of one list. It names its list and version, and is taken only in the exact spelling that it was made
 * in: anything else is refused instead of guessed at. `position` describes the sort key of the list's last row.
 */
export function cursorOf<Position>(list: string, position: z.ZodType<Position>): CursorCodec<Position> {
  const envelope = z.tuple([z.literal(VERSION), z.literal(list), position]);
  const encode = (value: unknown): string =>
    Buffer.from(JSON.stringify([VERSION, list, value])).toString("base64url");
  return {
    encode,
    decode: (cursor) => {
      const parsed = envelope.safeParse(parseJson(cursor));
      if (!parsed.success) return undefined;
      const [, , value] = parsed.data;
      return encode(value) === cursor ? value : undefined;
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

/** The position of most lists: rows by time, and by id within one millisecond. */
export const TimePosition = z.strictObject({ createdAt: z.iso.datetime(), id: z.string().min(1).max(256) });
export type TimePosition = z.output<typeof TimePosition>;

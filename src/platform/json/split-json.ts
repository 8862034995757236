import { readJsonBody } from "./read-json.ts";

/**
 * Cuts a body that is too large to be read at once into the values that it is made of, as its bytes come. Each piece is
 * then read by `readJsonBody`, so what is said here of content is only where one value ends and the next begins.
 */
export type JsonPiece =
  | { readonly kind: "member"; readonly name: string; readonly bytes: Buffer }
  /** A value of the list, or a line. */
  | { readonly kind: "item"; readonly bytes: Buffer };

export type JsonSplitter = {
  /** The pieces that these bytes complete. */
  readonly push: (chunk: Buffer) => readonly JsonPiece[];
  /** Those that the end completes. */
  readonly end: () => readonly JsonPiece[];
};

/** The bytes are no such body. */
export class MalformedBody extends Error {}

/** One value is larger than any may be. */
export class PieceTooLarge extends Error {}

const TAB = 9;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === TAB;
}

/** What comes next, outside of values. */
type Expected =
  | "object"
  | "first name"
  | "name"
  | "colon"
  | "member"
  | "member end"
  | "first item"
  | "item"
  | "item end"
  | "nothing";

/** Collects the bytes of one value over chunks, and tells where it ends. */
type Collector = {
  readonly take: (chunk: Buffer, from: number) => { readonly at: number; readonly bytes: Buffer | undefined };
};

/** Where a splitter is. */
type Place = {
  readonly list: string;
  readonly mostPieceBytes: number;
  /** Of the bytes that came before this chunk. */
  offset: number;
  expected: Expected;
  name: string;
  hasList: boolean;
  collecting: Collector | undefined;
  pieces: JsonPiece[];
};

/** A JSON object of which one member may be a long list: `list` names it. Its items come one by one. */
export function splitObject(list: string, mostPieceBytes: number): JsonSplitter {
  const place: Place = {
    list,
    mostPieceBytes,
    offset: 0,
    expected: "object",
    name: "",
    hasList: false,
    collecting: undefined,
    pieces: [],
  };
  return {
    push: (chunk) => {
      place.pieces = [];
      let at = 0;
      while (at < chunk.length) at = advance(place, chunk, at);
      place.offset += chunk.length;
      return place.pieces;
    },
    end: () => {
      if (place.expected !== "nothing") throw new MalformedBody(`unexpected end at byte ${place.offset}`);
      return [];
    },
  };
}

/** Takes the next byte, or all of a value that there is; returns where to go on. */
function advance(place: Place, chunk: Buffer, from: number): number {
  if (place.collecting === undefined) {
    const byte = chunk[from] ?? 0;
    if (isBlank(byte) || STEPS[place.expected](place, byte, from)) return from + 1;
    place.collecting = collectValue(place.mostPieceBytes);
  }
  const { at, bytes } = place.collecting.take(chunk, from);
  if (bytes !== undefined) {
    place.collecting = undefined;
    endValue(place, bytes);
  }
  return at;
}

function endValue(place: Place, bytes: Buffer): void {
  if (place.expected === "member") {
    place.pieces.push({ kind: "member", name: place.name, bytes });
    place.expected = "member end";
  } else if (place.expected === "item" || place.expected === "first item") {
    place.pieces.push({ kind: "item", bytes });
    place.expected = "item end";
  } else {
    const read = readJsonBody(bytes);
    if (!read.ok) throw new MalformedBody(read.reason);
    if (typeof read.value !== "string") throw new MalformedBody("expected a name");
    place.name = read.value;
    place.expected = "colon";
  }
}

function malformed({ offset }: Place, reason: string, at: number): never {
  throw new MalformedBody(`${reason} at byte ${offset + at}`);
}

/** Steps over one byte between values; false: a value begins with it. */
type Step = (place: Place, byte: number, at: number) => boolean;

function expectName(place: Place, byte: number, at: number): boolean {
  if (byte !== QUOTE) malformed(place, "expected a name", at);
  return false;
}

function goOn(place: Place, expected: Expected): true {
  place.expected = expected;
  return true;
}

const STEPS: Readonly<Record<Expected, Step>> = {
  object: (place, byte, at) =>
    byte === OPEN_BRACE ? goOn(place, "first name") : malformed(place, "expected an object", at),
  "first name": (place, byte, at) =>
    byte === CLOSE_BRACE ? goOn(place, "nothing") : expectName(place, byte, at),
  name: expectName,
  colon: (place, byte, at) =>
    byte === COLON ? goOn(place, "member") : malformed(place, "expected a colon", at),
  member: (place, byte, at) => {
    if (place.name !== place.list || byte !== OPEN_BRACKET) return false;
    if (place.hasList)
      malformed(place, `the name ${JSON.stringify(place.list)} stands twice in one object`, at);
    place.hasList = true;
    return goOn(place, "first item");
  },
  "first item": (place, byte) => byte === CLOSE_BRACKET && goOn(place, "member end"),
  item: () => false,
  "member end": (place, byte, at) => {
    if (byte === COMMA) return goOn(place, "name");
    return byte === CLOSE_BRACE
      ? goOn(place, "nothing")
      : malformed(place, "expected a comma or the end", at);
  },
  "item end": (place, byte, at) => {
    if (byte === COMMA) return goOn(place, "item");
    return byte === CLOSE_BRACKET
      ? goOn(place, "member end")
      : malformed(place, "expected a comma or the end", at);
  },
  nothing: (place, _byte, at) => malformed(place, "unexpected content after the end", at),
};

/** A value of whatever kind. It ends with its last byte, or ahead of the mark behind a number or a word. */
function collectValue(mostBytes: number): Collector {
  const parts: Buffer[] = [];
  let length = 0;
  let depth = 0;
  let isInString = false;
  let isEscaped = false;
  let isBare = false;

  /** True: the value is complete with this byte. */
  function closes(byte: number): boolean {
    if (isInString) {
      if (isEscaped) isEscaped = false;
      else if (byte === BACKSLASH) isEscaped = true;
      else if (byte === QUOTE) {
        isInString = false;
        return depth === 0;
      }
      return false;
    }
    if (byte === QUOTE) isInString = true;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth -= 1;
      return depth === 0;
    } else if (depth === 0) isBare = true;
    return false;
  }

  function add(part: Buffer): void {
    length += part.length;
    if (length > mostBytes) throw new PieceTooLarge();
    parts.push(part);
  }

  return {
    take: (chunk, from) => {
      for (let at = from; at < chunk.length; at += 1) {
        const byte = chunk[at] ?? 0;
        const isBehind =
          isBare && (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || isBlank(byte));
        if (!isBehind && !closes(byte)) continue;
        const end = isBehind ? at : at + 1;
        add(chunk.subarray(from, end));
        return { at: end, bytes: Buffer.concat(parts) };
      }
      add(chunk.subarray(from));
      return { at: chunk.length, bytes: undefined };
    },
  };
}

/** Lines, each a JSON value; empty ones are passed over. */
export function splitLines(mostPieceBytes: number): JsonSplitter {
  let parts: Buffer[] = [];
  let length = 0;

  function add(part: Buffer): void {
    length += part.length;
    if (length > mostPieceBytes) throw new PieceTooLarge();
    parts.push(part);
  }

  function take(): readonly JsonPiece[] {
    const bytes = Buffer.concat(parts);
    parts = [];
    length = 0;
    return bytes.every(isBlank) ? [] : [{ kind: "item", bytes }];
  }

  return {
    push: (chunk) => {
      const pieces: JsonPiece[] = [];
      let from = 0;
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
        add(chunk.subarray(from, end));
        pieces.push(...take());
        from = end + 1;
      }
      add(chunk.subarray(from));
      return pieces;
    },
    end: take,
  };
}

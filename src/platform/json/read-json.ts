import { isAscii, isUtf8 } from "node:buffer";
import { jsonNumber, type JsonNumber } from "../../contract/json-number.ts";

/**
 * The strict reader of request bodies. It differs from JSON.parse where that loses what a caller sent: numbers
 * keep their digits, a name given twice is refused, `__proto__` is an ordinary name. NUL and lone surrogates
 * are refused because PostgreSQL cannot store them. Time is linear in the body, depth is bounded.
 * The libraries that keep digits (lossless-json, json-custom-numbers) let duplicates or surrogates pass.
 */
export type JsonTree = string | boolean | null | JsonNumber | JsonTree[] | JsonObject;

/** No name is inherited: neither `constructor` nor `__proto__` means anything here. */
export type JsonObject = { [name: string]: JsonTree };

export type JsonBody =
  { readonly ok: true; readonly value: JsonTree } | { readonly ok: false; readonly reason: string };

/** Deeper nesting than any request of this service has, and far below what the stack holds. */
const MOST_DEPTH = 64;

class Malformed extends Error {}

const UTF_16 = "the body begins with a byte order mark of UTF-16: send UTF-8, without a mark";

/** They cannot be seen in an editor, so the reason names them. */
const BYTE_ORDER_MARKS = [
  {
    start: Buffer.from([0xef, 0xbb, 0xbf]),
    reason: "the body begins with a byte order mark (EF BB BF): send it without",
  },
  { start: Buffer.from([0xff, 0xfe]), reason: UTF_16 },
  { start: Buffer.from([0xfe, 0xff]), reason: UTF_16 },
];

function malformed(reason: string, at: number): never {
  throw new Malformed(`${reason} at character ${at}`);
}

/** Reads a whole body. The reason of a refusal tells where and names a repeated name, nothing else of the content. */
export function readJsonBody(bytes: Buffer): JsonBody {
  const mark = BYTE_ORDER_MARKS.find(({ start }) => bytes.subarray(0, start.length).equals(start));
  if (mark !== undefined) return { ok: false, reason: mark.reason };
  if (!isUtf8(bytes)) return { ok: false, reason: "the body is not UTF-8" };
  // ASCII needs no decoding: a copy is many times faster.
  const cursor = openCursor(bytes.toString(isAscii(bytes) ? "latin1" : "utf8"));
  try {
    skipBlanks(cursor);
    const value = readValue(cursor, 0);
    skipBlanks(cursor);
    if (cursor.at < cursor.text.length) malformed("unexpected content after the end", cursor.at);
    return { ok: true, value };
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, reason: error.message };
    throw error;
  }
}

type Cursor = {
  readonly text: string;
  /** Whether the text holds any: without them, strings need no look at their content. */
  readonly hasEscapes: boolean;
  readonly hasControls: boolean;
  at: number;
};

const TAB = 9;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const COLON = 58;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

function openCursor(text: string): Cursor {
  const hasEscapes = text.includes("\\");
  return { text, hasEscapes, hasControls: CONTROL.test(text), at: 0 };
}

function skipBlanks(cursor: Cursor): void {
  while (isBlank(cursor.text.charCodeAt(cursor.at))) cursor.at += 1;
}

function isBlank(code: number): boolean {
  return code <= SPACE && (code === SPACE || code === LINE_FEED || code === CARRIAGE_RETURN || code === TAB);
}

function readValue(cursor: Cursor, depth: number): JsonTree {
  const code = cursor.text.charCodeAt(cursor.at);
  if (code === QUOTE) return readString(cursor);
  if (code === OPEN_BRACE) return readObject(cursor, depth + 1);
  if (code === OPEN_BRACKET) return readArray(cursor, depth + 1);
  if (code === MINUS || (code >= 48 && code <= 57)) return readNumber(cursor);
  return readWord(cursor);
}

function readWord(cursor: Cursor): boolean | null {
  const { text, at } = cursor;
  if (text.startsWith("true", at)) return leap(cursor, 4, true);
  if (text.startsWith("false", at)) return leap(cursor, 5, false);
  if (text.startsWith("null", at)) return leap(cursor, 4, null);
  return malformed(at < text.length ? "unexpected content" : "unexpected end", at);
}

function leap<T>(cursor: Cursor, length: number, value: T): T {
  cursor.at += length;
  return value;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function readNumber(cursor: Cursor): JsonNumber {
  const start = cursor.at;
  NUMBER.lastIndex = start;
  if (!NUMBER.test(cursor.text)) return malformed("malformed number", start);
  return jsonNumber(cursor.text.slice(start, (cursor.at = NUMBER.lastIndex)));
}

const CONTROL = /[\u0000-\u001f]/;
const UNSTORABLE = /\u0000|\p{Surrogate}/u;

function readString(cursor: Cursor): string {
  const start = cursor.at + 1;
  const end = cursor.text.indexOf('"', start);
  if (end < 0) malformed("unterminated string", cursor.at);
  const content = cursor.text.slice(start, end);
  if (cursor.hasEscapes && content.includes("\\")) return readEscapedString(cursor, start);
  if (cursor.hasControls && CONTROL.test(content)) malformed("control character in a string", start);
  cursor.at = end + 1;
  return content;
}

function readEscapedString(cursor: Cursor, start: number): string {
  const end = endOfString(cursor.text, start);
  if (end < 0) malformed("unterminated string", start - 1);
  const value = unescaped(cursor.text.slice(start - 1, end + 1));
  if (value === undefined) return malformed("malformed escape or control character in a string", start);
  if (UNSTORABLE.test(value)) malformed("NUL or lone surrogate in a string", start);
  cursor.at = end + 1;
  return value;
}

/** Every backslash is looked at once, so a long run of them costs no more than its length. */
function endOfString(text: string, start: number): number {
  let at = start;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return -1;
    let run = quote;
    while (run > at && text.charCodeAt(run - 1) === BACKSLASH) run -= 1;
    if ((quote - run) % 2 === 0) return quote;
    at = quote + 1;
  }
}

function unescaped(literal: string): string | undefined {
  try {
    return JSON.parse(literal) as string;
  } catch {
    return undefined;
  }
}

function readArray(cursor: Cursor, depth: number): JsonTree[] {
  enter(cursor, depth);
  const items: JsonTree[] = [];
  if (cursor.text.charCodeAt(cursor.at) === CLOSE_BRACKET) return leap(cursor, 1, items);
  for (;;) {
    items.push(readValue(cursor, depth));
    if (closes(cursor, CLOSE_BRACKET)) return items;
  }
}

/**
 * What every object inherits from: nothing, and nobody can add to it. Object.create(null) would do the same, but Node
 * keeps such objects as hash tables, which whoever reads them pays for.
 */
const NOTHING = Object.freeze(Object.create(null) as object);

function readObject(cursor: Cursor, depth: number): JsonObject {
  enter(cursor, depth);
  const object = Object.create(NOTHING) as JsonObject;
  if (cursor.text.charCodeAt(cursor.at) === CLOSE_BRACE) return leap(cursor, 1, object);
  for (;;) {
    const start = cursor.at;
    const name = readName(cursor);
    // No JSON value is undefined and no name is inherited, so this asks whether the name was there before.
    if (object[name] !== undefined) {
      malformed(`the name ${JSON.stringify(name)} stands twice in one object`, start);
    }
    object[name] = readMember(cursor, depth);
    if (closes(cursor, CLOSE_BRACE)) return object;
  }
}

function readName(cursor: Cursor): string {
  if (cursor.text.charCodeAt(cursor.at) !== QUOTE) malformed("expected a name", cursor.at);
  return readString(cursor);
}

function readMember(cursor: Cursor, depth: number): JsonTree {
  skipBlanks(cursor);
  if (cursor.text.charCodeAt(cursor.at) !== COLON) malformed("expected a colon", cursor.at);
  cursor.at += 1;
  skipBlanks(cursor);
  return readValue(cursor, depth);
}

function enter(cursor: Cursor, depth: number): void {
  if (depth > MOST_DEPTH) malformed(`nested deeper than ${MOST_DEPTH}`, cursor.at);
  cursor.at += 1;
  skipBlanks(cursor);
}

/** Steps over what follows an item: true after the closing mark, false in front of the next item. */
function closes(cursor: Cursor, mark: number): boolean {
  skipBlanks(cursor);
  const code = cursor.text.charCodeAt(cursor.at);
  if (code !== mark && code !== COMMA) malformed("expected a comma or the end", cursor.at);
  cursor.at += 1;
  if (code === mark) return true;
  skipBlanks(cursor);
  return false;
}

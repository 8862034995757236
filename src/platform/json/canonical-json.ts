import { isJsonNumber } from "../../contract/json-number.ts";
import { isDecimal } from "../../decimal/decimal.ts";
import { parseDecimal, toText } from "../../decimal/text.ts";

/** Above every document of this service; a cycle ends here instead of in a stack overflow. */
const MOST_DEPTH = 128;

/**
 * The text so far, as UTF-8. It is gathered in bytes and not in strings: a large document is half a million short
 * strings, and joining them keeps the garbage collector busier than everything else that a request does.
 */
type Output = { bytes: Buffer; length: number };

/** Holds most documents that are no portfolio, and is small enough to be cut from the pool that Node keeps. */
const FIRST_BYTES = 2_048;

/** Each further buffer costs microseconds, bytes that are never touched cost nothing: so few and large steps. */
const GROWTH = 4;

/**
 * The canonical JSON of RFC 8785: equal values have equal bytes, whatever the order and spelling they came in.
 * A decimal is written as text in its canonical spelling; a JSON number that was kept as text is written as the
 * number it is; a member that is undefined is left out. Throws a TypeError on what JSON cannot hold: NaN, a lone
 * surrogate, a function, a Date, a Map.
 */
export function canonicalJson(value: unknown): string {
  const output: Output = { bytes: Buffer.allocUnsafe(FIRST_BYTES), length: 0 };
  write(output, value, 0);
  return output.bytes.toString("utf8", 0, output.length);
}

function write(output: Output, value: unknown, depth: number): void {
  if (typeof value === "string") writeString(output, value);
  else if (typeof value === "object" && value !== null) writeObject(output, value, depth);
  else writeAscii(output, bareText(value));
}

/** What stands in JSON without quotes. */
function bareText(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "number") return doubleText(value);
  throw new TypeError(`JSON holds no ${typeof value}`);
}

function writeObject(output: Output, value: object, depth: number): void {
  if (isDecimal(value)) writeString(output, toText(value));
  else if (isJsonNumber(value)) writeAscii(output, canonicalNumber(value.text));
  else if (depth >= MOST_DEPTH) throw new TypeError(`JSON nested deeper than ${MOST_DEPTH}`);
  else if (Array.isArray(value)) writeItems(output, value, depth + 1);
  else writeMembers(output, value, depth + 1);
}

function writeItems(output: Output, items: readonly unknown[], depth: number): void {
  writeMark(output, OPEN_BRACKET);
  let isFirst = true;
  for (const item of items) {
    if (!isFirst) writeMark(output, COMMA);
    isFirst = false;
    write(output, item, depth);
  }
  writeMark(output, CLOSE_BRACKET);
}

function writeMembers(output: Output, object: object, depth: number): void {
  const names = Object.keys(object);
  if (names.length === 0) refuseUnlessPlain(object);
  if (!areSorted(names)) names.sort();
  const members = object as Readonly<Record<string, unknown>>;
  writeMark(output, OPEN_BRACE);
  let isFirst = true;
  for (const name of names) {
    const member = members[name];
    if (member === undefined) continue;
    if (!isFirst) writeMark(output, COMMA);
    isFirst = false;
    writeString(output, name);
    writeMark(output, COLON);
    write(output, member, depth);
  }
  writeMark(output, CLOSE_BRACE);
}

/** A Date or a Map would be written as `{}`. */
function refuseUnlessPlain(object: object): void {
  const prototype: unknown = Object.getPrototypeOf(object);
  const isPlain =
    prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
  if (!isPlain) throw new TypeError("JSON holds only plain objects");
}

/** By UTF-16 code units, as RFC 8785 wants it and as JavaScript compares. */
function areSorted(names: readonly string[]): boolean {
  let previous = "";
  for (const name of names) {
    if (name < previous) return false;
    previous = name;
  }
  return true;
}

const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;
const LAST_ASCII = 127;

function makeRoom(output: Output, length: number): void {
  const needed = output.length + length;
  if (needed <= output.bytes.length) return;
  const larger = Buffer.allocUnsafe(Math.max(needed, output.bytes.length * GROWTH));
  output.bytes.copy(larger, 0, 0, output.length);
  output.bytes = larger;
}

function writeMark(output: Output, code: number): void {
  makeRoom(output, 1);
  output.bytes[output.length] = code;
  output.length += 1;
}

/** What needs neither quotes nor escapes. */
function writeAscii(output: Output, text: string): void {
  makeRoom(output, text.length);
  output.length += output.bytes.write(text, output.length, "latin1");
}

/** Character by character: most texts are too short for a call out of JavaScript to pay. */
function writeString(output: Output, text: string): void {
  makeRoom(output, text.length + 2);
  const { bytes } = output;
  const start = output.length + 1;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < SPACE || code > LAST_ASCII || code === QUOTE || code === BACKSLASH) {
      writeEscaped(output, text);
      return;
    }
    bytes[start + index] = code;
  }
  bytes[start - 1] = QUOTE;
  bytes[start + text.length] = QUOTE;
  output.length = start + text.length + 1;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** JSON.stringify escapes what RFC 8785 wants escaped; only a lone surrogate has no place there. */
function writeEscaped(output: Output, text: string): void {
  if (LONE_SURROGATE.test(text)) throw new TypeError("JSON holds no lone surrogate");
  const literal = JSON.stringify(text);
  makeRoom(output, Buffer.byteLength(literal));
  output.length += output.bytes.write(literal, output.length);
}

function doubleText(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`JSON holds no ${value}`);
  return String(value + 0);
}

/**
 * One spelling for every spelling of a number: what a double holds exactly is written as RFC 8785 wants it. For
 * what it cannot hold, RFC 8785 has no spelling; it is written in plain digits.
 */
function canonicalNumber(text: string): string {
  const exact = plainNumber(text);
  const asDouble = String(Number(text) + 0);
  return plainNumber(asDouble) === exact ? asDouble : exact;
}

/** Plain digits, or the text itself where those would be longer than any decimal of this service. */
function plainNumber(text: string): string {
  const number = parseDecimal(text);
  return typeof number === "string" ? text : toText(number);
}

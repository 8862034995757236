import { isJsonNumber } from "../../contract/json-number.ts";
import { isDecimal } from "../../decimal/decimal.ts";
import { parseDecimal, toText } from "../../decimal/text.ts";

/** Above every document of this service; a cycle ends here instead of in a stack overflow. */
const MOST_DEPTH = 128;

/**
 * The canonical JSON of RFC 8785: equal values have equal bytes, whatever the order and spelling they came in.
 * A decimal is written as text in its canonical spelling; a JSON number that was kept as text is written as the
 * number it is; a member that is undefined is left out. Throws a TypeError on what JSON cannot hold: NaN, a lone
 * surrogate, a function, a Date, a Map.
 */
export function canonicalJson(value: unknown): string {
  const ordered = inOrder(value, 0);
  if (ordered === UNFIT || ordered === undefined) return write(value, 0);
  const text = JSON.stringify(ordered);
  // A lone surrogate came out as an escape, which RFC 8785 forbids; or a text only looks like one.
  return text.includes("\\ud") ? write(value, 0) : text;
}

/** Stands for a tree that the native writer would not write canonically. */
const UNFIT = Symbol("unfit");

/**
 * The tree as the native writer writes it canonically, which is twice as fast as writing it here: with its names in
 * order, and the value itself where nothing has to change.
 */
function inOrder(value: unknown, depth: number): unknown {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : UNFIT;
  if (typeof value !== "object" || depth >= MOST_DEPTH) return UNFIT;
  if (isDecimal(value)) return toText(value);
  if (isJsonNumber(value)) return String(Number(value.text)) === value.text ? Number(value.text) : UNFIT;
  return Array.isArray(value) ? itemsInOrder(value, depth + 1) : membersInOrder(value, depth + 1);
}

function itemsInOrder(items: readonly unknown[], depth: number): unknown {
  let copy: unknown[] | undefined;
  for (let index = 0; index < items.length; index += 1) {
    const item = items[index];
    const ordered = inOrder(item, depth);
    if (ordered === UNFIT) return UNFIT;
    if (ordered !== item) copy ??= items.slice(0, index);
    copy?.push(ordered);
  }
  return copy ?? items;
}

function membersInOrder(object: object, depth: number): unknown {
  const members = object as Readonly<Record<string, unknown>>;
  const names = Object.keys(object);
  if (names.length === 0) refuseUnlessPlain(object);
  const isSorted = areSorted(names);
  if (!isSorted) names.sort();
  // Most objects are in order already and hold nothing to rewrite: then there is no copy.
  let ordered: unknown[] | undefined = isSorted ? undefined : [];
  for (let index = 0; index < names.length; index += 1) {
    const member = members[names[index] ?? ""];
    const value = member === undefined ? undefined : inOrder(member, depth);
    if (value === UNFIT) return UNFIT;
    if (value !== member) ordered ??= names.slice(0, index).map((name) => members[name]);
    ordered?.push(value);
  }
  return ordered === undefined ? object : rebuilt(names, ordered);
}

/** A name like `10` would be moved to the front of a copy, and `__proto__` would not become a name at all. */
function rebuilt(names: readonly string[], values: readonly unknown[]): unknown {
  const copy: Record<string, unknown> = {};
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index] ?? "";
    const first = name.charCodeAt(0);
    if ((first >= 48 && first <= 57) || name === "__proto__") return UNFIT;
    copy[name] = values[index];
  }
  return copy;
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return writeString(value);
    case "number":
      return writeNumber(value);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      return value === null ? "null" : writeObject(value, depth);
    default:
      throw new TypeError(`JSON holds no ${typeof value}`);
  }
}

function writeObject(value: object, depth: number): string {
  if (isDecimal(value)) return `"${toText(value)}"`;
  if (isJsonNumber(value)) return canonicalNumber(value.text);
  if (depth >= MOST_DEPTH) throw new TypeError(`JSON nested deeper than ${MOST_DEPTH}`);
  return Array.isArray(value) ? writeArray(value, depth + 1) : writeMembers(value, depth + 1);
}

function writeArray(items: readonly unknown[], depth: number): string {
  let text = "[";
  let separator = "";
  for (const item of items) {
    text += separator + write(item, depth);
    separator = ",";
  }
  return `${text}]`;
}

function writeMembers(object: object, depth: number): string {
  const names = Object.keys(object);
  if (names.length === 0) refuseUnlessPlain(object);
  if (!areSorted(names)) names.sort();
  const members = object as Readonly<Record<string, unknown>>;
  let text = "{";
  let separator = "";
  for (const name of names) {
    const member = members[name];
    if (member === undefined) continue;
    text += `${separator}${writeString(name)}:${write(member, depth)}`;
    separator = ",";
  }
  return `${text}}`;
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

const TO_ESCAPE = /["\\\u0000-\u001f\ud800-\udfff]/;
const LONE_SURROGATE = /\p{Surrogate}/u;

function writeString(text: string): string {
  if (!TO_ESCAPE.test(text)) return `"${text}"`;
  if (LONE_SURROGATE.test(text)) throw new TypeError("JSON holds no lone surrogate");
  return JSON.stringify(text);
}

function writeNumber(value: number): string {
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

import { isJsonNumber } from "../contract/json-number.ts";
import { isDecimal } from "../decimal/decimal.ts";
import { parseDecimal, toText } from "../decimal/text.ts";

/** Deeper than any document of ours; a body is bounded at 64 before it gets here. */
const MOST_DEPTH = 128;

/**
 * The canonical JSON of a document (RFC 8785): one spelling for equal documents, so that a hash over it means the
 * content. Decimals are written as texts in their canonical spelling; a number of a body that no schema read keeps its
 * exact value. Keys that are undefined are left out. Throws on what JSON cannot say: a mistake in the calling code.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return quote(value);
    case "boolean":
      return value ? "true" : "false";
    case "number":
      if (!Number.isFinite(value)) throw new TypeError("JSON has no NaN and no infinity");
      return JSON.stringify(value);
    case "object":
      return value === null ? "null" : writeObject(value, depth + 1);
    default:
      throw new TypeError(`JSON has no ${typeof value}`);
  }
}

function writeObject(value: object, depth: number): string {
  if (depth > MOST_DEPTH) throw new RangeError("the document is nested too deeply");
  if (isDecimal(value)) return `"${toText(value)}"`;
  if (isJsonNumber(value)) return numberText(value.text);
  if (isList(value)) return writeArray(value, depth);
  if (isPlain(value)) return writeMembers(value, depth);
  throw new TypeError("JSON has no objects with a class of their own");
}

function isList(value: object): value is readonly unknown[] {
  return Array.isArray(value);
}

/** A Date or a Map would come out as `{}`: a silent loss. */
function isPlain(value: object): value is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function writeArray(items: readonly unknown[], depth: number): string {
  let text = "[";
  for (let at = 0; at < items.length; at += 1) {
    if (at > 0) text += ",";
    text += write(items[at], depth);
  }
  return text + "]";
}

function writeMembers(members: Readonly<Record<string, unknown>>, depth: number): string {
  const keys = Object.keys(members);
  // Results are built with their keys in order already; then there is nothing to sort.
  if (!isSorted(keys)) keys.sort();
  let text = "{";
  for (const key of keys) {
    const member = members[key];
    if (member === undefined) continue;
    if (text.length > 1) text += ",";
    text += quote(key) + ":" + write(member, depth);
  }
  return text + "}";
}

/** By UTF-16 code unit, as RFC 8785 orders and as JavaScript compares. */
function isSorted(keys: readonly string[]): boolean {
  for (let at = 1; at < keys.length; at += 1) {
    if ((keys[at - 1] ?? "") > (keys[at] ?? "")) return false;
  }
  return true;
}

// eslint-disable-next-line no-control-regex -- control characters are among what must be escaped
const NEEDS_ESCAPE = /[\u0000-\u001f"\\\ud800-\udfff]/;

function quote(text: string): string {
  return NEEDS_ESCAPE.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** The shortest number for a double where that says the same value, else the plain decimal: never another value. */
function numberText(text: string): string {
  const exact = parseDecimal(text);
  if (typeof exact === "string") return quote(text);
  const plain = toText(exact);
  const asDouble = JSON.stringify(Number(text));
  const back = parseDecimal(asDouble);
  return typeof back !== "string" && toText(back) === plain ? asDouble : plain;
}

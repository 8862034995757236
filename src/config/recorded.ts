import { contentHash } from "../platform/hash.ts";
import { canonicalJson } from "../platform/json/canonical-json.ts";
import type { RecordedAs } from "./readers.ts";

export type RecordedValue = string | number | boolean | string[] | null;

/** What a variable may be read as. */
type Value = string | number | boolean | readonly string[] | ReadonlyMap<string, string> | null;

/** A record has a bound: what is longer is recorded by its hash, so that a change of it is seen. */
const MOST_CHARACTERS = 255;
const MOST_CHARACTERS_OF_A_LIST = 1_024;

/** A value as the record of a start holds it, which others read than those who set it. */
export function recordedValue(as: RecordedAs | undefined, value: Value): RecordedValue {
  if (value === null || typeof value === "number" || typeof value === "boolean") return value;
  if (typeof value === "string") return recordedText(as, value);
  // Its names are those of tenants, which are not for each other.
  if (isMap(value)) return contentHash(canonicalJson([...value].sort()));
  const text = canonicalJson(value);
  return text.length <= MOST_CHARACTERS_OF_A_LIST ? [...value] : contentHash(text);
}

function isMap(value: Value): value is ReadonlyMap<string, string> {
  return value instanceof Map;
}

function recordedText(as: RecordedAs | undefined, text: string): string {
  if (as === "presence") return "set";
  return bounded(as === "address" ? addressOf(new URL(text)) : text);
}

function addressOf({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

function bounded(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : contentHash(text);
}

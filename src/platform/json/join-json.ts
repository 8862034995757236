import { partsOfText, type Text } from "../text-parts.ts";
import { canonicalJson } from "./canonical-json.ts";

/**
 * Puts an object together from members that are canonical JSON already, so that stored documents reach an answer or a
 * hash without being read. The text is canonical: keys stand in the order of RFC 8785.
 */
export function joinObject(members: Readonly<Record<string, string>>): string {
  const keys = Object.keys(members).sort();
  return `{${keys.map((key) => `${canonicalJson(key)}:${members[key] ?? "null"}`).join(",")}}`;
}

/** The same where a member may be large: then its parts are parts of the text. */
export function joinLarge(members: Readonly<Record<string, Text>>): Text {
  const texts = Object.entries(members).filter((member): member is [string, string] => isShort(member[1]));
  if (texts.length === Object.keys(members).length) return joinObject(Object.fromEntries(texts));
  const keys = Object.keys(members).sort();
  const parts = keys.flatMap((key, at) => [
    `${at === 0 ? "{" : ","}${canonicalJson(key)}:`,
    ...partsOfText(members[key] ?? "null"),
  ]);
  return { parts: [...parts, "}"] };
}

const isShort = (member: Text): boolean => typeof member === "string";

export function joinArray(items: readonly string[]): string {
  return `[${items.join(",")}]`;
}

import { canonicalJson } from "./canonical-json.ts";

/**
 * Puts an object together from members that are canonical JSON already, so that stored documents reach an answer or a
 * hash without being read. The text is canonical: keys stand in the order of RFC 8785.
 */
export function joinObject(members: Readonly<Record<string, string>>): string {
  const keys = Object.keys(members).sort();
  return `{${keys.map((key) => `${canonicalJson(key)}:${members[key] ?? "null"}`).join(",")}}`;
}

export function joinArray(items: readonly string[]): string {
  return `[${items.join(",")}]`;
}

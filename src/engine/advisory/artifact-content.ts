import { mapFrom } from "../../contract/maps.ts";
import { isDecimal } from "../../decimal/decimal.ts";

/** What differs between two packages of one request, and the hash itself. */
const NOT_HASHED: ReadonlySet<string> = new Set([
  "artifact_hash",
  "correlation_id",
  "created_at",
  "idempotency_key",
]);

/**
 * What an artifact's hash covers: all of it but the fields named above, wherever they stand. Reads a built
 * artifact and a stored one alike, so that a hash can be checked at any later time. Parts without such a field
 * are shared with the artifact, not copied.
 */
export function artifactContent(artifact: unknown): unknown {
  if (typeof artifact !== "object" || artifact === null || isDecimal(artifact)) return artifact;
  return Array.isArray(artifact) ? listContent(artifact) : objectContent(artifact);
}

function listContent(items: readonly unknown[]): readonly unknown[] {
  const content = items.map(artifactContent);
  return content.every((item, index) => item === items[index]) ? items : content;
}

function objectContent(object: object): object {
  let changed = false;
  const members: [string, unknown][] = [];
  for (const [key, value] of Object.entries(object) as [string, unknown][]) {
    const content = NOT_HASHED.has(key) ? undefined : artifactContent(value);
    if (content !== undefined) members.push([key, content]);
    if (content !== value) changed = true;
  }
  return changed ? mapFrom(members) : object;
}

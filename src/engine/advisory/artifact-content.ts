import { mapFrom } from "../../contract/maps.ts";
import { isDecimal } from "../../decimal/decimal.ts";

/** Fields that differ between two artifacts of the same request, and the hash itself. */
const NOT_HASHED: ReadonlySet<string> = new Set([
  "artifact_hash",
  "correlation_id",
  "created_at",
  "idempotency_key",
]);

/**
 * The part of an artifact that its hash covers: everything except the fields above, at any depth. Accepts a new
 * artifact and one read from storage, so that a hash can be verified later. Parts without such a field are
 * shared with the artifact, not copied.
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

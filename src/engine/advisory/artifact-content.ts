import { isDecimal } from "../../decimal/decimal.ts";
import { freeMap } from "../free-map.ts";

/** What differs between two packages of one request, and the hash itself. */
const NOT_HASHED: ReadonlySet<string> = new Set([
  "artifact_hash",
  "correlation_id",
  "created_at",
  "idempotency_key",
]);

/**
 * What an artifact's hash covers: all of it but the fields named above, wherever they stand. Reads a built
 * artifact and a stored one alike, so that a hash can be checked at any later time.
 */
export function artifactContent(artifact: unknown): unknown {
  if (typeof artifact !== "object" || artifact === null || isDecimal(artifact)) return artifact;
  if (Array.isArray(artifact)) return artifact.map(artifactContent);
  const members: [string, unknown][] = Object.entries(artifact);
  return freeMap(
    members.filter(([key]) => !NOT_HASHED.has(key)).map(([key, member]) => [key, artifactContent(member)]),
  );
}

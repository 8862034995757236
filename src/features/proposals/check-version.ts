import { contentHash } from "../../platform/hash.ts";
import { rulesVersionOf } from "../../platform/json/stored-result.ts";
import { hashOfStoredArtifact, resimulate } from "./prepare-version.ts";
import type { VersionHeader, VersionRow } from "./version.ts";

/** What is left of a version once it was checked by itself: its documents are no longer needed. */
export type CheckedVersion = VersionHeader & {
  /** What does not hold of its documents. */
  readonly fault: string | null;
};

/** Recomputes the hashes of the documents of a version, and its result from its request. */
export function checkVersion(version: VersionRow): CheckedVersion {
  const { request_text: _request, result_text: _result, artifact_text: _artifact, ...header } = version;
  return { ...header, fault: faultOfDocuments(version) ?? null };
}

function faultOfDocuments(version: VersionRow): string | undefined {
  if (contentHash(version.request_text) !== version.request_hash)
    return "its request does not give its request_hash";
  if (contentHash(version.result_text) !== version.simulation_hash) {
    return "its result does not give its simulation_hash";
  }
  if (readsAs(version.artifact_text) !== version.artifact_hash)
    return "its artifact does not give its artifact_hash";
  // The artifact's own hash leaves out when and for whom it was made.
  if (contentHash(version.artifact_text) !== version.artifact_text_hash) {
    return "its artifact does not give its artifact_text_hash";
  }
  return faultOfResimulation(version);
}

/** A text that is no JSON any more has no hash that could be right. */
function readsAs(artifactText: string): string | undefined {
  try {
    return hashOfStoredArtifact(artifactText);
  } catch {
    return undefined;
  }
}

/** A result is reproduced by the rules that made it; where this service does not know them, its hash alone speaks for it. */
function faultOfResimulation(version: VersionRow): string | undefined {
  const rulesVersion = rulesVersionOf(version.result_text);
  if (rulesVersion === undefined) return undefined;
  const again = resimulate(version, rulesVersion);
  if (again === undefined) return "its request cannot be read any more";
  return again.result_text === version.result_text
    ? undefined
    : "its request, simulated again, gives another result";
}

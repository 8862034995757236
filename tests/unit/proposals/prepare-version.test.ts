import { describe, expect, test } from "vitest";
import { ProposalSimulateRequest, type ProposalResult } from "../../../src/contract/proposal.ts";
import { buildArtifact } from "../../../src/engine/advisory/artifact.ts";
import { canonicalJson } from "../../../src/platform/json/canonical-json.ts";
import { contentHash } from "../../../src/platform/hash.ts";
import { wholeText } from "../../../src/platform/text-parts.ts";
import {
  draftVersion,
  hashOfStoredArtifact,
  resimulate,
} from "../../../src/features/proposals/prepare-version.ts";
import { versionText } from "../../../src/features/proposals/version.ts";
import { readVectors } from "../../support/vectors.ts";

const CONTEXT = {
  correlationId: "corr_1",
  idempotencyKey: "key-1",
  engineVersion: "1.0.0",
  defaultRulesVersion: "1",
} as const;
const PACKAGED_AT = "2026-03-01T09:30:00.000Z";
const VECTORS = readVectors("dev-proposal");

function drafted(request: ProposalSimulateRequest) {
  const numbers = { proposal_id: "pp_1", version_no: 1, proposal_version_id: "ppv_1" };
  const draft = draftVersion(request, CONTEXT, PACKAGED_AT, true);
  const origin = { created_by: "maker", created_by_folded: "maker", authenticated_subject: null };
  return { ...draft, ...numbers, ...origin, created_at: PACKAGED_AT };
}

describe("documents that are put together from their parts", () => {
  test("are the bytes that spelling them whole would give", () => {
    for (const { id, request } of VECTORS) {
      const parsed = ProposalSimulateRequest.parse(request);
      const version = drafted(parsed);
      const result = JSON.parse(version.result_text) as ProposalResult;
      const hash = (document: unknown) => contentHash(canonicalJson(document));
      const artifact = buildArtifact(parsed, result, { createdAt: PACKAGED_AT, hash });
      expect(version.artifact_text, id).toBe(canonicalJson(artifact));
      expect(versionText(version), id).toContain(
        `"evidence_bundle":${canonicalJson(artifact.evidence_bundle)}`,
      );
      expect(versionText(version), id).toBe(canonicalJson(JSON.parse(wholeText(versionText(version)))));
    }
  });

  test("give the hashes that they carry, from their bytes alone", () => {
    for (const { id, request } of VECTORS) {
      const version = drafted(ProposalSimulateRequest.parse(request));
      expect(contentHash(version.request_text), id).toBe(version.request_hash);
      expect(contentHash(version.result_text), id).toBe(version.simulation_hash);
      expect(hashOfStoredArtifact(version.artifact_text), id).toBe(version.artifact_hash);
    }
  });
});

test("a stored request simulated again gives the stored result, byte for byte", () => {
  for (const { id, request } of VECTORS) {
    const version = drafted(ProposalSimulateRequest.parse(request));
    expect(resimulate(version, "1")?.result_text, id).toBe(version.result_text);
  }
});

test("a request that is no request any more is not simulated", () => {
  const [first] = VECTORS;
  if (first === undefined) throw new Error("no example");
  const version = drafted(ProposalSimulateRequest.parse(first.request));
  expect(resimulate({ ...version, request_text: "{" }, "1")).toBeUndefined();
  expect(resimulate({ ...version, request_text: "{}" }, "1")).toBeUndefined();
});

import { contentHash } from "../../platform/hash.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinLarge, joinObject } from "../../platform/json/join-json.ts";
import type { Text } from "../../platform/text-parts.ts";
import type { CurrentState } from "./core.ts";
import type { ProposalState } from "./schemas.ts";
import { HASH_VERSION, sealEvent, type EventRow } from "./event.ts";

/** A version without its documents, of which it has the hashes. */
export type VersionHeader = {
  readonly proposal_id: string;
  readonly version_no: number;
  readonly proposal_version_id: string;
  readonly created_by: string;
  /** The maker as people are compared; null in versions of before names were. */
  readonly created_by_folded: string | null;
  /** Whom the token of the maker's request names; null where there was none. */
  readonly authenticated_subject: string | null;
  readonly created_at: string;
  readonly correlation_id: string;
  readonly idempotency_key: string | null;
  readonly portfolio_id: string;
  readonly status_at_creation: string;
  readonly engine_version: string;
  readonly request_hash: string;
  readonly simulation_hash: string;
  readonly artifact_hash: string;
  /** Over the very bytes of the artifact; its time and key, which artifact_hash leaves out, included. */
  readonly artifact_text_hash: string;
  /** Whether answers show the evidence bundle. */
  readonly keeps_evidence: boolean;
  /** Canonical JSON of the gate decision; null where the workflow gates are off. */
  readonly gate_text: string | null;
};

/** A version with its documents, byte for byte as they were hashed and sent. */
export type VersionRow = VersionHeader & {
  readonly request_text: string;
  readonly result_text: string;
  readonly artifact_text: string;
};

/** A version as it was made: its documents may be large. */
export type MadeVersion = VersionHeader & MadeDocuments;

export type MadeDocuments = {
  readonly request_text: Text;
  readonly result_text: Text;
  readonly artifact_text: Text;
};

/** A version as far as an answer shows it. `request_text` null: the evidence bundle is not wanted. */
export type ShownVersion = Omit<MadeVersion, "request_text"> & { readonly request_text: Text | null };

/** Covers the documents by their hashes. Under the hash version of the event that brings it. */
export function hashOfVersion(version: VersionHeader, hashVersion: number): string {
  return contentHash(
    joinObject({
      ...(hashVersion === 1 ? {} : { authenticated_subject: canonicalJson(version.authenticated_subject) }),
      artifact_hash: canonicalJson(version.artifact_hash),
      artifact_text_hash: canonicalJson(version.artifact_text_hash),
      correlation_id: canonicalJson(version.correlation_id),
      created_at: canonicalJson(version.created_at),
      created_by: canonicalJson(version.created_by),
      engine_version: canonicalJson(version.engine_version),
      gate_decision: version.gate_text ?? "null",
      idempotency_key: canonicalJson(version.idempotency_key),
      keeps_evidence: canonicalJson(version.keeps_evidence),
      portfolio_id: canonicalJson(version.portfolio_id),
      proposal_id: canonicalJson(version.proposal_id),
      proposal_version_id: canonicalJson(version.proposal_version_id),
      request_hash: canonicalJson(version.request_hash),
      simulation_hash: canonicalJson(version.simulation_hash),
      status_at_creation: canonicalJson(version.status_at_creation),
      version_no: canonicalJson(version.version_no),
    }),
  );
}

/**
 * The event that brings a version: CREATED with the first, which also seals the proposal's facts; NEW_VERSION_CREATED
 * with any other, which leads to `to_state`. Its reason is the request that asked for it.
 */
export function versionEvent(
  version: VersionHeader,
  eventId: string,
  origin:
    { readonly proposal_hash: string } | { readonly before: CurrentState; readonly to_state: ProposalState },
  payloadHash: string,
): EventRow {
  const before = "before" in origin ? origin.before : null;
  const draft = {
    proposal_id: version.proposal_id,
    event_no: (before?.last_event_no ?? 0) + 1,
    event_id: eventId,
    event_type: before === null ? ("CREATED" as const) : ("NEW_VERSION_CREATED" as const),
    from_state: before?.current_state ?? null,
    to_state: "before" in origin ? origin.to_state : ("DRAFT" as const),
    actor_id: version.created_by,
    authenticated_subject: version.authenticated_subject,
    occurred_at: version.created_at,
    correlation_id: version.correlation_id,
    reason_text: canonicalJson({
      correlation_id: version.correlation_id,
      idempotency_key: version.idempotency_key,
      idempotency_request_hash: payloadHash,
    }),
    related_version_no: version.version_no,
    segregation_waived: false,
    blocked_waived: false,
    distinct_waived: false,
    proposal_hash: "proposal_hash" in origin ? origin.proposal_hash : null,
    version_hash: hashOfVersion(version, HASH_VERSION),
    approval_id: null,
    approval_hash: null,
  };
  return sealEvent(draft, before?.last_event_hash ?? null);
}

/** A version as it goes out. Stored documents go in as they are. */
export function versionText(version: ShownVersion): Text {
  const { request_text, keeps_evidence } = version;
  return joinLarge({
    artifact: version.artifact_text,
    artifact_hash: canonicalJson(version.artifact_hash),
    authenticated_subject: canonicalJson(version.authenticated_subject),
    created_at: canonicalJson(version.created_at),
    evidence_bundle:
      keeps_evidence && request_text !== null ? evidenceText({ ...version, request_text }) : "{}",
    gate_decision: version.gate_text ?? "null",
    proposal_id: canonicalJson(version.proposal_id),
    proposal_result: version.result_text,
    proposal_version_id: canonicalJson(version.proposal_version_id),
    request_hash: canonicalJson(version.request_hash),
    simulation_hash: canonicalJson(version.simulation_hash),
    status_at_creation: canonicalJson(version.status_at_creation),
    version_no: canonicalJson(version.version_no),
  });
}

type Evidence = Pick<
  MadeVersion,
  "request_text" | "result_text" | "request_hash" | "artifact_hash" | "engine_version"
>;

/**
 * The evidence bundle of an artifact, from the very bytes of request and result: the inputs are the request, member by
 * member.
 */
export function evidenceText(evidence: Evidence): Text {
  const { artifact_hash, request_hash } = evidence;
  return joinLarge({
    engine_outputs: joinLarge({ proposal_result: evidence.result_text }),
    engine_version: canonicalJson(evidence.engine_version),
    hashes: canonicalJson({ artifact_hash, request_hash }),
    inputs: evidence.request_text,
  });
}

/** A version in the lineage of its proposal. */
export function lineageItemText(version: VersionHeader): string {
  return canonicalJson({
    artifact_hash: version.artifact_hash,
    created_at: version.created_at,
    proposal_version_id: version.proposal_version_id,
    request_hash: version.request_hash,
    simulation_hash: version.simulation_hash,
    status_at_creation: version.status_at_creation,
    version_no: version.version_no,
  });
}

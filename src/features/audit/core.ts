import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { sha256Hex } from "../../platform/hash.ts";
import { piecesOf } from "../../platform/text-parts.ts";
import type { AuditEntry } from "./event.ts";
import type { PolicyPackDetails, RefusalDetails, RetentionDetails, StartDetails } from "./schemas.ts";

/** What is recorded of each thing that happens. Pure; `append-event.ts` writes it. */

/** A request of a known caller that was answered 403. */
export type Refusal = {
  readonly subject: string;
  readonly tokenId: string | null;
  readonly method: string;
  /** The path as it was sent, without its query. */
  readonly path: string;
  readonly idempotencyKey: string | null;
  readonly correlationId: string;
  /** The stable code of the answer. */
  readonly code: string;
  readonly requiredScopes: readonly string[] | null;
};

/** Callers choose how long these are. */
const MOST_PATH_CHARACTERS = 255;
const MOST_CODE_CHARACTERS = 100;

/** `id` is for a request without a key. One with a key has the id of its content: sent again, it is the same event. */
export function refusalEntry(refusal: Refusal, id: string): AuditEntry {
  const { subject, method, path, idempotencyKey, code } = refusal;
  const details: RefusalDetails = {
    code: cut(code, MOST_CODE_CHARACTERS),
    idempotency_key: idempotencyKey,
    method,
    path: cut(path, MOST_PATH_CHARACTERS),
    required_scopes: refusal.requiredScopes === null ? null : [...refusal.requiredScopes],
    token_id: refusal.tokenId,
  };
  const identity = canonicalJson(["audit.refusal", method, path, idempotencyKey, subject, code]);
  return {
    event_id: idempotencyKey === null ? id : `aev_${sha256Hex(identity).slice(0, 32)}`,
    action: "REQUEST_REFUSED",
    actor_id: subject,
    authenticated_subject: subject,
    correlation_id: refusal.correlationId,
    details_text: canonicalJson(details),
  };
}

/** A revision of a policy pack that came into force, or that its pack was deleted. */
export type PackRevised = PolicyPackDetails & {
  readonly authenticated_subject: string | null;
  readonly correlation_id: string;
};

export function policyPackEntry(revised: PackRevised, id: string): AuditEntry {
  const { policy_pack_id, revision, version, definition_hash } = revised;
  const details: PolicyPackDetails = { definition_hash, policy_pack_id, revision, version };
  return {
    event_id: id,
    action: version === null ? "POLICY_PACK_DELETED" : "POLICY_PACK_PUT",
    actor_id: revised.authenticated_subject,
    authenticated_subject: revised.authenticated_subject,
    correlation_id: revised.correlation_id,
    details_text: canonicalJson(details),
  };
}

export function retentionEntry(details: RetentionDetails, process: string, id: string): AuditEntry {
  return ofProcess("RETENTION_SET", details, process, id);
}

export function startEntry(details: StartDetails, process: string, id: string): AuditEntry {
  return ofProcess("PROCESS_STARTED", details, process, id);
}

function ofProcess(
  action: "RETENTION_SET" | "PROCESS_STARTED",
  details: RetentionDetails | StartDetails,
  process: string,
  id: string,
): AuditEntry {
  return {
    event_id: id,
    action,
    actor_id: process,
    authenticated_subject: null,
    correlation_id: null,
    details_text: canonicalJson(details),
  };
}

function cut(text: string, characters: number): string {
  const [first = ""] = piecesOf(text, characters);
  return first;
}

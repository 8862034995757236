import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { contentHash } from "../../platform/hash.ts";
import { joinObject } from "../../platform/json/join-json.ts";
import type { ApprovalRecord, EventDraft, EventRecord, ProposalFacts, VersionHeader } from "./records.ts";

/**
 * The evidence chain. Each event's hash covers the hash before it and its own content; its content holds the hash of
 * whatever was written with it. So nothing can be altered, taken out or put in between without a hash that no longer
 * fits. A chain alone does not show a cut-off tail together with a rewritten head: that takes a head kept elsewhere.
 */

export function hashOfProposal(tenantId: string, facts: ProposalFacts): string {
  return contentHash(
    canonicalJson({
      advisor_notes: facts.advisorNotes,
      correlation_id: facts.correlationId,
      created_at: facts.createdAt,
      created_by: facts.createdBy,
      jurisdiction: facts.jurisdiction,
      mandate_id: facts.mandateId,
      proposal_id: facts.proposalId,
      tenant_id: tenantId,
      title: facts.title,
    }),
  );
}

/** Covers the documents by their hashes. */
export function hashOfVersion(version: VersionHeader): string {
  return contentHash(
    joinObject({
      artifact_hash: canonicalJson(version.artifactHash),
      artifact_text_hash: canonicalJson(version.artifactTextHash),
      correlation_id: canonicalJson(version.correlationId),
      created_at: canonicalJson(version.createdAt),
      created_by: canonicalJson(version.createdBy),
      engine_version: canonicalJson(version.engineVersion),
      gate_decision: version.gateText ?? "null",
      idempotency_key: canonicalJson(version.idempotencyKey),
      keeps_evidence: canonicalJson(version.keepsEvidence),
      portfolio_id: canonicalJson(version.portfolioId),
      proposal_id: canonicalJson(version.proposalId),
      proposal_version_id: canonicalJson(version.proposalVersionId),
      request_hash: canonicalJson(version.requestHash),
      simulation_hash: canonicalJson(version.simulationHash),
      status_at_creation: canonicalJson(version.status),
      version_no: canonicalJson(version.versionNo),
    }),
  );
}

export function hashOfApproval(approval: ApprovalRecord): string {
  return contentHash(
    joinObject({
      approval_id: canonicalJson(approval.approvalId),
      approval_type: canonicalJson(approval.approvalType),
      approved: canonicalJson(approval.approved),
      actor_id: canonicalJson(approval.actorId),
      details: approval.detailsText,
      event_no: canonicalJson(approval.eventNo),
      occurred_at: canonicalJson(approval.occurredAt),
      proposal_id: canonicalJson(approval.proposalId),
      related_version_no: canonicalJson(approval.relatedVersionNo),
    }),
  );
}

/** Binds an event to the one before it. Called under the lock of the proposal, so that the chain has no forks. */
export function sealEvent(draft: EventDraft, previousHash: string | null): EventRecord {
  return { ...draft, previousHash, eventHash: hashOfEvent(draft, previousHash) };
}

export function hashOfEvent(event: EventDraft, previousHash: string | null): string {
  return contentHash(
    joinObject({
      actor_id: canonicalJson(event.actorId),
      approval_hash: canonicalJson(event.approvalHash),
      approval_id: canonicalJson(event.approvalId),
      correlation_id: canonicalJson(event.correlationId),
      event_id: canonicalJson(event.eventId),
      event_no: canonicalJson(event.eventNo),
      event_type: canonicalJson(event.eventType),
      from_state: canonicalJson(event.fromState),
      occurred_at: canonicalJson(event.occurredAt),
      previous_hash: canonicalJson(previousHash),
      proposal_hash: canonicalJson(event.proposalHash),
      proposal_id: canonicalJson(event.proposalId),
      reason: event.reasonText,
      related_version_no: canonicalJson(event.relatedVersionNo),
      segregation_waived: canonicalJson(event.segregationWaived),
      to_state: canonicalJson(event.toState),
      version_hash: canonicalJson(event.versionHash),
    }),
  );
}

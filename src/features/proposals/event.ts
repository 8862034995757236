import { contentHash } from "../../platform/hash.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinArray, joinObject } from "../../platform/json/join-json.ts";
import { personOf } from "../../contract/person.ts";
import type { CurrentState, Move } from "./core.ts";
import type { ApprovalType, ProposalEventType, ProposalState } from "./schemas.ts";

/**
 * The evidence chain. Each event's hash covers the hash before it and its own content; its content holds the hash of
 * whatever was written with it. So nothing can be altered, taken out or put in between without a hash that no longer
 * fits. A chain alone does not show a cut-off tail together with a rewritten head: that takes a head stored elsewhere.
 */

/** What new events, and what comes with them, are hashed under. Chains of before go on from version 1. */
export const HASH_VERSION = 2;

/** Who is behind a record: the name that was given, and whom the token of the request names, if there was one. */
export type Signature = { readonly actor_id: string; readonly authenticated_subject: string | null };

/** An event before it is sealed into the chain. */
export type EventDraft = Signature &
  Pick<Move, "segregation_waived" | "blocked_waived" | "distinct_waived"> & {
    readonly proposal_id: string;
    readonly event_no: number;
    readonly event_id: string;
    readonly event_type: ProposalEventType;
    readonly from_state: ProposalState | null;
    readonly to_state: ProposalState;
    readonly occurred_at: string;
    readonly correlation_id: string;
    /** Canonical JSON of the reason, as it was given. */
    readonly reason_text: string;
    readonly related_version_no: number;
    /** Of the proposal's facts: with CREATED. */
    readonly proposal_hash: string | null;
    /** Of the version that came with it: with CREATED and NEW_VERSION_CREATED. */
    readonly version_hash: string | null;
    /** The approval that came with it, and its hash. */
    readonly approval_id: string | null;
    readonly approval_hash: string | null;
  };

/** A link of the chain. */
export type EventRow = EventDraft & {
  readonly hash_version: number;
  /** The actor as people are compared; null where the hash version is 1. */
  readonly actor_folded: string | null;
  /** Null for the first. */
  readonly previous_hash: string | null;
  readonly event_hash: string;
};

export type ApprovalRow = Signature & {
  readonly proposal_id: string;
  /** The event that it came with. */
  readonly event_no: number;
  readonly approval_id: string;
  readonly approval_type: ApprovalType;
  readonly approved: boolean;
  readonly occurred_at: string;
  /** Canonical JSON of the details, as they were given. */
  readonly details_text: string;
  readonly related_version_no: number;
};

/** Binds an event to the one before it. Called under the lock of the proposal, so that the chain has no forks. */
export function sealEvent(draft: EventDraft, previousHash: string | null): EventRow {
  const event_hash = hashOfEvent(draft, previousHash, HASH_VERSION);
  const actor_folded = personOf(draft.actor_id);
  return { ...draft, hash_version: HASH_VERSION, actor_folded, previous_hash: previousHash, event_hash };
}

/** `actor_folded` is not covered: it says nothing that the name does not say. */
export function hashOfEvent(event: EventDraft, previousHash: string | null, hashVersion: number): string {
  return contentHash(
    joinObject({
      ...(hashVersion === 1
        ? {}
        : {
            authenticated_subject: canonicalJson(event.authenticated_subject),
            blocked_waived: canonicalJson(event.blocked_waived),
            distinct_waived: canonicalJson(event.distinct_waived),
            hash_version: canonicalJson(hashVersion),
          }),
      actor_id: canonicalJson(event.actor_id),
      approval_hash: canonicalJson(event.approval_hash),
      approval_id: canonicalJson(event.approval_id),
      correlation_id: canonicalJson(event.correlation_id),
      event_id: canonicalJson(event.event_id),
      event_no: canonicalJson(event.event_no),
      event_type: canonicalJson(event.event_type),
      from_state: canonicalJson(event.from_state),
      occurred_at: canonicalJson(event.occurred_at),
      previous_hash: canonicalJson(previousHash),
      proposal_hash: canonicalJson(event.proposal_hash),
      proposal_id: canonicalJson(event.proposal_id),
      reason: event.reason_text,
      related_version_no: canonicalJson(event.related_version_no),
      segregation_waived: canonicalJson(event.segregation_waived),
      to_state: canonicalJson(event.to_state),
      version_hash: canonicalJson(event.version_hash),
    }),
  );
}

/** Under the hash version of its event. */
export function hashOfApproval(approval: ApprovalRow, hashVersion: number): string {
  return contentHash(
    joinObject({
      ...(hashVersion === 1 ? {} : { authenticated_subject: canonicalJson(approval.authenticated_subject) }),
      approval_id: canonicalJson(approval.approval_id),
      approval_type: canonicalJson(approval.approval_type),
      approved: canonicalJson(approval.approved),
      actor_id: canonicalJson(approval.actor_id),
      details: approval.details_text,
      event_no: canonicalJson(approval.event_no),
      occurred_at: canonicalJson(approval.occurred_at),
      proposal_id: canonicalJson(approval.proposal_id),
      related_version_no: canonicalJson(approval.related_version_no),
    }),
  );
}

/** The part of a proposal's current state that every event writes anew. */
export type LeftByEvent = Omit<CurrentState, "portfolio_id" | "current_version_no">;

export function leftBy(event: EventRow): LeftByEvent {
  return {
    current_state: event.to_state,
    last_event_no: event.event_no,
    last_event_hash: event.event_hash,
    last_event_at: event.occurred_at,
  };
}

export function eventText(event: EventRow): string {
  return joinObject({
    actor_id: canonicalJson(event.actor_id),
    authenticated_subject: canonicalJson(event.authenticated_subject),
    event_id: canonicalJson(event.event_id),
    event_type: canonicalJson(event.event_type),
    from_state: canonicalJson(event.from_state),
    occurred_at: canonicalJson(event.occurred_at),
    proposal_id: canonicalJson(event.proposal_id),
    reason: event.reason_text,
    related_version_no: canonicalJson(event.related_version_no),
    to_state: canonicalJson(event.to_state),
  });
}

export function approvalText(approval: ApprovalRow): string {
  return joinObject({
    actor_id: canonicalJson(approval.actor_id),
    approval_id: canonicalJson(approval.approval_id),
    approval_type: canonicalJson(approval.approval_type),
    approved: canonicalJson(approval.approved),
    authenticated_subject: canonicalJson(approval.authenticated_subject),
    details: approval.details_text,
    occurred_at: canonicalJson(approval.occurred_at),
    proposal_id: canonicalJson(approval.proposal_id),
    related_version_no: canonicalJson(approval.related_version_no),
  });
}

/** The answer to a transition, and to an approval. */
export function transitionText(event: EventRow, approval: ApprovalRow | null): string {
  return joinObject({
    approval: approval === null ? "null" : approvalText(approval),
    current_state: canonicalJson(event.to_state),
    latest_workflow_event: eventText(event),
    proposal_id: canonicalJson(event.proposal_id),
  });
}

export function timelineText(proposalId: string, state: string, events: readonly EventRow[]): string {
  return joinObject({
    current_state: canonicalJson(state),
    events: joinArray(events.map(eventText)),
    proposal_id: canonicalJson(proposalId),
  });
}

export function approvalsText(proposalId: string, approvals: readonly ApprovalRow[]): string {
  return joinObject({
    approvals: joinArray(approvals.map(approvalText)),
    proposal_id: canonicalJson(proposalId),
  });
}

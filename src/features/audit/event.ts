import { notBefore, type Clock } from "../../platform/clock.ts";
import { contentHash } from "../../platform/hash.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinObject } from "../../platform/json/join-json.ts";
import { chainOf } from "./chain.ts";
import type { AuditAction } from "./schemas.ts";

/**
 * The chain of a tenant's audit. Each event's hash covers the hash before it and its own row. A chain alone does not show
 * that its tail was cut off together with a rewritten head: that takes a head stored elsewhere, which `verify` tells.
 */

/** What happened, before it has its place in a chain. */
export type AuditEntry = {
  readonly event_id: string;
  readonly action: AuditAction;
  /** Who did it: the subject of a token, or a process; null where no token is asked for. */
  readonly actor_id: string | null;
  readonly authenticated_subject: string | null;
  readonly correlation_id: string | null;
  /** Canonical JSON of what else is known of it. */
  readonly details_text: string;
};

/** A link of the chain. */
export type AuditEvent = AuditEntry & {
  readonly tenant_id: string;
  readonly event_no: number;
  readonly occurred_at: string;
  /** Null for the first. */
  readonly previous_hash: string | null;
  readonly event_hash: string;
};

/** Where a chain ends; the nulls are those of a chain without an event. */
export type AuditHead = {
  readonly last_event_no: number;
  readonly last_event_hash: string | null;
  readonly last_event_at: string | null;
};

/** Binds an entry to the end of a chain. Called under the lock of the head, so that the chain has no forks. */
export function sealEvent(tenantId: string, entry: AuditEntry, head: AuditHead, clock: Clock): AuditEvent {
  const unsealed = {
    event_id: entry.event_id,
    action: entry.action,
    actor_id: entry.actor_id,
    authenticated_subject: entry.authenticated_subject,
    correlation_id: entry.correlation_id,
    details_text: entry.details_text,
    tenant_id: tenantId,
    event_no: head.last_event_no + 1,
    occurred_at: notBefore(head.last_event_at ?? undefined, clock()),
    previous_hash: head.last_event_hash,
  };
  return { ...unsealed, event_hash: hashOfEvent(unsealed) };
}

/** Of everything in the row but the hash itself. */
export function hashOfEvent(event: Omit<AuditEvent, "event_hash">): string {
  return contentHash(
    canonicalJson({
      action: event.action,
      actor_id: event.actor_id,
      authenticated_subject: event.authenticated_subject,
      correlation_id: event.correlation_id,
      details_text: event.details_text,
      event_id: event.event_id,
      event_no: event.event_no,
      occurred_at: event.occurred_at,
      previous_hash: event.previous_hash,
      tenant_id: event.tenant_id,
    }),
  );
}

/** What an event leaves at the end of its chain. */
export function headAt(event: AuditEvent): AuditHead {
  return {
    last_event_no: event.event_no,
    last_event_hash: event.event_hash,
    last_event_at: event.occurred_at,
  };
}

export function eventText(event: AuditEvent): string {
  return joinObject({
    action: canonicalJson(event.action),
    actor_id: canonicalJson(event.actor_id),
    authenticated_subject: canonicalJson(event.authenticated_subject),
    chain: canonicalJson(chainOf(event.tenant_id)),
    correlation_id: canonicalJson(event.correlation_id),
    details: event.details_text,
    event_hash: canonicalJson(event.event_hash),
    event_id: canonicalJson(event.event_id),
    event_no: canonicalJson(event.event_no),
    occurred_at: canonicalJson(event.occurred_at),
    previous_hash: canonicalJson(event.previous_hash),
  });
}

import type { Calculation } from "../../platform/threads.ts";
import { hashOfEvent, type AuditEvent } from "./event.ts";
import type { HashedEvent } from "./verification.ts";

/** The hashes that the rows of events give today. */
export const HASH_AUDIT_EVENTS: Calculation<readonly AuditEvent[], readonly HashedEvent[]> = {
  name: "hash audit events",
  compute: (events) => events.map((event) => ({ ...event, content_hash: hashOfEvent(event) })),
};

/** In positions that are calculated once: an event is half of one, and so are 1,000 characters of its details. */
export function costOfEvents(events: readonly AuditEvent[]): number {
  return events.reduce((cost, { details_text }) => cost + 0.5 + details_text.length / 2_000, 0);
}

import type { AuditEvent, AuditHead } from "./event.ts";

/** What does not hold. An event that is missing has no id to name; its number stands in for it. */
export type AuditFinding = {
  readonly kind: "event" | "head";
  readonly id: string;
  readonly reason: string;
};

/** An event with the hash that its row gives today. */
export type HashedEvent = AuditEvent & { readonly content_hash: string };

/** Where the check of a chain stands: it goes page by page, and keeps the last event alone. */
export type ChainCheck = {
  readonly events: number;
  readonly last: AuditEvent | undefined;
  readonly findings: readonly AuditFinding[];
};

export const NOTHING_CHECKED: ChainCheck = { events: 0, last: undefined, findings: [] };

/** Goes on with the next events of a chain, in their order. */
export function checkEvents(check: ChainCheck, events: readonly HashedEvent[]): ChainCheck {
  const findings = [...check.findings];
  let { last } = check;
  for (const event of events) {
    const expectedNo = (last?.event_no ?? 0) + 1;
    if (event.event_no !== expectedNo) findings.push(missing(expectedNo, event.event_no - 1));
    const reason = faultOf(event, last);
    if (reason !== undefined) findings.push({ kind: "event", id: event.event_id, reason });
    last = event;
  }
  return { events: check.events + events.length, last, findings };
}

function missing(first: number, last: number): AuditFinding {
  const reason = first === last ? "is missing" : `is missing, with all up to ${String(last)}`;
  return { kind: "event", id: `event_no ${String(first)}`, reason };
}

function faultOf(event: HashedEvent, last: AuditEvent | undefined): string | undefined {
  if (event.content_hash !== event.event_hash) return "its content does not give its hash";
  if (event.previous_hash !== (last?.event_hash ?? null)) {
    return last === undefined
      ? "it is the first, but carries the hash of another"
      : `it does not carry the hash of the event before it (${last.event_id})`;
  }
  if (last !== undefined && event.occurred_at < last.occurred_at)
    return "it happened before the event before it";
  return undefined;
}

/** What is wrong at the end of a chain: events that the head knows and that are not there, or the other way round. */
export function checkHead({ last }: ChainCheck, head: AuditHead | undefined): readonly AuditFinding[] {
  const lastNo = last?.event_no ?? 0;
  if (head === undefined) return lastNo === 0 ? [] : [{ kind: "head", id: "head", reason: "is missing" }];
  const lost = head.last_event_no > lastNo ? [missing(lastNo + 1, head.last_event_no)] : [];
  const stands =
    head.last_event_no === lastNo &&
    head.last_event_hash === (last?.event_hash ?? null) &&
    head.last_event_at === (last?.occurred_at ?? null);
  const reason = "it does not stand where the last event left it";
  return stands ? lost : [...lost, { kind: "head", id: "head", reason }];
}

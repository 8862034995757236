import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { joinArray, joinObject } from "../../platform/json/join-json.ts";
import type { EventRow } from "./repository.ts";
import { feedCursor, type FeedPosition } from "./schemas.ts";

/** Before every event. */
export const FEED_START: FeedPosition = { epoch: "0", xid: "0", sequence: "0" };

export function isAfter(one: FeedPosition, other: FeedPosition): boolean {
  if (one.epoch !== other.epoch) return BigInt(one.epoch) > BigInt(other.epoch);
  if (one.xid !== other.xid) return BigInt(one.xid) > BigInt(other.xid);
  return BigInt(one.sequence) > BigInt(other.sequence);
}

/** What was read of the feed at once. */
export type FeedPage = {
  readonly events: readonly EventRow[];
  /** Where to go on, also from an empty page. */
  readonly position: FeedPosition;
  /** Nothing is shown beyond it. */
  readonly isNewest: boolean;
  readonly asOf: string;
};

/**
 * An event as CloudEvents writes it. Its data is canonical JSON already, and so is the whole: the members stand in the order
 * of RFC 8785. A page has a thousand, so their texts are joined as they are.
 */
export function eventText(tenantId: string, event: EventRow): string {
  const { event_id, type, subject, occurred_at: time, data_text: data, traceparent } = event;
  const members = [
    `"data":${data}`,
    `"datacontenttype":"application/json"`,
    `"id":"evt_${event_id.replaceAll("-", "")}"`,
    `"source":${JSON.stringify(sourceOf(tenantId))}`,
    `"specversion":"1.0"`,
    `"subject":${JSON.stringify(subject)}`,
    `"time":"${time}"`,
    ...(traceparent === null ? [] : [`"traceparent":${JSON.stringify(traceparent)}`]),
    `"type":"${type}"`,
  ];
  return `{${members.join(",")}}`;
}

/** CloudEvents wants a URI reference, and a tenant may be written with any visible character. */
function sourceOf(tenantId: string): string {
  return `/ballast/${encodeURIComponent(tenantId)}`;
}

/** The answer to one request. */
export function pageText(tenantId: string, { events, position, asOf }: FeedPage): string {
  const texts = events.map((event) => eventText(tenantId, event));
  const cursor = feedCursor.encode(tenantId, position);
  return joinObject({
    as_of: canonicalJson(asOf),
    events: joinArray(texts),
    next_cursor: canonicalJson(cursor),
  });
}

/** Events as a part of a stream: each with the cursor that goes on after it. */
export function streamText(tenantId: string, events: readonly EventRow[]): string {
  return events
    .map((event) => {
      const { epoch, xid, sequence } = event;
      const id = feedCursor.encode(tenantId, { epoch, xid, sequence });
      return `id: ${id}\ndata: ${eventText(tenantId, event)}\n\n`;
    })
    .join("");
}

/** A sign of life, which also tells a reader of some types how far was looked for them. */
export function heartbeatText(tenantId: string, { position, asOf }: FeedPage): string {
  return `: ${asOf}\nid: ${feedCursor.encode(tenantId, position)}\n\n`;
}

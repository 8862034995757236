import { EventPage, type CloudEvent } from "../../src/features/events/schemas.ts";
import type { Send, Service } from "./client.ts";

/** What another system hears of the story. */
export type DemoFeed = {
  /** What came since the last call: at least `count` events, unless they do not come in time. */
  readonly next: (count: number) => Promise<readonly CloudEvent[]>;
};

const PATIENCE_SECONDS = 10;

/** Opens the feed of the demonstration's tenant behind everything that was told before. */
export async function openFeed(service: Service): Promise<DemoFeed> {
  const send = await service.as("portal_feed", ["events:read"]);
  let page = await read(send, "limit=1000");
  while (page.events.length > 0) page = await read(send, `limit=1000&after=${page.next_cursor}`);
  let cursor = page.next_cursor;
  return {
    next: async (count) => {
      const events: CloudEvent[] = [];
      const until = performance.now() + PATIENCE_SECONDS * 1_000;
      do {
        const wait = events.length < count ? 1 : 0;
        const { events: came, next_cursor } = await read(send, `limit=1000&wait=${wait}&after=${cursor}`);
        events.push(...came);
        cursor = next_cursor;
      } while (events.length < count && performance.now() < until);
      return events;
    },
  };
}

async function read(send: Send, query: string): Promise<EventPage> {
  const reply = await send("GET", `/events?${query}`);
  if (reply.status !== 200) throw new Error(`the feed was refused: ${reply.status} ${reply.text}`);
  return EventPage.parse(JSON.parse(reply.text));
}

/** `proposal.approved → AWAITING_CLIENT_CONSENT`. */
export function feedLine({ type, data }: CloudEvent): string {
  const name = type.replace("ballast.", "");
  if ("to_state" in data) return `${name} → ${data.to_state}`;
  return "status" in data ? `${name} → ${data.status}` : name;
}

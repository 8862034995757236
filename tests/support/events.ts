import { expect, vi } from "vitest";
import * as z from "zod";
import { EventPage, type CloudEvent } from "../../src/features/events/schemas.ts";
import { read, type TestApp } from "./app.ts";
import { TENANT } from "./operations.ts";
import { withSession } from "./session.ts";

export const tenantHeaders = (tenantId = TENANT) => ({ "x-tenant-id": tenantId });

/** One page of the feed. */
export async function feedPage(
  app: Pick<TestApp, "get">,
  query: Readonly<Record<string, string | number | undefined>> = {},
  tenantId = TENANT,
): Promise<EventPage> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value));
  }
  return read(EventPage, await app.get(`/events?${search.toString()}`, tenantHeaders(tenantId)));
}

export type Feed = { readonly events: readonly CloudEvent[]; readonly cursor: string };

/** All that is shown after a cursor, page by page. */
export async function feedAfter(
  app: Pick<TestApp, "get">,
  cursor?: string,
  query: Readonly<Record<string, string | number>> = {},
  tenantId = TENANT,
): Promise<Feed> {
  const events: CloudEvent[] = [];
  for (let after = cursor; ;) {
    const page = await feedPage(app, { limit: 1_000, ...query, after }, tenantId);
    events.push(...page.events);
    if (page.next_cursor === after || page.events.length === 0) return { events, cursor: page.next_cursor };
    after = page.next_cursor;
  }
}

/** What other tests of the same server hold open hides events for so long. */
const PATIENCE = { timeout: 45_000, interval: 50 };

/** The same, once there are so many of them. */
export function feedOf(
  app: Pick<TestApp, "get">,
  count: number,
  cursor?: string,
  tenantId = TENANT,
): Promise<Feed> {
  return vi.waitFor(async () => {
    const feed = await feedAfter(app, cursor, {}, tenantId);
    expect(feed.events.length).toBeGreaterThanOrEqual(count);
    return feed;
  }, PATIENCE);
}

export const typeAndSubject = ({ type, subject }: CloudEvent): string => `${type} ${subject}`;

const Stored = z.object({ id: z.string(), subject: z.string() });

/** What is in the outbox of a tenant, looked at behind the service's back, in the order of the feed. */
export async function storedEvents(adminUrl: string, tenantId = TENANT) {
  return withSession(adminUrl, async (session) => {
    const { rows } = await session.query(
      `select 'evt_' || replace(event_id::text, '-', '') as id, subject
         from outbox_event
        where tenant_id = $1
        order by epoch, xid, sequence`,
      [tenantId],
    );
    return z.array(Stored).parse(rows);
  });
}

import pg from "pg";
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

/** A transaction that tells of a policy pack, as the service's login writes it, and is not committed yet. */
export type OpenWriter = {
  readonly write: (packId: string) => Promise<void>;
  readonly query: (statement: string) => Promise<void>;
  readonly commit: () => Promise<void>;
  /** Ends its connection without a word. */
  readonly vanish: () => Promise<void>;
};

export async function openWriter(url: string, tenantId = TENANT): Promise<OpenWriter> {
  const session = new pg.Client({ connectionString: url });
  session.on("error", () => undefined); // it may be killed
  await session.connect();
  const query = async (statement: string, values: readonly unknown[] = []) => {
    await session.query(statement, [...values]);
  };
  await query("set role ballast_service");
  await query("begin");
  await query("select set_config('app.tenant_id', $1, true)", [tenantId]);
  return {
    query,
    write: (packId) =>
      query(
        `insert into policy_pack_version
           (tenant_id, policy_pack_id, revision, version, definition_text, definition_hash, valid_from, correlation_id)
         values ($1, $2, 1, 'v', '{}', 'sha256:' || repeat('0', 64), now(), 'c')`,
        [tenantId, packId],
      ),
    commit: async () => {
      await query("commit");
      await session.end();
    },
    vanish: () => session.end(),
  };
}

/** Writes and commits at once. */
export async function writeEvents(url: string, packIds: readonly string[], tenantId = TENANT): Promise<void> {
  const writer = await openWriter(url, tenantId);
  try {
    for (const id of packIds) await writer.write(id);
    await writer.commit();
  } finally {
    await writer.vanish();
  }
}

/** Puts events of one type into the outbox, quickly, without what they tell of. */
export async function fillOutbox(adminUrl: string, count: number, tenantId = TENANT): Promise<void> {
  await withSession(adminUrl, async (session) => {
    await session.query("begin");
    await session.query(
      `insert into outbox_event (tenant_id, epoch, type, subject, data_text)
       select $1, current_epoch(), 'ballast.policy_pack.changed', 'filled_' || n,
              '{"authenticated_subject":null,"correlation_id":"c","definition_hash":null,"policy_pack_id":"filled_'
                || n || '","revision":2,"version":null}'
         from generate_series(1, $2::int) n`,
      [tenantId, count],
    );
    await session.query("commit");
  });
}

/** One event of a stream; a heartbeat has no data. */
export type Streamed = { readonly id: string | undefined; readonly data: string | undefined };

export type EventStream = {
  readonly status: number;
  readonly headers: Headers;
  /** What has come so far. */
  readonly received: readonly Streamed[];
  /** Resolves when the service has ended the stream: "whole", or how it broke off. */
  readonly ended: Promise<string>;
  readonly leave: () => void;
};

/** Reads a stream of events, as a browser's EventSource does. */
export async function openStream(
  base: string,
  query = "",
  headers: Readonly<Record<string, string>> = tenantHeaders(),
): Promise<EventStream> {
  const leaving = new AbortController();
  const response = await fetch(new URL(`/events/stream${query}`, base), { headers, signal: leaving.signal });
  const received: Streamed[] = [];
  const reading = async (): Promise<string> => {
    let text = "";
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const blocks = (text + part).split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const id = /^id: (.*)$/m.exec(block)?.[1];
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (id !== undefined) received.push({ id, data });
      }
    }
    return text === "" ? "whole" : `in the middle of ${text}`;
  };
  return {
    status: response.status,
    headers: response.headers,
    received,
    ended: reading().catch((error: unknown) => String(error)),
    leave: () => leaving.abort(),
  };
}

const Told = z.object({ subject: z.string() });

export const subjectOf = ({ data }: Streamed): string | undefined =>
  data === undefined ? undefined : Told.parse(JSON.parse(data)).subject;

import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { CloudEvent, EventPage } from "../../src/features/events/schemas.ts";
import { openTestApp, read, type TestApp } from "../support/app.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { openStream, openWriter, storedEvents, tenantHeaders } from "../support/events.ts";
import { TENANT } from "../support/operations.ts";
import { rebalanceBody } from "../support/runs.ts";
import { withSession } from "../support/session.ts";

const RAW_WRITERS = 24;
const API_WRITERS = 6;
const SECONDS = 15;
const PATIENCE = { timeout: 90_000, interval: 50 };
const headers = tenantHeaders();

let db: TestDatabase;
let app: TestApp;
let base: string;
let isWriting = true;

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url);
  base = await app.listen();
});
afterAll(async () => {
  await app.close();
  await db.drop();
});

const chance = (share: number): boolean => Math.random() < share;
const upTo = (ms: number) => pause(Math.random() * ms);

/**
 * Transactions of one to three events, some undone to a savepoint, rolled back, or held open between the last insert and
 * COMMIT while others begin and commit. Returns what was acknowledged.
 */
async function writeRaw(name: string): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let at = 1; isWriting; at += 1) {
    const ids = [1, 2, 3].slice(0, 1 + (at % 3)).map((part) => `${name}-${String(at)}-${String(part)}`);
    const writer = await openWriter(db.url).catch(() => undefined);
    if (writer === undefined) continue; // killed ahead of its first word
    try {
      for (const id of ids) {
        await writer.write(id);
        await upTo(10);
      }
      if (chance(0.2)) {
        await writer.query("savepoint undone");
        await writer.write(`${name}-${String(at)}-undone`);
        await writer.query("rollback to savepoint undone");
      }
      if (chance(0.1)) await pause(700);
      if (chance(0.1)) {
        await writer.query("rollback");
        continue;
      }
      await writer.commit();
      acknowledged.push(...ids);
    } catch {
      // Its connection was killed: whether it was committed, the table tells.
    } finally {
      await writer.vanish();
    }
    await upTo(20);
  }
  return acknowledged;
}

/** Simulations over HTTP, each sent again under its key until it is answered. */
async function writeByApi(name: string): Promise<string[]> {
  const runs: string[] = [];
  for (let at = 1; isWriting; at += 1) {
    const sent = { key: `${name}-${String(at)}`, headers, body: rebalanceBody({}, String(at)) };
    let answer = await app.post("/rebalance/simulate", sent);
    while (answer.status !== 200) {
      await upTo(50);
      answer = await app.post("/rebalance/simulate", sent);
    }
    runs.push(String(/"rebalance_run_id":"(\w+)"/.exec(answer.text)?.[1]));
  }
  return runs;
}

type Reader = { readonly events: CloudEvent[]; cursor: string | undefined };

/** Reads pages of one size, and keeps nothing from one to the next but its cursor. */
async function readPages(reader: Reader, query: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const after = reader.cursor === undefined ? "" : `&after=${reader.cursor}`;
    const answer = await app.get(`/events?${query}${after}`, headers);
    if (answer.status !== 200) continue; // its connection was killed
    const page = read(EventPage, answer);
    reader.events.push(...page.events);
    reader.cursor = page.next_cursor;
    await upTo(20);
  }
}

/** Follows the stream, leaves it now and then, and goes on behind the last id that came. */
async function readStream(reader: Reader, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const last: Record<string, string> =
      reader.cursor === undefined ? {} : { "last-event-id": reader.cursor };
    const stream = await openStream(base, "", { ...headers, ...last });
    await Promise.race([stream.ended, pause(500 + Math.random() * 1_500)]);
    stream.leave();
    await stream.ended;
    if (stream.status !== 200) continue;
    for (const { id, data } of stream.received) {
      reader.cursor = id;
      if (data !== undefined) reader.events.push(CloudEvent.parse(JSON.parse(data)));
    }
  }
}

/** Ends connections of writers and readers, wherever they are. */
async function killConnections(): Promise<number> {
  let killed = 0;
  while (isWriting) {
    await upTo(400);
    killed += await withSession(db.adminUrl, async (session) => {
      const { rowCount } = await session.query(
        `select pg_terminate_backend(pid)
           from pg_stat_activity
          where datname = current_database() and usename <> current_user and random() < 0.15`,
      );
      return rowCount ?? 0;
    });
  }
  return killed;
}

/** What was committed, by the tables that the events tell of. */
async function committed(): Promise<string[]> {
  return withSession(db.adminUrl, async (session) => {
    const { rows } = await session.query<{ id: string }>(
      `select policy_pack_id as id from policy_pack_version where tenant_id = $1
        union all
       select rebalance_run_id from rebalance_run where tenant_id = $1`,
      [TENANT],
    );
    return rows.map(({ id }) => id);
  });
}

test("thirty writers, three readers and killed connections: each reader sees every committed event once, in one order", async () => {
  const readers: Reader[] = Array.from({ length: 3 }, () => ({ events: [], cursor: undefined }));
  const [small, patient, streaming] = readers;
  if (small === undefined || patient === undefined || streaming === undefined) throw new Error("no readers");
  const done = new AbortController();
  const reading = Promise.all([
    readPages(small, "limit=7", done.signal),
    readPages(patient, "limit=1000&wait=1", done.signal),
    readStream(streaming, done.signal),
  ]);
  const killing = killConnections();
  const writing = Promise.all([
    ...Array.from({ length: RAW_WRITERS }, (_, number) => writeRaw(`raw-${String(number)}`)),
    ...Array.from({ length: API_WRITERS }, (_, number) => writeByApi(`api-${String(number)}`)),
  ]);
  await pause(SECONDS * 1_000);
  isWriting = false;
  const acknowledged = (await writing).flat();
  const killed = await killing;

  const told = await storedEvents(db.adminUrl);
  await vi.waitFor(() => {
    for (const { events } of readers) expect(events.length).toBeGreaterThanOrEqual(told.length);
  }, PATIENCE);
  done.abort();
  await reading;

  const subjects = told.map(({ subject }) => subject);
  expect(subjects.toSorted()).toEqual((await committed()).toSorted());
  expect(acknowledged.filter((id) => !subjects.includes(id))).toEqual([]);
  const order = told.map(({ id }) => id);
  for (const { events } of readers) expect(events.map(({ id }) => id)).toEqual(order);
  expect(killed).toBeGreaterThan(10);
  expect(order.length).toBeGreaterThan(300);
  process.stdout.write(
    ` ${String(order.length)} events of ${String(acknowledged.length)} acknowledged, ${String(killed)} connections killed\n`,
  );
});

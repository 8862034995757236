import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { EventPage } from "../../../src/features/events/schemas.ts";
import { openTestApp, read, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import {
  feedAfter,
  feedOf,
  feedPage,
  fillOutbox,
  tenantHeaders,
  writeEvents,
  type Feed,
} from "../../support/events.ts";
import { TENANT } from "../../support/operations.ts";
import { makeRun } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";

const headers = tenantHeaders();
const PACK = "ballast.policy_pack.changed";

let db: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url, { EVENTS_MAX_WAITING: "4" });
});
afterEach(() =>
  withSession(db.adminUrl, (session) =>
    session.query(`
      set session_replication_role = replica;
      delete from outbox_event; delete from outbox_purge; delete from policy_pack_version`),
  ),
);
afterAll(async () => {
  await app.close();
  await db.drop();
});

const get = (query: string, tenantId = TENANT) => app.get(`/events?${query}`, tenantHeaders(tenantId));
const subjects = ({ events }: Pick<Feed, "events">) => events.map(({ subject }) => subject);

describe("a page of events", () => {
  test("has as many as were asked for, and its cursor goes on behind them", async () => {
    await writeEvents(db.url, ["a", "b", "c"]);
    await feedOf(app, 3);
    const first = await feedPage(app, { limit: 2 });
    expect(subjects(first)).toEqual(["a", "b"]);
    expect(subjects(await feedPage(app, { limit: 2, after: first.next_cursor }))).toEqual(["c"]);
  });

  test("that is empty has a cursor from which what comes later is read, also in a feed without events", async () => {
    const empty = await feedPage(app);
    expect([empty.events, Number.isNaN(Date.parse(empty.as_of))]).toEqual([[], false]);
    await writeEvents(db.url, ["first"]);
    const { cursor } = await feedOf(app, 1, empty.next_cursor);
    expect((await feedPage(app, { after: cursor })).next_cursor).toBe(cursor);
    await writeEvents(db.url, ["second"]);
    expect(subjects(await feedOf(app, 1, cursor))).toEqual(["second"]);
  });

  test("shows a tenant's own events alone", async () => {
    await writeEvents(db.url, ["theirs"], "tenant-b");
    await writeEvents(db.url, ["ours"]);
    expect(subjects(await feedOf(app, 1))).toEqual(["ours"]);
    expect(subjects(await feedOf(app, 1, undefined, "tenant-b"))).toEqual(["theirs"]);
  });

  test("names a tenant as a URI can hold it", async () => {
    await writeEvents(db.url, ["odd"], "a/b%c");
    const { events } = await feedOf(app, 1, undefined, "a/b%c");
    expect(events[0]?.source).toBe("/ballast/a%2Fb%25c");
  });

  test("of some types leaves the others out and keeps its place among them", async () => {
    await writeEvents(db.url, ["a"]);
    const run = await makeRun(app, { headers });
    await writeEvents(db.url, ["b", "c"]);
    await feedOf(app, 4);
    const packs = await feedPage(app, { type: PACK, limit: 2 });
    expect(subjects(packs)).toEqual(["a", "b"]);
    expect(subjects(await feedPage(app, { type: PACK, after: packs.next_cursor }))).toEqual(["c"]);
    expect(subjects(await feedAfter(app, undefined, { type: `ballast.run.created,${PACK}` }))).toEqual([
      "a",
      run.id,
      "b",
      "c",
    ]);
    const none = await feedPage(app, { type: "ballast.proposal.created" });
    expect(none.events).toEqual([]);
    expect((await feedPage(app, { after: none.next_cursor })).events).toEqual([]);
  });

  test("of a rare type goes on over many others, a bounded number at a time", async () => {
    await fillOutbox(db.adminUrl, 12_000);
    const run = await makeRun(app, { headers });
    await fillOutbox(db.adminUrl, 10);
    await feedOf(app, 12_011);
    const pages: number[] = [];
    let after: string | undefined;
    let found: string[] = [];
    while (found.length === 0) {
      const page = await feedPage(app, { type: "ballast.run.created", limit: 1_000, after });
      expect(page.next_cursor).not.toBe(after);
      ({ next_cursor: after } = page);
      pages.push(page.events.length);
      found = subjects(page);
    }
    expect([pages, found]).toEqual([[0, 0, 1], [run.id]]);
    expect((await feedPage(app, { after })).events).toEqual([]);
  });

  test.each([
    ["limit=0", "VALIDATION_FAILED"],
    ["limit=1001", "VALIDATION_FAILED"],
    ["wait=31", "VALIDATION_FAILED"],
    ["wait=-1", "VALIDATION_FAILED"],
    ["type=ballast.run.deleted", "VALIDATION_FAILED"],
    ["after=nonsense", "CURSOR_INVALID"],
  ])("is refused for %s", async (query, code) => {
    expect(refusalOf(await get(query))).toBe(`422 ${code}`);
  });

  test("is refused for the cursor of another tenant", async () => {
    const { next_cursor } = await feedPage(app);
    expect(refusalOf(await get(`after=${next_cursor}`, "tenant-b"))).toBe("422 CURSOR_INVALID");
    expect((await get(`after=${next_cursor}`)).status).toBe(200);
  });
});

describe("a request that waits", () => {
  test("is answered when something comes, and holds no connection until then", async () => {
    const waiting = get("wait=30");
    await pause(500);
    expect(app.database.pool.admission.inFlight()).toBeLessThanOrEqual(1); // that of the look for all who wait
    const startedAt = performance.now();
    await writeEvents(db.url, ["came"]);
    expect(subjects(read(EventPage, await waiting))).toEqual(["came"]);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });

  test("is answered with an empty page when its time is up", async () => {
    const startedAt = performance.now();
    const page = await feedPage(app, { wait: 1 });
    expect(page.events).toEqual([]);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990);
  });

  test("for one type is not answered by events of another, and goes on behind them", async () => {
    const waiting = get(`wait=3&type=${PACK}`);
    await makeRun(app, { headers });
    await feedOf(app, 1);
    const page = read(EventPage, await waiting);
    expect(page.events).toEqual([]);
    expect((await feedPage(app, { after: page.next_cursor })).events).toEqual([]);
  });

  test("is refused where as many wait as may, of which one tenant is at most half", async () => {
    const waiting = [get("wait=2"), get("wait=2")];
    await pause(300);
    expect(refusalOf(await get("wait=2"))).toBe("503 OVERLOADED");
    waiting.push(get("wait=2", "tenant-b"), get("wait=2", "tenant-b"));
    await pause(300);
    expect(refusalOf(await get("wait=2", "tenant-c"))).toBe("503 OVERLOADED");
    expect((await get("")).status).toBe(200);
    for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200);
    expect((await get("wait=1")).status).toBe(200);
  });

  test("gives its place back when its caller hangs up", async () => {
    const own = await openTestApp(db.url, { EVENTS_MAX_WAITING: "1" });
    const base = await own.listen();
    const caller = new AbortController();
    const url = new URL("/events?wait=30", base);
    const waiting = fetch(url, { headers, signal: caller.signal }).catch(() => "gone");
    await pause(300);
    const second = () => own.get("/events?wait=1", headers);
    expect(refusalOf(await second())).toBe("503 OVERLOADED");
    caller.abort();
    expect(await waiting).toBe("gone");
    await vi.waitFor(async () => expect((await second()).status).toBe(200), { timeout: 10_000 });
    await own.close();
  });

  test("is answered with an empty page when the service stops", async () => {
    const own = await openTestApp(db.url);
    const base = await own.listen();
    const waiting = fetch(new URL("/events?wait=30", base), { headers });
    await pause(300);
    const startedAt = performance.now();
    await own.close();
    const answer = await waiting;
    expect([answer.status, EventPage.parse(await answer.json()).events]).toEqual([200, []]);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});

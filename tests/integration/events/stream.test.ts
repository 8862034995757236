import net from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { CloudEvent } from "../../../src/features/events/schemas.ts";
import { openTestApp, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import {
  feedOf,
  fillOutbox,
  openStream,
  subjectOf,
  tenantHeaders,
  writeEvents,
  type EventStream,
} from "../../support/events.ts";
import { makeRun } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";
import { bearer, newKey, startIssuer, tokenEnv } from "../../support/tokens.ts";

const PATIENCE = { timeout: 40_000, interval: 20 };

let db: TestDatabase;
let app: TestApp;
let base: string;
let transactions = 0;

beforeAll(async () => {
  db = await testDatabase();
});
beforeEach(async () => {
  app = await openTestApp(db.url, { EVENTS_MAX_STREAMS: "1" }, { onWait: () => void (transactions += 1) });
  base = await app.listen();
});
afterEach(async () => {
  await app.close();
  await withSession(db.adminUrl, (session) =>
    session.query(`
      set session_replication_role = replica;
      delete from outbox_event; delete from outbox_purge; delete from policy_pack_version`),
  );
});
afterAll(() => db.drop());

const subjects = ({ received }: EventStream) => received.map(subjectOf);
const cameIn = (stream: EventStream, expected: readonly (string | undefined)[]) =>
  vi.waitFor(() => expect(subjects(stream)).toEqual(expected), PATIENCE);

describe("a stream of events", () => {
  test("begins with what is there and goes on with what comes", async () => {
    await writeEvents(db.url, ["there"]);
    await feedOf(app, 1);
    const stream = await openStream(base);
    expect(stream.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    await cameIn(stream, ["there"]);
    await writeEvents(db.url, ["came 1", "came 2"]);
    await cameIn(stream, ["there", "came 1", "came 2"]);
    for (const { data } of stream.received) CloudEvent.parse(JSON.parse(data ?? ""));
    stream.leave();
  });

  test("goes on behind the id that a reader names, which also is a cursor of the pages", async () => {
    await writeEvents(db.url, ["a", "b", "c"]);
    await feedOf(app, 3);
    const stream = await openStream(base);
    await cameIn(stream, ["a", "b", "c"]);
    const [first, second] = stream.received;
    stream.leave();
    await vi.waitFor(async () => {
      const again = await openStream(base, `?after=${first?.id ?? ""}`, {
        ...tenantHeaders(),
        "last-event-id": second?.id ?? "",
      });
      expect(again.status).toBe(200);
      await cameIn(again, ["c"]);
      again.leave();
    }, PATIENCE);
    expect((await feedOf(app, 2, first?.id)).events.map(({ subject }) => subject)).toEqual(["b", "c"]);
  });

  test("is not begun by HEAD", async () => {
    const { status } = await fetch(new URL("/events/stream", base), { method: "HEAD" });
    expect(status).toBe(405);
    expect((await app.get("/metrics")).text).toContain('ballast_event_readers{kind="stream"} 0');
  });

  test("is refused for an id of another tenant, and for one that is none", async () => {
    const { cursor } = await feedOf(app, 0, undefined, "tenant-b");
    for (const id of [cursor, "nonsense"]) {
      const answer = await app.get("/events/stream", { ...tenantHeaders(), "last-event-id": id });
      expect(refusalOf(answer)).toBe("422 CURSOR_INVALID");
    }
  });

  test("of one type leaves the others out; its heartbeat tells how far was looked", async () => {
    const stream = await openStream(base, "?type=ballast.run.created");
    await writeEvents(db.url, ["left out"]);
    const { cursor } = await feedOf(app, 1);
    await vi.waitFor(() => expect(stream.received).toEqual([{ id: cursor, data: undefined }]), {
      ...PATIENCE,
      timeout: 25_000,
    });
    const run = await makeRun(app, { headers: tenantHeaders() });
    await cameIn(stream, [undefined, run.id]);
    stream.leave();
  });

  test("is refused where as many are open as may be, until one ends", async () => {
    const stream = await openStream(base);
    expect(refusalOf(await app.get("/events/stream", tenantHeaders()))).toBe("503 OVERLOADED");
    expect((await app.get("/metrics")).text).toContain('ballast_event_readers{kind="stream"} 1');
    stream.leave();
    await vi.waitFor(async () => {
      const next = await openStream(base);
      expect(next.status).toBe(200);
      next.leave();
    }, PATIENCE);
  });

  test("ends whole when the service stops", async () => {
    const stream = await openStream(base);
    await writeEvents(db.url, ["last"]);
    await cameIn(stream, ["last"]);
    const startedAt = performance.now();
    await app.close();
    expect(await stream.ended).toBe("whole");
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  test("ends whole when its token has expired", async () => {
    const key = await newKey("key_1");
    const issuer = await startIssuer([key]);
    const asking = await openTestApp(db.url, tokenEnv(issuer));
    const exp = Math.floor(Date.now() / 1_000) + 2;
    const stream = await openStream(await asking.listen(), "", await bearer(key, ["events:read"], { exp }));
    expect([stream.status, await stream.ended]).toEqual([200, "whole"]);
    expect(Date.now()).toBeGreaterThanOrEqual(exp * 1_000 - 5);
    await asking.close();
    await issuer.close();
  });

  test("is read no faster from the database than its reader takes it", async () => {
    await fillOutbox(db.adminUrl, 60_000);
    await vi.waitFor(async () => expect((await feedOf(app, 1)).events.length).toBe(60_000), PATIENCE);
    const { port, hostname } = new URL(base);
    const socket = net.connect(Number(port), hostname);
    socket.pause();
    transactions = 0;
    socket.write(`GET /events/stream HTTP/1.1\r\nhost: ${hostname}\r\nx-tenant-id: tenant-a\r\n\r\n`);
    await vi.waitFor(async () => {
      const before = transactions;
      await pause(1_000);
      expect([before > 0, transactions - before]).toEqual([true, 0]);
    }, PATIENCE);
    expect(transactions).toBeLessThan(60); // of 120 pages
    let characters = 0;
    socket.on("data", (bytes) => (characters += bytes.length)).resume();
    await vi.waitFor(() => expect(transactions).toBeGreaterThan(120), PATIENCE);
    expect(characters).toBeGreaterThan(10_000_000);
    socket.destroy();
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import { announceRetention, deleteEvents } from "../../../src/features/retention/repository.ts";
import { openTestApp, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import {
  feedAfter,
  feedOf,
  feedPage,
  openWriter,
  storedEvents,
  tenantHeaders,
  writeEvents,
} from "../../support/events.ts";
import { withSession } from "../../support/session.ts";

const DAY_SECONDS = 86_400;

let db: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url);
  await inTransaction(app.database, { tenantId: null }, (tx) =>
    announceRetention(tx, "EVENT", "test", 30 * DAY_SECONDS),
  );
});
afterEach(() =>
  asAdmin(`
    set session_replication_role = replica;
    delete from outbox_event; delete from outbox_purge; delete from policy_pack_version`),
);
afterAll(async () => {
  await app.close();
  await db.drop();
});

async function asAdmin(statement: string): Promise<void> {
  await withSession(db.adminUrl, (session) => session.query(statement));
}

const age = (days: number, ...subjects: readonly string[]) =>
  asAdmin(`
    set session_replication_role = replica;
    update outbox_event set occurred_at = now() - interval '${String(days)} days'
     where subject = any('{${subjects.join(",")}}')`);

const purge = (batch = 1_000) =>
  inTransaction(app.database, { tenantId: null }, (tx) => deleteEvents(tx, batch));
const left = async (tenantId?: string) =>
  (await storedEvents(db.adminUrl, tenantId)).map(({ subject }) => subject);

describe("events that are past their retention", () => {
  test("go in batches, oldest first, whoever's they are", async () => {
    await writeEvents(db.url, ["a", "b", "c", "young"]);
    await writeEvents(db.url, ["d", "e"], "tenant-b");
    await writeEvents(db.url, ["kept"], "tenant-c");
    await feedOf(app, 4);
    await feedOf(app, 2, undefined, "tenant-b");
    await age(31, "a", "b", "c", "d", "e");
    expect(await purge(2)).toBe(2);
    expect(await left()).toEqual(["c", "young"]);
    expect(await purge(2)).toBe(2);
    expect(await purge(2)).toBe(1);
    expect([await left(), await left("tenant-b"), await left("tenant-c")]).toEqual([["young"], [], ["kept"]]);
    expect(await purge(2)).toBe(0);
  });

  test("wait for younger ones that come before them, so that what is gone lies before what is left", async () => {
    await writeEvents(
      db.url,
      ["old 1", "young", "old 2"].map((name) => name.replace(" ", "_")),
    );
    await feedOf(app, 3);
    await age(31, "old_1", "old_2");
    expect(await purge()).toBe(1);
    expect(await left()).toEqual(["young", "old_2"]);
  });

  test("stay while a transaction hides them: no reader can have seen them", async () => {
    const paused = await openWriter(db.url);
    await paused.write("paused");
    await writeEvents(db.url, ["hidden"]);
    await age(31, "hidden");
    expect(await purge()).toBe(0);
    await paused.commit();
    await age(31, "paused");
    await feedOf(app, 2);
    expect(await purge()).toBe(2);
  });

  test("are not gone before that, whatever statement the role of the purge is told", async () => {
    await writeEvents(db.url, ["young"]);
    await age(29, "young");
    expect(await purge()).toBe(0);
    await withSession(db.adminUrl, async (session) => {
      await session.query("set role ballast_purger");
      expect((await session.query("delete from outbox_event")).rowCount).toBe(0);
    });
  });
});

describe("a cursor", () => {
  const refused = async (cursor: string) =>
    refusalOf(await app.get(`/events?after=${cursor}`, tenantHeaders()));
  const refusedStream = async (cursor: string) =>
    refusalOf(await app.get(`/events/stream?after=${cursor}`, tenantHeaders()));

  test("has expired once an event after it was purged, and not before", async () => {
    const { next_cursor: atStart } = await feedPage(app);
    await writeEvents(db.url, ["a", "b", "c"]);
    await feedOf(app, 3);
    const { next_cursor: behindA } = await feedPage(app, { limit: 1 });
    const { next_cursor: behindB } = await feedPage(app, { limit: 2 });
    await age(31, "a", "b");
    expect(await purge()).toBe(2);
    expect([await refused(atStart), await refused(behindA)]).toEqual([
      "410 CURSOR_EXPIRED",
      "410 CURSOR_EXPIRED",
    ]);
    expect(await refusedStream(behindA)).toBe("410 CURSOR_EXPIRED");
    const subjects = async (cursor?: string) =>
      (await feedAfter(app, cursor)).events.map(({ subject }) => subject);
    expect(await subjects(behindB)).toEqual(["c"]);
    expect(await subjects()).toEqual(["c"]);
  });

  test("of a tenant does not expire by what another's lose", async () => {
    const { next_cursor } = await feedPage(app);
    await writeEvents(db.url, ["theirs"], "tenant-b");
    await feedOf(app, 1, undefined, "tenant-b");
    await age(31, "theirs");
    expect(await purge()).toBe(1);
    expect((await feedPage(app, { after: next_cursor })).events).toEqual([]);
  });

  test("of an empty feed whose events are all gone goes on with what comes", async () => {
    await writeEvents(db.url, ["gone"]);
    await feedOf(app, 1);
    await age(31, "gone");
    await purge();
    const { next_cursor } = await feedPage(app);
    await writeEvents(db.url, ["new"]);
    expect((await feedOf(app, 1, next_cursor)).events.map(({ subject }) => subject)).toEqual(["new"]);
  });
});

describe("the service's login", () => {
  const asService = (statement: string) =>
    withSession(db.url, async (session) => {
      await session.query("set role ballast_service");
      await session.query("select set_config('app.tenant_id', 'tenant-a', false)");
      return session.query(statement);
    });

  test("changes and deletes no event, and chooses neither its place nor its time", async () => {
    await writeEvents(db.url, ["a"]);
    for (const statement of [
      "delete from outbox_event",
      "truncate outbox_event",
      "update outbox_event set type = 'ballast.run.created'",
      "delete from outbox_purge",
      "insert into outbox_purge values ('tenant-a', 1, '1', 1)",
      "update outbox_epoch set timeline = 9",
      `insert into outbox_event (tenant_id, epoch, xid, type, subject, data_text)
       values ('tenant-a', 1, '1', 'ballast.run.created', 'x', '{}')`,
      `insert into outbox_event (tenant_id, epoch, occurred_at, type, subject, data_text)
       values ('tenant-a', 1, now(), 'ballast.run.created', 'x', '{}')`,
    ]) {
      await expect(asService(statement)).rejects.toMatchObject({ code: "42501" });
    }
  });

  test("sees the events of its tenant alone", async () => {
    await writeEvents(db.url, ["theirs"], "tenant-b");
    expect((await asService("select 1 from outbox_event")).rowCount).toBe(0);
  });

  test("of the owner changes none either", async () => {
    await writeEvents(db.url, ["a"]);
    await expect(asAdmin("update outbox_event set subject = 'b'")).rejects.toMatchObject({ code: "42501" });
  });
});

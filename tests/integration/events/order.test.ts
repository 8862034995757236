import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { feedAfter, feedOf, openWriter, writeEvents, type OpenWriter } from "../../support/events.ts";
import { withSession } from "../../support/session.ts";

let db: TestDatabase;
let app: TestApp;
const writers: OpenWriter[] = [];

async function begin(url = db.url): Promise<OpenWriter> {
  const writer = await openWriter(url);
  writers.push(writer);
  return writer;
}

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url);
});
afterEach(async () => {
  await Promise.all(writers.splice(0).map((writer) => writer.vanish()));
  await asAdmin(`
    set session_replication_role = replica;
    delete from outbox_event;
    delete from policy_pack_version`);
});
afterAll(async () => {
  await app.close();
  await db.drop();
});

async function asAdmin(statements: string, url = db.adminUrl): Promise<void> {
  await withSession(url, (session) => session.query(statements));
}

const subjectsAfter = async (cursor?: string) =>
  (await feedAfter(app, cursor)).events.map(({ subject }) => subject);
const subjectsOf = async (count: number, cursor?: string) =>
  (await feedOf(app, count, cursor)).events.map(({ subject }) => subject);

describe("the order of the feed", () => {
  test("is that of the transactions' ids, whichever committed first", async () => {
    const first = await begin();
    await first.write("a");
    const second = await begin();
    await second.write("b");
    await second.commit();
    await first.write("c");
    await first.commit();
    expect(await subjectsOf(3)).toEqual(["a", "c", "b"]);
  });

  test("hides what committed behind a transaction that may still commit, also from who reads on", async () => {
    await writeEvents(db.url, ["before"]);
    const { cursor } = await feedOf(app, 1);
    const paused = await begin();
    await paused.write("paused");
    await writeEvents(db.url, ["later"]);
    const meanwhile = await feedAfter(app, cursor);
    expect(meanwhile.events).toEqual([]);
    await paused.commit();
    expect(await subjectsOf(2, meanwhile.cursor)).toEqual(["paused", "later"]);
    expect(await subjectsOf(2, cursor)).toEqual(["paused", "later"]);
  });

  test("waits for a transaction that has an id and has told of nothing yet", async () => {
    const silent = await begin();
    await silent.query("select pg_current_xact_id()");
    await writeEvents(db.url, ["later"]);
    expect(await subjectsAfter()).toEqual([]);
    await silent.write("silent");
    await silent.commit();
    expect(await subjectsOf(2)).toEqual(["silent", "later"]);
  });

  test("goes on without a transaction whose connection was lost", async () => {
    const lost = await begin();
    await lost.write("lost");
    await writeEvents(db.url, ["kept"]);
    expect(await subjectsAfter()).toEqual([]);
    await lost.vanish();
    expect(await subjectsOf(1)).toEqual(["kept"]);
  });

  test("has no place for a savepoint: what it wrote stands at the place of its transaction, or is gone", async () => {
    const writer = await begin();
    await writer.write("plain");
    await writer.query("savepoint one");
    await writer.write("undone");
    await writer.query("rollback to savepoint one");
    await writer.query("savepoint two");
    const other = await begin();
    await other.write("other");
    await writer.write("within");
    await writer.query("release savepoint two");
    await other.commit();
    await writer.commit();
    expect(await subjectsOf(3)).toEqual(["plain", "within", "other"]);
  });

  test("is late, and loses nothing, behind a transaction of another database of the server", async () => {
    const elsewhere = await testDatabase();
    const foreign = await begin(elsewhere.url);
    await foreign.write("foreign");
    await writeEvents(db.url, ["ours"]);
    expect(await subjectsAfter()).toEqual([]);
    await foreign.commit();
    expect(await subjectsOf(1)).toEqual(["ours"]);
    await elsewhere.drop();
  });
});

describe("transaction ids that begin anew", () => {
  /** As a dump of another server is: its epoch, its ids far ahead of ours. */
  const RESTORED = `
    set session_replication_role = replica;
    update outbox_epoch set system_identifier = 1;
    update outbox_event set xid = ((xid::text::bigint + 9000000000)::text)::xid8`;

  test("begin an epoch: what a dump brought along is shown, and what comes now comes after it", async () => {
    await writeEvents(db.url, ["dumped 1", "dumped 2"]);
    await asAdmin(RESTORED);
    const { events, cursor } = await feedOf(app, 2);
    expect(events.map(({ subject }) => subject)).toEqual(["dumped 1", "dumped 2"]);
    await Promise.all([writeEvents(db.url, ["new 1"]), writeEvents(db.url, ["new 2"])]);
    const after = await subjectsOf(2, cursor);
    expect(after.toSorted()).toEqual(["new 1", "new 2"]);
    expect(await subjectsOf(4)).toEqual(["dumped 1", "dumped 2", ...after]);
    const { rows } = await withSession(db.adminUrl, (session) =>
      session.query("select 1 from outbox_epoch where system_identifier <> 1"),
    );
    expect(rows).toHaveLength(1);
  });

  test("begin one only where the others can see it", async () => {
    await writeEvents(db.url, ["dumped"]);
    await asAdmin("set session_replication_role = replica; update outbox_epoch set system_identifier = 1");
    const writer = await begin();
    await writer.query("commit");
    await writer.query("begin isolation level repeatable read");
    await writer.query("select set_config('app.tenant_id', 'tenant-a', true)");
    await expect(writer.write("unseen")).rejects.toMatchObject({ code: "40001" });
    await writer.vanish();
  });
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { FEED_START } from "../../../src/features/events/core.ts";
import { readEvents } from "../../../src/features/events/repository.ts";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import type { Tx } from "../../../src/platform/database/transaction.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { fillOutbox } from "../../support/events.ts";
import { TENANT } from "../../support/operations.ts";
import { plansOf } from "../../support/plans.ts";
import { withSession } from "../../support/session.ts";

const LAST = { epoch: "9999999999999999", xid: "1", sequence: "1" };

let db: TestDatabase;
let database: Database;

beforeAll(async () => {
  db = await testDatabase();
  database = openTestDatabase(db.url);
  for (const tenant of [TENANT, "tenant-b", "tenant-c"]) await fillOutbox(db.adminUrl, 20_000, tenant);
  await withSession(db.adminUrl, (session) =>
    session.query("select announce_retention('EVENT', 'test', 86400); analyze"),
  );
});
afterAll(async () => {
  await closeDatabase(database);
  await db.drop();
});

const query = { after: FEED_START, upTo: LAST, limit: 1_000 };

test.each<[string, (tx: Tx) => Promise<unknown>]>([
  ["a page", (tx) => readEvents(tx, TENANT, { ...query, types: undefined })],
  ["a page of some types", (tx) => readEvents(tx, TENANT, { ...query, types: ["ballast.run.created"] })],
])("%s is read along the primary key, in its order", async (_title, send) => {
  const plan = await plansOf(database, TENANT, send);
  expect(plan).toMatch(/Index (Only )?Scan using outbox_event_pkey/);
  expect(plan).not.toMatch(/Seq Scan|Sort Key|Bitmap/);
});

test.each([
  ["the newest event of each tenant", "select newest_events('{tenant-a,tenant-b,tenant-x}')"],
  ["what is to be purged", "select purge_events(1000)"],
])("%s is found by index, never by a scan of the table", async (_title, statement) => {
  const scans = await withSession(db.adminUrl, async (session) => {
    await session.query("begin");
    await session.query(statement);
    const { rows } = await session.query<{ seq_scan: string; idx_scan: string; idx_tup_fetch: string }>(
      "select seq_scan, idx_scan, idx_tup_fetch from pg_stat_xact_user_tables where relname = 'outbox_event'",
    );
    await session.query("rollback");
    return rows[0];
  });
  expect(Number(scans?.seq_scan)).toBe(0);
  expect(Number(scans?.idx_scan)).toBeGreaterThan(0);
  expect(Number(scans?.idx_tup_fetch)).toBeLessThan(10);
});

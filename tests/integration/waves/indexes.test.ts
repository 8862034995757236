import { afterAll, beforeAll, expect, test } from "vitest";
import { listEvents } from "../../../src/features/waves/repository/events.ts";
import {
  cancelPending,
  countRunning,
  listItems,
  putBackFailed,
} from "../../../src/features/waves/repository/items.ts";
import { findItemWork, lockItems } from "../../../src/features/waves/repository/leases.ts";
import { findRepeatedKey } from "../../../src/features/waves/repository/portfolios.ts";
import { listTotals } from "../../../src/features/waves/repository/totals.ts";
import { findWave, listWaves } from "../../../src/features/waves/repository/waves.ts";
import { readEvidence } from "../../../src/features/support/repository/evidence.ts";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import type { Tx } from "../../../src/platform/database/transaction.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { plansOf } from "../../support/plans.ts";
import { manyWaves } from "../../support/many-waves.ts";
import { withSession } from "../../support/session.ts";

const TENANT = "default";
const WAVE = `rw_${"0".repeat(31)}7`;
const ITEMS = { tenantId: TENANT, waveId: WAVE, keys: ["pf-1", "pf-2"] };

let db: TestDatabase;
let database: Database;

beforeAll(async () => {
  db = await testDatabase();
  database = openTestDatabase(db.url);
  await withSession(db.adminUrl, (session) => session.query(manyWaves(TENANT)));
}, 120_000);
afterAll(async () => {
  await closeDatabase(database);
  await db.drop();
});

const page = { tenantId: TENANT, after: undefined, limit: 50 };

test.each<[string, (tx: Tx) => Promise<unknown>]>([
  ["a wave", (tx) => findWave(tx, TENANT, WAVE)],
  ["the waves", (tx) => listWaves(tx, {}, page)],
  ["the waves in a state", (tx) => listWaves(tx, { state: "RUNNING" }, page)],
  ["the waves of a maker", (tx) => listWaves(tx, { created_by: "maker 7" }, page)],
  ["the waves of a time", (tx) => listWaves(tx, { from: "2026-01-01T00:00:00Z" }, page)],
  ["the items of a wave", (tx) => listItems(tx, WAVE, {}, { ...page, after: "pf-2" })],
  ["the items with a status", (tx) => listItems(tx, WAVE, { status: "FAILED" }, page)],
  ["the items with a run status", (tx) => listItems(tx, WAVE, { run_status: "BLOCKED" }, page)],
  ["one item", (tx) => listItems(tx, WAVE, { item_key: "pf-2" }, page)],
  ["what is under way", (tx) => countRunning(tx, TENANT, WAVE)],
  ["what items are calculated from", (tx) => findItemWork(tx, ITEMS)],
  ["the lock of items", (tx) => lockItems(tx, ITEMS)],
  ["the cancellation of items", (tx) => cancelPending(tx, TENANT, WAVE, 1_000, "2026-01-01T00:00:00Z")],
  ["the retry of items", (tx) => putBackFailed(tx, TENANT, WAVE)],
  ["keys that are there already", (tx) => findRepeatedKey(tx, TENANT, WAVE, `rwu_${"0".repeat(31)}7`, 0)],
  ["the history", (tx) => listEvents(tx, TENANT, WAVE, 0, 50)],
  ["the sums", (tx) => listTotals(tx, TENANT, WAVE, 50)],
  ["the item of a run", (tx) => readEvidence(tx, TENANT, "rr_7_1")],
])("%s: found by an index", async (_, send) => {
  const plan = await plansOf(database, TENANT, send);
  expect(plan).not.toMatch(/Seq Scan on (wave|wave_item|wave_event|wave_portfolio|wave_total)\b/);
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { announceRetention, deleteUploads, deleteWaves } from "../../../src/features/retention/repository.ts";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import { openTestApp, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { withSession } from "../../support/session.ts";
import { act, createWave, portfolios } from "../../support/waves.ts";

let test: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  test = await testDatabase();
  app = await openTestApp(test.url);
});
afterAll(async () => {
  await app.close();
  await test.drop();
});

/** Lets days pass for everything that is stored of waves. */
async function age(days: number): Promise<void> {
  await withSession(test.adminUrl, async (session) => {
    await session.query("set session_replication_role = replica");
    const interval = `${days} days`;
    await session.query("update wave set settled_at = settled_at - $1::interval", [interval]);
    await session.query("update wave_portfolio set sent_at = sent_at - $1::interval", [interval]);
  });
}

async function counts() {
  const { rows } = await withSession(test.adminUrl, (session) =>
    session.query<Record<string, number>>(
      `select (select count(*) from wave)::int as waves, (select count(*) from wave_item)::int as items,
              (select count(*) from wave_event)::int as events, (select count(*) from wave_portfolio)::int as portfolios,
              (select count(*) from idempotency_record where wave_id is not null)::int as keys`,
    ),
  );
  return rows[0];
}

const purge = (limit: number) =>
  inTransaction(app.database, { tenantId: null }, (tx) => deleteWaves(tx, limit));

describe("waves that are over for longer than runs are stored", () => {
  it("go with all that belongs to them, in portions, and nobody reads one by half; others stay", async () => {
    const old = await createWave(app, portfolios(25));
    await act(app, old, "cancel");
    const open = await createWave(app, portfolios(3));
    expect(await purge(10)).toBe(0);
    await inTransaction(app.database, { tenantId: null }, (tx) =>
      announceRetention(tx, "RUN", "test", 86_400),
    );
    expect(await purge(10)).toBe(0);
    await age(2);
    expect(await purge(10)).toBe(10);
    expect((await app.get(`/rebalance/waves/${old.wave_id}`)).status).toBe(404);
    expect(await counts()).toMatchObject({ waves: 2, items: 18 });
    expect(await purge(10)).toBe(10);
    expect(await purge(10)).toBe(6);
    expect(await counts()).toEqual({ waves: 1, items: 3, events: 1, portfolios: 3, keys: 1 });
    expect((await app.get(`/rebalance/waves/${open.wave_id}`)).status).toBe(200);
  });

  it("leave portfolios alone that are an item's, or were sent within a day; what became no item goes", async () => {
    const twice = { wave_name: "w", created_by: "a", shared: {}, portfolios: portfolios(3) };
    await app.post("/rebalance/waves", { key: "refused", body: twice });
    const before = await counts();
    const uploads = () => inTransaction(app.database, { tenantId: null }, (tx) => deleteUploads(tx, 10));
    expect(await uploads()).toBe(0);
    await age(2);
    expect(await uploads()).toBe(3);
    expect(await counts()).toEqual({ ...before, portfolios: (before?.["portfolios"] ?? 0) - 3 });
  });
});

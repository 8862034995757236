import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { claimItems, lockItems } from "../../../src/features/waves/repository/leases.ts";
import { listCancelledWaves } from "../../../src/features/waves/repository/waves.ts";
import { WaveVerificationResponse } from "../../../src/features/waves/schemas.ts";
import { databaseFault } from "../../../src/platform/database/errors.ts";
import { inTransaction, type Tx } from "../../../src/platform/database/transaction.ts";
import { openTestApp, read, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { withSession } from "../../support/session.ts";
import { act, createWave, portfolios, type Wave } from "../../support/waves.ts";

const TENANT = "default";

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

/** What the database has against a statement of the service: the constraint that it breaks, or the kind of the fault. */
async function refusal(statement: (tx: Tx) => Promise<unknown>): Promise<string | undefined> {
  try {
    await inTransaction(app.database, { tenantId: TENANT }, statement);
    return undefined;
  } catch (error) {
    const fault = databaseFault(error);
    if (fault === undefined) throw error;
    return "constraint" in fault ? fault.constraint : fault.kind;
  }
}

async function asAdmin(statement: string, values: readonly unknown[] = []): Promise<void> {
  await withSession(test.adminUrl, (session) => session.query(statement, [...values]));
}

/** What whoever owns the tables can do, if they mean to: past every trigger. */
async function tamper(statement: string, wave: Wave): Promise<void> {
  await withSession(test.adminUrl, async (session) => {
    await session.query("set session_replication_role = replica");
    await session.query(statement, [wave.wave_id]);
  });
}

async function started(count = 3): Promise<Wave> {
  const wave = await createWave(app, portfolios(count));
  return act(app, wave, "start");
}

const claim = (limit: number) =>
  inTransaction(app.database, { tenantId: null }, (tx) =>
    claimItems(tx, { owner: "w", leaseMs: 60_000 }, limit, new Date().toISOString()),
  );

describe("the tables of waves", () => {
  it("keep what was sent and what happened: not even the service may change or delete it", async () => {
    const { wave_id } = await started();
    for (const statement of [
      (tx: Tx) => tx`update wave set wave_name = 'x' where wave_id = ${wave_id}`,
      (tx: Tx) => tx`update wave set shared_text = '{}' where wave_id = ${wave_id}`,
      (tx: Tx) => tx`update wave_item set item_key = 'x' where wave_id = ${wave_id}`,
      (tx: Tx) => tx`update wave_item set lost_attempts = 0 where wave_id = ${wave_id}`,
      (tx: Tx) => tx`update wave_portfolio set portfolio_text = '{}'`,
      (tx: Tx) => tx`update wave_event set reason = 'x' where wave_id = ${wave_id}`,
      (tx: Tx) => tx`delete from wave_event where wave_id = ${wave_id}`,
      (tx: Tx) => tx`delete from wave_item where wave_id = ${wave_id}`,
      (tx: Tx) => tx`delete from wave where wave_id = ${wave_id}`,
      (tx: Tx) => tx`delete from wave_total where wave_id = ${wave_id}`,
      (tx: Tx) => tx`delete from wave_portfolio`,
    ]) {
      expect(await refusal(statement)).toBe("not_permitted");
    }
    for (const table of ["wave", "wave_portfolio", "wave_event", "wave_item", "wave_total"]) {
      await expect(asAdmin(`delete from ${table}`)).rejects.toThrow(/append-only|foreign key/);
    }
    await act(app, { wave_id }, "cancel");
  });

  it("start no item of a wave that does not run, whoever writes", async () => {
    const wave = await createWave(app, portfolios(1));
    const start = (tx: Tx) => tx`
      update wave_item set status = 'RUNNING', attempt = 1, lease_owner = 'w', claimable_at = now(), started_at = now()
       where wave_id = ${wave.wave_id}`;
    expect(await refusal(start)).toBe("wave_item_transition");
    await act(app, wave, "start");
    await act(app, wave, "pause");
    expect(await refusal(start)).toBe("wave_item_transition");
    await act(app, wave, "cancel");
  });

  it("let nobody take an item over whose lease has not run out, or undo the end of one", async () => {
    const wave = await started(1);
    const [item] = await claim(1);
    const over = (tx: Tx) => tx`
      update wave_item set attempt = attempt + 1, lease_owner = 'other' where wave_id = ${wave.wave_id}`;
    expect(await refusal(over)).toBe("wave_item_transition");
    const succeed = (tx: Tx) => tx`
      update wave_item set status = 'SUCCEEDED', claimable_at = null, finished_at = now() where wave_id = ${wave.wave_id}`;
    expect(await refusal(succeed)).toBe("wave_item_state");
    const cancel = (tx: Tx) => tx`
      update wave_item set status = 'CANCELLED', claimable_at = null, lease_owner = null, started_at = null,
             finished_at = now() where wave_id = ${wave.wave_id}`;
    expect(await refusal(cancel)).toBe("wave_item_transition");
    const { item_key } = item ?? { item_key: "" };
    const keys = [item_key];
    const [row] = await inTransaction(app.database, { tenantId: TENANT }, (tx) =>
      lockItems(tx, { tenantId: TENANT, waveId: wave.wave_id, keys }),
    );
    expect(row).toMatchObject({ status: "RUNNING", attempt: 1, lease_owner: "w" });
    await act(app, wave, "cancel");
  });

  it("hold the state of a wave to its newest event, and events to a legal order", async () => {
    const { wave_id } = await createWave(app, portfolios(1));
    expect(await refusal((tx) => tx`update wave set state = 'RUNNING' where wave_id = ${wave_id}`)).toBe(
      "wave_stands_where_event_left",
    );
    const insert = (type: string, to: string) => (tx: Tx) => tx`
      insert into wave_event (tenant_id, wave_id, event_no, event_id, event_type, from_state, to_state, actor_id, occurred_at,
                              correlation_id, counts_text, items_hash, hash_version, previous_hash, event_hash)
      select ${TENANT}, ${wave_id}, 2, 'rwe_' || repeat('0', 32), ${type}, 'DRAFT', ${to}, null, now(), 'c', '{}',
             case when ${type} = 'COMPLETED' then 'sha256:' || repeat('0', 64) end, 1, last_event_hash, 'sha256:' || repeat('0', 64) from wave where wave_id = ${wave_id}`;
    expect(await refusal(insert("PAUSED", "PAUSED"))).toBe("wave_event_legal");
    expect(await refusal(insert("STARTED", "COMPLETED"))).toBe("wave_event_legal");
    expect(await refusal(insert("COMPLETED", "COMPLETED"))).toBe("wave_event_legal");
  });

  it("show and take nothing of another tenant", async () => {
    const { wave_id } = await createWave(app, portfolios(1));
    const count = await inTransaction(app.database, { tenantId: "other" }, async (tx) => {
      const rows = await Promise.all([
        tx`select 1 from wave where wave_id = ${wave_id}`,
        tx`select 1 from wave_item where wave_id = ${wave_id}`,
        tx`select 1 from wave_event where wave_id = ${wave_id}`,
        tx`select 1 from wave_portfolio`,
      ]);
      return rows.flat().length;
    });
    expect(count).toBe(0);
    expect((await app.get(`/rebalance/waves/${wave_id}`, { "x-tenant-id": "other" })).status).toBe(404);
  });
});

describe("a claim", () => {
  it("takes what is due of waves that run, in the order in which it was added, and no item twice", async () => {
    const wave = await started(5);
    const [first, second] = await Promise.all([claim(3), claim(3)]);
    const keys = [...first, ...second].map(({ item_key }) => item_key);
    expect(keys.toSorted()).toEqual(["pf-00001", "pf-00002", "pf-00003", "pf-00004", "pf-00005"]);
    expect(await claim(3)).toEqual([]);
    await act(app, wave, "cancel");
  });

  it("finds cancelled waves of which something is left, of whichever tenant", async () => {
    const wave = await createWave(app, portfolios(1_001), { headers: { "x-tenant-id": "elsewhere" } });
    await app.post(`/rebalance/waves/${wave.wave_id}/cancel`, {
      key: "cancel",
      body: {},
      headers: { "x-tenant-id": "elsewhere" },
    });
    const found = await inTransaction(app.database, { tenantId: null, readOnly: true }, (tx) =>
      listCancelledWaves(tx, 1_000),
    );
    expect(found).toContainEqual({ tenant_id: "elsewhere", wave_id: wave.wave_id });
  });
});

describe("verify of a wave", () => {
  it.each([
    ["a fact of it", "update wave set wave_name = 'other' where wave_id = $1", "wave"],
    [
      "what its items share",
      `update wave set shared_text = replace(shared_text, '"10"', '"11"') where wave_id = $1`,
      "wave",
    ],
    [
      "a portfolio",
      "update wave_portfolio p set portfolio_text = replace(portfolio_text, '1000', '9') from wave_item i where i.wave_id = $1 and p.upload_id = i.upload_id and p.line_no = 1",
      "portfolio",
    ],
    ["an event", "update wave_event set reason = 'other' where wave_id = $1 and event_no = 2", "event"],
    [
      "the order of events",
      "update wave_event set event_no = event_no + 10 where wave_id = $1 and event_no >= 2",
      "event",
    ],
    [
      "its state",
      "update wave set failed_count = failed_count + 1, cancelled_count = cancelled_count - 1 where wave_id = $1",
      "wave",
    ],
    ["an item", "update wave_item set item_key = 'zz' where wave_id = $1 and position = 2", "items"],
  ])("names %s that was altered", async (_, statement, kind) => {
    const wave = await createWave(app, portfolios(3));
    await act(app, wave, "cancel");
    const url = `/rebalance/waves/${wave.wave_id}/verify`;
    expect(read(WaveVerificationResponse, await app.get(url))).toMatchObject({ valid: true, failures: [] });
    await tamper(statement, wave);
    const { valid, failures } = read(WaveVerificationResponse, await app.get(url));
    expect(valid).toBe(false);
    expect(failures.map((failure) => failure.kind)).toContain(kind);
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type pg from "pg";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import { CREATE_EXAMPLE } from "../../../src/features/proposals/examples.ts";
import { startRetention, type Overruled } from "../../../src/features/retention/purge-expired.ts";
import {
  announceRetention,
  deleteRuns,
  type RetentionKind,
} from "../../../src/features/retention/repository.ts";
import { newId } from "../../../src/platform/ids.ts";
import { openTestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { acceptOperation, gate, TENANT } from "../../support/operations.ts";
import { newKey } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";
import { storeRun } from "../../support/stored-run.ts";

const DAY_SECONDS = 86_400;

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await testDatabase();
  database = openTestDatabase(test.url);
});
beforeEach(() => asAdmin("delete from retention_setting"));
afterEach(() =>
  asAdmin(`
    set session_replication_role = replica;
    delete from lineage_edge; delete from idempotency_history; delete from idempotency_record;
    delete from async_operation; delete from run_payload; delete from rebalance_run`),
);
afterAll(async () => {
  await closeDatabase(database);
  await test.drop();
});

async function asAdmin(statements: string): Promise<void> {
  await withSession(test.adminUrl, (session) => session.query(statements));
}

async function count(from: string): Promise<number> {
  const { rows } = await withSession(test.adminUrl, (session) =>
    session.query<{ count: number }>(`select count(*)::int as count from ${from}`),
  );
  return rows[0]?.count ?? Number.NaN;
}

const ago = (days: number) => new Date(Date.now() - days * DAY_SECONDS * 1_000).toISOString();
const oldRun = (days: number) => storeRun(database, { key: null, status: "READY", createdAt: ago(days) });

const announce = (kind: RetentionKind, owner: string, seconds: number | null) =>
  inTransaction(database, { tenantId: null }, (tx) => announceRetention(tx, kind, owner, seconds));
const purgeRuns = () => inTransaction(database, { tenantId: null }, (tx) => deleteRuns(tx, 100));

/** Tables of the service, each of which holds something. */
async function tables(session: pg.Client): Promise<string[]> {
  const { rows } = await session.query<{ name: string }>(
    "select relname as name from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace",
  );
  return rows.map(({ name }) => name);
}

describe("the login of the service", () => {
  it("can take no role that deletes, or that sees another tenant", async () => {
    await oldRun(0);
    await withSession(test.url, async (session) => {
      const { rows } = await session.query<{ name: string }>(
        "select quote_ident(rolname) as name from pg_roles",
      );
      const taken: string[] = [];
      for (const { name } of rows) {
        const isTaken = await session.query(`set role ${name}`).then(
          () => true,
          () => false,
        );
        if (!isTaken) continue;
        taken.push(name);
        const seen = session.query("select 1 from rebalance_run").catch(() => ({ rowCount: 0 }));
        expect([name, (await seen).rowCount]).toEqual([name, 0]);
        await session.query(`select set_config('app.tenant_id', '${TENANT}', false)`);
        for (const table of await tables(session)) {
          await expect(session.query(`delete from ${table}`)).rejects.toMatchObject({ code: "42501" });
          await expect(session.query(`truncate ${table} cascade`)).rejects.toMatchObject({ code: "42501" });
        }
        await session.query("select set_config('app.tenant_id', '', false)");
        await session.query("reset role");
      }
      expect(taken).toContain("ballast_service");
    });
  });

  it("may change no recorded retention by a statement of its own", async () => {
    for (const statement of [
      "insert into retention_setting values ('RUN', 'x', 86400, now(), now())",
      "update retention_setting set retention_seconds = 86400",
      "delete from retention_setting",
    ]) {
      const changing = withSession(test.url, async (session) => {
        await session.query("set role ballast_service");
        await session.query(statement);
      });
      await expect(changing).rejects.toMatchObject({ code: "42501" });
    }
  });
});

describe("the database", () => {
  it("lets nothing go that is not past its retention, also where it is told to delete everything", async () => {
    const app = await openTestApp(test.url, { DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" });
    await app.post("/rebalance/proposals/simulate", { key: newKey("guard"), body: CREATE_EXAMPLE });
    await app.close();
    await storeRun(database, { key: "key-young", status: "READY", createdAt: ago(29) });
    await acceptOperation(database, { idempotency_key: "key-owed", created_at: ago(40) });
    await storeKey("rebalance.analyze.async", "key-owed", 40);
    await storeKey("rebalance.analyze", "key-young", 29);
    await announce("RUN", "a", 30 * DAY_SECONDS);
    await announce("OPERATION", "a", 1);
    const evidence = [
      "lineage_edge",
      "idempotency_history",
      "idempotency_record",
      "run_payload",
      "rebalance_run",
    ];
    await withSession(test.adminUrl, async (session) => {
      // As the role of the purge, which only a superuser can take; within the tenant and without one.
      await session.query("set role ballast_purger");
      for (const tenantId of [TENANT, "default", ""]) {
        await session.query("select set_config('app.tenant_id', $1, false)", [tenantId]);
        for (const table of [...evidence, "run_decision", "async_operation"]) {
          expect([table, (await session.query(`delete from ${table}`)).rowCount]).toEqual([table, 0]);
        }
      }
    });
    for (const table of evidence) expect([table, await count(table)]).not.toEqual([table, 0]);
  });

  it("lets the tables' owner delete no evidence, and nobody an operation that is owed", async () => {
    await oldRun(400);
    await announce("RUN", "a", DAY_SECONDS);
    await expect(asAdmin("delete from rebalance_run")).rejects.toMatchObject({ code: "42501" });
    await acceptOperation(database, { created_at: ago(400) });
    await expect(asAdmin("delete from async_operation")).rejects.toMatchObject({
      constraint: "async_operation_owed",
    });
  });
});

async function storeKey(scope: string, key: string, days: number): Promise<void> {
  await withSession(test.adminUrl, (session) =>
    session.query(
      `insert into idempotency_record
         (tenant_id, scope, idempotency_key, payload_hash, response_status, response_body, created_at)
       values ($1, $2, $3, 'sha256:' || repeat('0', 64), 202, '{}', $4)`,
      [TENANT, scope, key, ago(days)],
    ),
  );
}

describe("the retention that rules", () => {
  it("is recorded with who set it and when; where none is, nothing is purged", async () => {
    await oldRun(4_000);
    expect(await purgeRuns()).toBe(0);
    await announce("RUN", "process-a", DAY_SECONDS);
    const { rows } = await withSession(test.adminUrl, (session) =>
      session.query(
        "select kind, set_by, retention_seconds::int, set_at = seen_at as is_new from retention_setting",
      ),
    );
    expect(rows).toEqual([
      { kind: "RUN", set_by: "process-a", retention_seconds: DAY_SECONDS, is_new: true },
    ]);
    expect(await purgeRuns()).toBe(1);
  });

  it("is the longest of all processes, for ever above all", async () => {
    await oldRun(40);
    await announce("RUN", "short", 30 * DAY_SECONDS);
    expect(await announce("RUN", "long", 50 * DAY_SECONDS)).toMatchObject({ set_by: "long" });
    expect(await purgeRuns()).toBe(0);
    await announce("RUN", "for ever", null);
    expect(await announce("RUN", "short", 30 * DAY_SECONDS)).toMatchObject({
      set_by: "for ever",
      retention_seconds: null,
    });
    await oldRun(500);
    expect(await purgeRuns()).toBe(0);
  });

  it("is not shortened by whoever set it, and what has not been heard for a day is forgotten", async () => {
    await oldRun(40);
    await announce("RUN", "process-a", 50 * DAY_SECONDS);
    await announce("RUN", "process-a", 30 * DAY_SECONDS);
    expect(await purgeRuns()).toBe(0);
    await asAdmin("update retention_setting set seen_at = seen_at - interval '23 hours 59 minutes'");
    await announce("RUN", "process-b", 30 * DAY_SECONDS);
    expect(await purgeRuns()).toBe(0);
    await asAdmin(
      "update retention_setting set seen_at = seen_at - interval '1 minute' where set_by = 'process-a'",
    );
    expect(await purgeRuns()).toBe(1);
  });

  it("counts a longer one that is being recorded while a purge begins", async () => {
    await oldRun(40);
    await announce("RUN", "short", 30 * DAY_SECONDS);
    const recorded = gate();
    const end = gate();
    const recording = inTransaction(database, { tenantId: null }, async (tx) => {
      await announceRetention(tx, "RUN", "for ever", null);
      recorded.open();
      await end.promise;
    });
    await recorded.promise;
    const purging = purgeRuns();
    await vi.waitFor(
      async () =>
        expect(
          await count(
            "pg_locks where not granted and database = (select oid from pg_database where datname = current_database())",
          ),
        ).toBe(1),
      { timeout: 20_000 },
    );
    end.open();
    await recording;
    expect(await purging).toBe(0);
  });

  it("is a day for runs at least", async () => {
    await expect(announce("RUN", "process-a", DAY_SECONDS - 1)).rejects.toMatchObject({
      fault: { constraint: "retention_setting_bounds" },
    });
  });

  it("is told once to a process whose own is shorter", async () => {
    await announce("RUN", "long", 50 * DAY_SECONDS);
    const told: Overruled[] = [];
    const shorter = startRetention({
      database,
      owner: "short",
      newId,
      periods: { operationsTtlSeconds: 60, runDays: 30, eventDays: 0 },
      batchSize: 10,
      intervalMs: 1,
      onPurged: () => undefined,
      onOverruled: (overruled) => told.push(overruled),
      onError: (error) => expect.fail(String(error)),
    });
    const passes = () =>
      count("retention_setting where set_by = 'short' and seen_at > set_at + interval '300 ms'");
    await vi.waitFor(async () => expect(await passes()).toBe(3), { timeout: 20_000 });
    await shorter.stop();
    expect(told).toMatchObject([
      {
        kind: "RUN",
        retentionSeconds: 30 * DAY_SECONDS,
        ruling: { set_by: "long", retention_seconds: 50 * DAY_SECONDS },
      },
    ]);
  });
});

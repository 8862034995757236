import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { attempt } from "../../../src/features/operations/attempt-operation.ts";
import { claimDue } from "../../../src/features/operations/repository/leases.ts";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { migrate } from "../../../src/platform/database/migrate.ts";
import { readMigrations } from "../../../src/platform/database/migrations.ts";
import { inTransaction, type Tx } from "../../../src/platform/database/transaction.ts";
import { purge } from "../../../src/features/retention/purge-expired.ts";
import { DpmRunListResponse } from "../../../src/features/runs/schemas.ts";
import { readCounts, readExtent } from "../../../src/features/support/repository/counts.ts";
import { rollUpCounts } from "../../../src/features/support/roll-up-counts.ts";
import { DpmSupportabilitySummaryResponse } from "../../../src/features/support/schemas.ts";
import { newId } from "../../../src/platform/ids.ts";
import { openTestApp, read, refusalOf } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { acceptOperation, attemptDeps, succeeded, TENANT } from "../../support/operations.ts";
import { act, makeRun } from "../../support/runs.ts";
import { withMigrationFiles } from "../../support/migration-files.ts";
import { urlOf, withSession } from "../../support/session.ts";
import { storeRun } from "../../support/stored-run.ts";

const LONG_AGO = "2001-01-01T00:00:00.000Z";

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await testDatabase();
  database = openTestDatabase(test.url);
});
beforeEach(async () => {
  await withSession(test.adminUrl, (session) =>
    session.query(`
      set session_replication_role = replica;
      delete from async_operation; delete from lineage_edge; delete from idempotency_history;
      delete from idempotency_record; delete from run_decision; delete from run_payload; delete from rebalance_run;
      delete from supportability_count; delete from supportability_change`),
  );
});
afterAll(async () => {
  await closeDatabase(database);
  await test.drop();
});

/** What a scan of everything finds, in the form of `readCounts`. */
function scan(tx: Tx, tenantId: string) {
  return tx<{ subject: string; label: string; count: number }>`
    select subject, label, count(*)::float8 as count
      from (select 'RUN' as subject, status as label from rebalance_run where tenant_id = ${tenantId}
            union all
            select 'OPERATION', status from async_operation
             where tenant_id = ${tenantId} and operation_type = 'ANALYZE_SCENARIOS'
            union all
            select 'DECISION_ACTION', action from run_decision where tenant_id = ${tenantId}
            union all
            select 'DECISION_REASON', reason_code from run_decision where tenant_id = ${tenantId}
            union all
            select 'EDGE', edge_type from lineage_edge where tenant_id = ${tenantId}) as everything
     group by subject, label
     order by subject, label`;
}

/** Counts and scan of one snapshot. */
async function countAndScan(tenantId = TENANT) {
  return inTransaction(database, { tenantId, readOnly: true }, async (tx) => {
    const [counted, scanned] = await Promise.all([readCounts(tx, tenantId), scan(tx, tenantId)]);
    return { counted: [...counted], scanned: [...scanned] };
  });
}

async function expectExact(tenantId = TENANT) {
  const { counted, scanned } = await countAndScan(tenantId);
  expect(counted).toEqual(scanned);
  return counted;
}

async function pendingChanges(): Promise<number> {
  const { rows } = await withSession(test.adminUrl, (session) =>
    session.query<{ count: number }>("select count(*)::int as count from supportability_change"),
  );
  return rows[0]?.count ?? Number.NaN;
}

const purgeOld = () =>
  purge({
    database,
    owner: "process-a",
    newId,
    periods: { operationsTtlSeconds: 3_600, runDays: 30, eventDays: 0 },
    batchSize: 7,
    onPurged: () => undefined,
    onOverruled: () => undefined,
  });

/** Does one operation that is due, as a worker does. */
async function work(): Promise<void> {
  const deps = attemptDeps(database, () => Promise.resolve({ write: () => Promise.resolve(succeeded) }));
  const [claimed] = await inTransaction(database, { tenantId: null }, (tx) =>
    claimDue(tx, deps.terms, 1, new Date().toISOString()),
  );
  if (claimed === undefined) throw new Error("nothing is due");
  expect(await attempt(deps, claimed)).toBe("succeeded");
}

describe("the counts", () => {
  it("are exact after every step of runs and operations, rolled up or not", async () => {
    expect(await expectExact()).toEqual([]);
    await storeRun(database, { key: "key-1", status: "READY" });
    await storeRun(database, { key: null, status: "BLOCKED" });
    const afterRuns = await expectExact();
    expect(afterRuns).toContainEqual({ subject: "RUN", label: "READY", count: 1 });
    expect(afterRuns).toContainEqual({ subject: "EDGE", label: "CORRELATION_TO_RUN", count: 2 });
    await acceptOperation(database);
    await rollUpCounts({ database, batchSize: 2 });
    expect(await pendingChanges()).toBe(0);
    expect(await expectExact()).toContainEqual({ subject: "OPERATION", label: "PENDING", count: 1 });
    await work();
    expect(await expectExact()).toContainEqual({ subject: "OPERATION", label: "SUCCEEDED", count: 1 });
    await rollUpCounts({ database, batchSize: 100 });
    expect(await expectExact()).not.toContainEqual(expect.objectContaining({ label: "PENDING" }));
  });

  it("are exact after a purge, and what is left of a tenant without anything is nothing", async () => {
    for (let number = 0; number < 20; number += 1) {
      await storeRun(database, { key: `old-${String(number)}`, status: "READY", createdAt: LONG_AGO });
    }
    await storeRun(database, { key: "old", status: "READY", createdAt: LONG_AGO, tenantId: "tenant-b" });
    await storeRun(database, { key: "young", status: "READY", createdAt: new Date().toISOString() });
    await rollUpCounts({ database, batchSize: 100 });
    await purgeOld();
    expect(await expectExact()).toContainEqual({ subject: "RUN", label: "READY", count: 1 });
    expect(await expectExact("tenant-b")).toEqual([]);
    await rollUpCounts({ database, batchSize: 100 });
    await expectExact();
    expect(await expectExact("tenant-b")).toEqual([]);
  });

  it("leave out operations of proposals", async () => {
    await acceptOperation(database, {
      operation_id: `pop_${"1".repeat(32)}`,
      operation_type: "CREATE_PROPOSAL",
      created_by: "advisor",
    });
    await work();
    expect(await expectExact()).toEqual([{ subject: "EDGE", label: "OPERATION_TO_CORRELATION", count: 1 }]);
  });

  it("are exact in every snapshot while writers, the purge and two processes that roll up are at work", async () => {
    for (let number = 0; number < 30; number += 1)
      await storeRun(database, { key: null, status: "READY", createdAt: LONG_AGO });
    let isWriting = true;
    const writers = Promise.all(
      Array.from({ length: 4 }, async (_, writer) => {
        for (let number = 0; number < 25; number += 1) {
          const key = `${String(writer)}-${String(number)}`;
          await storeRun(database, { key, status: number % 2 === 0 ? "READY" : "PENDING_REVIEW" });
        }
      }),
    ).finally(() => (isWriting = false));
    const whileWriting = async (step: () => Promise<unknown>) => {
      while (isWriting) await step();
    };
    await Promise.all([
      writers,
      purgeOld(),
      whileWriting(() => rollUpCounts({ database, batchSize: 5 })),
      whileWriting(() => rollUpCounts({ database, batchSize: 5 })),
      whileWriting(() => expectExact()),
    ]);
    await rollUpCounts({ database, batchSize: 100 });
    expect(await pendingChanges()).toBe(0);
    expect(await expectExact()).toContainEqual({ subject: "RUN", label: "PENDING_REVIEW", count: 48 });
  });

  it("go with the transaction that they are about", async () => {
    const rolledBack = inTransaction(database, { tenantId: TENANT }, async (tx) => {
      await tx`
        insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
        values (${TENANT}, 'a', 'CORRELATION_TO_RUN', 'b', now(), '{}')`;
      throw new Error("no");
    });
    await expect(rolledBack).rejects.toThrow("no");
    expect(await expectExact()).toEqual([]);
  });

  it("are no business of requests to change, nor of another tenant to see", async () => {
    await storeRun(database, { key: null, status: "READY" });
    const seen = await inTransaction(database, { tenantId: "tenant-b", readOnly: true }, (tx) =>
      readCounts(tx, TENANT),
    );
    expect([...seen]).toEqual([]);
    for (const change of [
      (tx: Tx) => tx`delete from supportability_change`,
      (tx: Tx) => tx`update supportability_count set count = 0`,
      (tx: Tx) => tx`insert into supportability_count values (${TENANT}, 'RUN', 'READY', 1)`,
    ]) {
      await expect(inTransaction(database, { tenantId: TENANT }, change)).rejects.toMatchObject({
        fault: { kind: "not_permitted" },
      });
    }
  });
});

describe("a lease that is renewed", () => {
  it("leaves nothing to count", async () => {
    const operationId = await acceptOperation(database, { due: "by_hand" });
    const before = await pendingChanges();
    await inTransaction(
      database,
      { tenantId: TENANT },
      (tx) => tx`
        update async_operation set claimable_at = now() where operation_id = ${operationId}`,
    );
    expect(await pendingChanges()).toBe(before);
  });
});

describe("a database that was filled before it counted", () => {
  it("counts all of it from the migration on", async () => {
    const name = `${new URL(test.adminUrl).pathname.slice(1)}_before`;
    const url = urlOf(test.adminUrl, { database: name });
    try {
      await withSession(test.adminUrl, (session) => session.query(`create database ${name}`));
      await withMigrationFiles(
        readMigrations().filter(({ name: step }) => step < "0008"),
        async (folder) => {
          await migrate({ url, folder });
        },
      );
      await withSession(url, (session) =>
        session.query(`
          insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
          select 'tenant-' || n % 2, 'c' || n, 'CORRELATION_TO_RUN', 'r' || n, now(), '{}'
            from generate_series(1, 10) n`),
      );
      await migrate({ url });
      const { rows } = await withSession(url, (session) =>
        session.query("select tenant_id, subject, label, count::int from supportability_count order by 1"),
      );
      expect(rows).toEqual([
        { tenant_id: "tenant-0", subject: "EDGE", label: "CORRELATION_TO_RUN", count: 5 },
        { tenant_id: "tenant-1", subject: "EDGE", label: "CORRELATION_TO_RUN", count: 5 },
      ]);
    } finally {
      await withSession(test.adminUrl, (session) => session.query(`drop database if exists ${name}`));
    }
  });
});

describe("GET /rebalance/supportability/summary", () => {
  const PATH = "/rebalance/supportability/summary";

  it("shows counts, kinds and the extent of one tenant", async () => {
    const app = await openTestApp(test.url, { DPM_SUPPORTABILITY_RETENTION_DAYS: "90" });
    try {
      const first = await makeRun(app);
      await makeRun(app, { options: {} });
      expect((await act(app, first.id, "APPROVE")).status).toBe(200);
      await acceptOperation(database, { created_at: LONG_AGO, tenantId: "default", due: "by_hand" });
      const summary = await app.get(PATH);
      const list = await app.get("/rebalance/runs");
      const [newest, oldest] = read(DpmRunListResponse, list).items;
      expect(summary.status).toBe(200);
      expect(read(DpmSupportabilitySummaryResponse, summary)).toEqual({
        store_backend: "POSTGRES",
        retention_days: 90,
        run_count: 2,
        run_status_counts: { PENDING_REVIEW: 1, READY: 1 },
        operation_count: 1,
        operation_status_counts: { PENDING: 1 },
        workflow_decision_count: 1,
        workflow_action_counts: { APPROVE: 1 },
        workflow_reason_code_counts: { LIMITS_CHECKED: 1 },
        lineage_edge_count: 5,
        oldest_run_created_at: oldest?.created_at,
        newest_run_created_at: newest?.created_at,
        oldest_operation_created_at: LONG_AGO,
        newest_operation_created_at: LONG_AGO,
      });
    } finally {
      await app.close();
    }
  });

  it("of a tenant without anything is all zero and null", async () => {
    const extent = await inTransaction(database, { tenantId: "nobody", readOnly: true }, (tx) =>
      readExtent(tx, "nobody"),
    );
    expect(Object.values(extent)).toEqual([null, null, null, null]);
  });

  it("is not there where the deployment switches it off", async () => {
    const app = await openTestApp(test.url, { DPM_SUPPORTABILITY_SUMMARY_APIS_ENABLED: "false" });
    try {
      const refused = await app.get(PATH);
      expect(refusalOf(refused)).toBe("404 DPM_SUPPORTABILITY_SUMMARY_APIS_DISABLED");
    } finally {
      await app.close();
    }
  });
});

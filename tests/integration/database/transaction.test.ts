import { afterAll, beforeAll, expect, test } from "vitest";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { databaseFault } from "../../../src/platform/database/errors.ts";
import { inTransaction, type SqlValue } from "../../../src/platform/database/transaction.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { withSession } from "../../support/session.ts";
import { openProxy, type TcpProxy } from "../../support/tcp-proxy.ts";

let db: TestDatabase;
let proxy: TcpProxy;
let database: Database;
const READ = { tenantId: "a", readOnly: true, pipelineCommit: true };

beforeAll(async () => {
  db = await testDatabase();
  proxy = await openProxy(db.url);
  // One connection: whatever a transaction leaves behind, the next one meets.
  database = openTestDatabase(proxy.url(db.url), { max: 1 });
});
afterAll(async () => {
  await closeDatabase(database, 0);
  await proxy.close();
  await db.drop();
});

/** The tenant that the connection has outside any transaction's end. */
function tenantOf(context: Parameters<typeof inTransaction>[1]): Promise<string | null | undefined> {
  return inTransaction(database, context, async (tx) => {
    const [row] = await tx<{ tenant: string | null }>`
      select current_setting('app.tenant_id', true) as tenant`;
    return row?.tenant;
  });
}

test("a read with a pipelined COMMIT sees its tenant, and its COMMIT is sent before the first reply", async () => {
  await tenantOf(READ); // prepared from here on
  const order: string[] = [];
  proxy.judge = (direction, { type }) => {
    if (direction === "to client" || type === "B") order.push(direction);
    return "pass";
  };
  expect(await tenantOf(READ)).toBe("a");
  proxy.judge = () => "pass";
  // BEGIN, the tenant, the statement and COMMIT.
  expect(order.slice(0, 4)).toEqual(["to server", "to server", "to server", "to server"]);
  expect(await tenantOf({ ...READ, tenantId: "b" })).toBe("b");
});

test("a statement that comes after the pipelined COMMIT is refused and never sent", async () => {
  const late = inTransaction(database, READ, async (tx) => {
    await tx`select 1`;
    return tx`select 2`;
  });
  expect(databaseFault(await late.catch((error: unknown) => error))?.kind).toBe("transaction_over");
  expect(await tenantOf({ tenantId: "c" })).toBe("c");
});

test("a read with a pipelined COMMIT of which a statement fails reports that statement, and leaves nothing behind", async () => {
  const failing = inTransaction(database, READ, (tx) => tx`select 1 / ${0}::int`);
  expect(databaseFault(await failing.catch((error: unknown) => error))).toMatchObject({ sqlState: "22012" });
  expect(await tenantOf({ tenantId: "d" })).toBe("d");
});

test("a read with a pipelined COMMIT cannot write", async () => {
  const writing = inTransaction(
    database,
    READ,
    (tx) => tx`
      insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
      values ('a', 'x', 'CORRELATION_TO_RUN', 'y', now(), '{}')`,
  );
  expect(databaseFault(await writing.catch((error: unknown) => error))).toMatchObject({
    kind: "rejected",
    sqlState: "25006",
  });
});

test("work that is out of time leaves nothing running on the server", async () => {
  const working = inTransaction(
    database,
    { tenantId: "a", deadlineMs: 400 },
    (tx) => tx`select pg_sleep(60)`,
  );
  expect(databaseFault(await working.catch((error: unknown) => error))?.kind).toMatch(/timeout|deadline/);
  const sleeping = () =>
    withSession(db.adminUrl, async (session) => {
      const { rowCount } = await session.query(
        "select 1 from pg_stat_activity where state = 'active' and query like '%pg_sleep(60)%' and pid <> pg_backend_pid()",
      );
      return rowCount;
    });
  await expect.poll(sleeping, { timeout: 5_000 }).toBe(0);
});

test("a value that cannot be sent fails its own statement, before anything of it is sent", async () => {
  // As a value that got past the types would.
  const stray = { toString: () => "stray" } as unknown as SqlValue;
  const outcomes: PromiseSettledResult<unknown>[] = [];
  const failing = inTransaction(database, { tenantId: "a" }, async (tx) => {
    outcomes.push(...(await Promise.allSettled([tx`select 1 as one`, tx`select ${stray}::text as text`])));
  });
  await expect(failing).rejects.toThrow("a parameter is not a value that can be sent: object");
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  expect(await tenantOf({ tenantId: "e" })).toBe("e");
});

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { closeDatabase, databaseUse, type Database } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import type { TestDatabase } from "../support/database.ts";
import { openTestDatabase } from "../support/databases.ts";
import { gate, outcomeOf } from "../support/faults.ts";
import { legsOf, ledgerDatabase, newAccount, pay, TENANT } from "../support/ledger.ts";
import { openProxy, type TcpProxy } from "../support/tcp-proxy.ts";

let server: TestDatabase;
let proxy: TcpProxy;
let database: Database;
const context = { tenantId: TENANT };

/** Three at once, however long it takes to connect. */
async function openThree(): Promise<void> {
  const all = gate();
  let begun = 0;
  const hold = () =>
    inTransaction(database, context, async (tx) => {
      await tx`select 1`;
      begun += 1;
      if (begun === 3) all.open();
      await all.opened;
    });
  await Promise.all([hold(), hold(), hold()]);
}

beforeAll(async () => {
  server = await ledgerDatabase();
});
afterAll(async () => {
  await server.drop();
});
beforeEach(async () => {
  proxy = await openProxy(server.url);
  database = openTestDatabase(proxy.url(server.url), {
    max: 3,
    statementTimeoutMs: 300,
    connectTimeoutMs: 300,
    queueWaitMs: 1_000,
  });
  await openThree();
  expect(databaseUse(database).idle).toBe(3);
});
afterEach(async () => {
  await closeDatabase(database, 0);
  await proxy.close();
});

test("on a half-open database every unit of work ends by its deadline, and its slot is free again", async () => {
  proxy.stallAll();
  const works = Array.from({ length: 10 }, () =>
    inTransaction(database, { ...context, deadlineMs: 800 }, (tx) => pay(tx, newAccount())),
  );
  const outcomes = await Promise.all(works.map(outcomeOf));
  expect(new Set(outcomes)).not.toContain("done");
  expect(databaseUse(database)).toMatchObject({ inFlight: 0, waiting: 0, idle: 0 });
});

test("work whose database falls silent is done on a fresh connection, within its deadline", async () => {
  const account = newAccount();
  proxy.stallAll();
  proxy.heal();
  await inTransaction(database, context, (tx) => pay(tx, account));
  expect(await legsOf(server.adminUrl, account)).toEqual([1, 2]);
});

test("one half-open connection is enough to discard the idle ones too", async () => {
  const retries: string[] = [];
  const hooks = { onRetry: (kind: string) => void retries.push(kind) };
  proxy.stallAll();
  proxy.heal();
  await inTransaction({ ...database, hooks }, context, (tx) => tx`select 1`);
  expect(retries).toEqual(["connection_lost"]);
  expect(databaseUse(database)).toMatchObject({ open: 1, idle: 1 });
});

test("a database closes although its connections are half open", async () => {
  proxy.stallAll();
  const stuck = inTransaction(database, context, (tx) => pay(tx, newAccount()));
  await closeDatabase(database, 50);
  expect(await outcomeOf(stuck)).not.toBe("done");
});

test("a work that hangs on something else than the database ends by its deadline too", async () => {
  const account = newAccount();
  const hanging = inTransaction(database, { ...context, deadlineMs: 200 }, async (tx) => {
    await pay(tx, account);
    await new Promise(() => undefined);
  });
  expect(await outcomeOf(hanging)).toBe("deadline_exceeded");
  expect(await legsOf(server.adminUrl, account)).toEqual([]);
  expect(databaseUse(database).inFlight).toBe(0);
});

test("a statement that takes longer than the time left is ended by the server, and the connection stays", async () => {
  const opened = proxy.opened();
  const slow = inTransaction(database, { ...context, deadlineMs: 5_000 }, (tx) => tx`select pg_sleep(20)`);
  expect(await outcomeOf(slow)).toBe("statement_timeout");
  expect(await outcomeOf(inTransaction(database, context, (tx) => tx`select 1`))).toBe("done");
  expect(proxy.opened()).toBe(opened);
});

import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { closeDatabase, databaseUse, type Database } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import type { TestDatabase } from "../support/database.ts";
import { openTestDatabase } from "../support/databases.ts";
import { gate, outcomeOf } from "../support/faults.ts";
import { backendStates, legsOf, ledgerDatabase, newAccount, pay, TENANT } from "../support/ledger.ts";

let server: TestDatabase;
let database: Database;
const context = { tenantId: TENANT };

beforeAll(async () => {
  server = await ledgerDatabase();
});
afterAll(async () => {
  await server.drop();
});
afterEach(async () => {
  await closeDatabase(database, 0);
});

/** Occupies every connection until the returned function is called. */
async function occupyAll(count: number): Promise<() => Promise<unknown>> {
  const end = gate();
  const begun = Array.from({ length: count }, gate);
  const holding = begun.map(({ open }) =>
    inTransaction(database, context, async (tx) => {
      await tx`select 1`;
      open();
      await end.opened;
    }),
  );
  await Promise.all(begun.map(({ opened }) => opened));
  return () => {
    end.open();
    return Promise.all(holding);
  };
}

test("more work than connections waits its turn; none is lost, none shares a connection", async () => {
  database = openTestDatabase(server.url, { max: 2, applicationName: "turns" });
  const accounts = Array.from({ length: 300 }, newAccount);
  await Promise.all(accounts.map((account) => inTransaction(database, context, (tx) => pay(tx, account))));
  for (const account of accounts.slice(0, 20)) expect(await legsOf(server.adminUrl, account)).toEqual([1, 2]);
  expect(await backendStates(server.adminUrl, "turns")).toEqual(["idle", "idle"]);
});

test("a hundred statements and more in one pipeline stay inside their transaction", async () => {
  database = openTestDatabase(server.url, { max: 1, applicationName: "pipelined" });
  const failing = inTransaction(database, context, async (tx) => {
    await Promise.all(
      Array.from(
        { length: 250 },
        (_, leg) =>
          tx`insert into ledger_entry (tenant_id, account, leg) values (${TENANT}, 'pipelined', ${leg})`,
      ),
    );
    throw new Error("business rule failed");
  });
  expect(await outcomeOf(failing)).toBe("business rule failed");
  expect(await legsOf(server.adminUrl, "pipelined")).toEqual([]);
  expect(await backendStates(server.adminUrl, "pipelined")).toEqual(["idle"]);
});

test("past the queue work is turned away at once, and what waits is served when a connection is free", async () => {
  database = openTestDatabase(server.url, { max: 2, queueLimit: 1 });
  const release = await occupyAll(2);
  const waiting = inTransaction(database, context, (tx) => tx`select 1`);
  expect(databaseUse(database)).toMatchObject({ inFlight: 2, waiting: 1 });
  expect(await outcomeOf(inTransaction(database, context, (tx) => tx`select 1`))).toBe("overloaded");
  await release();
  expect(await outcomeOf(waiting)).toBe("done");
});

test("work that waited too long is turned away; its deadline, when nearer, counts", async () => {
  database = openTestDatabase(server.url, { max: 1, queueWaitMs: 200 });
  const release = await occupyAll(1);
  expect(await outcomeOf(inTransaction(database, context, (tx) => tx`select 1`))).toBe("overloaded");
  const hasty = inTransaction(database, { ...context, deadlineMs: 50 }, (tx) => tx`select 1`);
  expect(await outcomeOf(hasty)).toBe("deadline_exceeded");
  expect(databaseUse(database)).toMatchObject({ inFlight: 1, waiting: 0 });
  await release();
});

test("a server that is not there is reported as unavailable, and the slot is free again", async () => {
  database = openTestDatabase("postgres://nobody@127.0.0.1:1/none", { max: 1 });
  const retries: string[] = [];
  const hooks = { onRetry: (kind: string) => void retries.push(kind) };
  expect(await outcomeOf(inTransaction({ ...database, hooks }, context, (tx) => tx`select 1`))).toBe(
    "unavailable",
  );
  expect(retries).toHaveLength(5);
  expect(databaseUse(database)).toEqual({ inFlight: 0, waiting: 0, open: 0, idle: 0 });
});

test("no new work is taken once the database is being closed", async () => {
  database = openTestDatabase(server.url, { max: 1 });
  const release = await occupyAll(1);
  const closing = closeDatabase(database, 10_000);
  await release();
  await closing;
  const late = inTransaction(database, { ...context, deadlineMs: 100 }, (tx) => tx`select 1`);
  expect(await outcomeOf(late)).toBe("unavailable");
});

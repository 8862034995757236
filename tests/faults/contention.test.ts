import { afterAll, beforeAll, expect, test } from "vitest";
import { closeDatabase, type Database } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import type { TestDatabase } from "../support/database.ts";
import { openTestDatabase } from "../support/databases.ts";
import { gate, outcomeOf } from "../support/faults.ts";
import { enter, legsOf, ledgerDatabase, newAccount, pay, TENANT } from "../support/ledger.ts";
import { withSession } from "../support/session.ts";

let server: TestDatabase;
let database: Database;
const retries: string[] = [];
const context = { tenantId: TENANT };

beforeAll(async () => {
  server = await ledgerDatabase();
  const hooks = { onRetry: (kind: string) => void retries.push(kind) };
  database = openTestDatabase(server.url, { max: 4, lockTimeoutMs: 300, statementTimeoutMs: 4_000 }, hooks);
});
afterAll(async () => {
  await closeDatabase(database);
  await server.drop();
});

test("of two that deadlock one runs again, and both take effect once", async () => {
  const [left, right] = [newAccount(), newAccount()];
  const [first, second] = [gate(), gate()];
  retries.length = 0;
  // Longer than deadlock_timeout, so that the server finds the deadlock before the lock times out.
  const patient = openTestDatabase(server.url, { max: 2 }, { onRetry: (kind) => void retries.push(kind) });
  const cross = async (mine: string, theirs: string, has: typeof first, other: typeof first): Promise<void> =>
    inTransaction(patient, context, async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtextextended(${mine}, 0))`;
      has.open();
      await other.opened;
      await tx`select pg_advisory_xact_lock(hashtextextended(${theirs}, 0))`;
      await enter(tx, mine, 1);
    });
  await Promise.all([cross(left, right, first, second), cross(right, left, second, first)]);
  expect(retries).toEqual(["deadlock"]);
  expect(await legsOf(server.adminUrl, left)).toEqual([1]);
  expect(await legsOf(server.adminUrl, right)).toEqual([1]);
  await closeDatabase(patient);
});

test("a serialization failure runs the whole work again", async () => {
  retries.length = 0;
  let attempts = 0;
  await inTransaction(database, context, async (tx) => {
    attempts += 1;
    if (attempts < 3) await tx`do $$ begin raise exception 'clash' using errcode = '40001'; end $$`;
  });
  expect(attempts).toBe(3);
  expect(retries).toEqual(["serialization_failure", "serialization_failure"]);
});

test("a schema that changes under prepared statements costs a second run, not a failure", async () => {
  const single = openTestDatabase(server.url, { max: 1 }, { onRetry: (kind) => void retries.push(kind) });
  const readAll = () => inTransaction(single, context, (tx) => tx`select * from ledger_entry limit 1`);
  await readAll();
  await withSession(server.adminUrl, (session) =>
    session.query("alter table ledger_entry add column note text"),
  );
  retries.length = 0;
  await readAll();
  expect(retries).toEqual(["stale_statement"]);
  await closeDatabase(single);
});

test("who waits too long for a row is told so, and the connection goes on", async () => {
  const account = newAccount();
  const [isHeld, mayEnd] = [gate(), gate()];
  const holder = inTransaction(database, context, async (tx) => {
    await enter(tx, account, 1);
    isHeld.open();
    await mayEnd.opened;
  });
  await isHeld.opened;
  expect(await outcomeOf(inTransaction(database, context, (tx) => enter(tx, account, 1)))).toBe(
    "lock_timeout",
  );
  mayEnd.open();
  await holder;
  expect(await outcomeOf(inTransaction(database, context, (tx) => enter(tx, account, 1)))).toBe(
    "unique_violation",
  );
});

test("duplicates of one slow request do not hold up another request", async () => {
  const account = newAccount();
  const [isHeld, mayEnd] = [gate(), gate()];
  const slow = inTransaction(database, context, async (tx) => {
    await tx`select pg_advisory_xact_lock(hashtextextended(${account}, 0))`;
    isHeld.open();
    await mayEnd.opened;
  });
  await isHeld.opened;
  const duplicates = Array.from({ length: 30 }, () =>
    inTransaction(database, context, async (tx) => {
      const [row] = await tx<{ is_first: boolean }>`
        select pg_try_advisory_xact_lock(hashtextextended(${account}, 0)) as is_first`;
      return row?.is_first;
    }),
  );
  expect(await outcomeOf(inTransaction(database, context, (tx) => pay(tx, newAccount())))).toBe("done");
  expect(new Set(await Promise.all(duplicates))).toEqual(new Set([false]));
  mayEnd.open();
  await slow;
});

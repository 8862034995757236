import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { closeDatabase, type Database } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import type { TestDatabase } from "../support/database.ts";
import { openTestDatabase } from "../support/databases.ts";
import { outcomeOf } from "../support/faults.ts";
import { legsOf, ledgerDatabase, newAccount, pay, TENANT } from "../support/ledger.ts";
import { hasText, isComplete } from "../support/protocol.ts";
import { withSession } from "../support/session.ts";
import { openProxy, type TcpProxy } from "../support/tcp-proxy.ts";

let server: TestDatabase;
let proxy: TcpProxy;
let database: Database;
const context = { tenantId: TENANT };

beforeAll(async () => {
  server = await ledgerDatabase();
  proxy = await openProxy(server.url);
});
afterAll(async () => {
  await proxy.close();
  await server.drop();
});
beforeEach(() => {
  database = openTestDatabase(proxy.url(server.url), { max: 1, statementTimeoutMs: 500 });
});
afterEach(async () => {
  proxy.judge = () => "pass";
  proxy.heal();
  await closeDatabase(database, 0);
});

test("COMMIT done, reply lost: the outcome is unknown, the rows are there, and the work did not run again", async () => {
  const account = newAccount();
  let attempts = 0;
  proxy.judge = (_, message) => (isComplete(message, "COMMIT") ? "cut before" : "pass");
  const outcome = await outcomeOf(
    inTransaction(database, context, async (tx) => {
      attempts += 1;
      await pay(tx, account);
    }),
  );
  expect(outcome).toBe("commit_outcome_unknown");
  expect(attempts).toBe(1);
  expect(await legsOf(server.adminUrl, account)).toEqual([1, 2]);
});

test("COMMIT lost on its way: the outcome is unknown and nothing is there", async () => {
  const account = newAccount();
  proxy.judge = (_, message) => (hasText(message, "commit") ? "cut before" : "pass");
  expect(await outcomeOf(inTransaction(database, context, (tx) => pay(tx, account)))).toBe(
    "commit_outcome_unknown",
  );
  expect(await legsOf(server.adminUrl, account)).toEqual([]);
});

test("COMMIT answered by silence: the outcome is unknown when the server is overdue", async () => {
  const account = newAccount();
  proxy.judge = (_, message) => (isComplete(message, "COMMIT") ? "stall" : "pass");
  expect(await outcomeOf(inTransaction(database, context, (tx) => pay(tx, account)))).toBe(
    "commit_outcome_unknown",
  );
  expect(await legsOf(server.adminUrl, account)).toEqual([1, 2]);
});

test("COMMIT answered by silence: the outcome is unknown when the time of the caller is up", async () => {
  const account = newAccount();
  proxy.judge = (_, message) => (isComplete(message, "COMMIT") ? "stall" : "pass");
  const work = inTransaction(database, { ...context, deadlineMs: 300 }, (tx) => pay(tx, account));
  expect(await outcomeOf(work)).toBe("commit_outcome_unknown");
});

test("a COMMIT under way when the time of the caller is up is waited for a little longer", async () => {
  const account = newAccount();
  proxy.judge = (_, message) => (isComplete(message, "COMMIT") ? { delayMs: 600 } : "pass");
  const work = inTransaction(database, { ...context, deadlineMs: 300 }, (tx) => pay(tx, account));
  expect(await outcomeOf(work)).toBe("done");
});

test("COMMIT that an administrator ends: the outcome is unknown, and the work did not run again", async () => {
  const account = newAccount();
  let attempts = 0;
  const work = inTransaction(database, { ...context, deadlineMs: 10_000 }, async (tx) => {
    attempts += 1;
    await pay(tx, account);
    await tx`create temporary table slow (id int) on commit drop`;
    await tx`create function pg_temp.sleep() returns trigger language plpgsql
             as $$ begin perform pg_sleep(60); return null; end $$`;
    await tx`create constraint trigger slow after insert on slow deferrable initially deferred
             for each row execute function pg_temp.sleep()`;
    await tx`insert into slow values (1)`;
    await tx`set local statement_timeout = 60000`;
  });
  const outcome = outcomeOf(work);
  await withSession(server.adminUrl, async (session) => {
    const ended = async () =>
      (
        await session.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity
                              where datname = current_database() and wait_event = 'PgSleep'`)
      ).rowCount;
    await expect.poll(ended).toBe(1);
  });
  expect(await outcome).toBe("commit_outcome_unknown");
  expect(attempts).toBe(1);
  expect(await legsOf(server.adminUrl, account)).toEqual([]);
});

test("a COMMIT that the server refuses is known to have failed", async () => {
  const account = newAccount();
  const outcome = await outcomeOf(
    inTransaction(database, context, async (tx) => {
      await pay(tx, account);
      await tx`create temporary table checked (id int unique deferrable initially deferred) on commit drop`;
      await tx`insert into checked values (1), (1)`;
    }),
  );
  expect(outcome).toBe("unique_violation");
  expect(await legsOf(server.adminUrl, account)).toEqual([]);
  expect(await outcomeOf(inTransaction(database, context, (tx) => tx`select 1`))).toBe("done");
});

test("a COMMIT that finds no transaction is not taken for a commit", async () => {
  const account = newAccount();
  const outcome = await outcomeOf(
    inTransaction(database, context, async (tx) => {
      await pay(tx, account);
      // As if something between here and the server had ended it.
      await tx`rollback`;
    }),
  );
  expect(outcome).toBe("commit_outcome_unknown");
  expect(await legsOf(server.adminUrl, account)).toEqual([]);
});

test("the COMMIT of a transaction that only read may be lost without harm", async () => {
  proxy.judge = (_, message) => (hasText(message, "commit") ? "cut before" : "pass");
  const reading = inTransaction(
    database,
    { ...context, readOnly: true },
    (tx) => tx<{ one: number }>`select 1 as one`,
  );
  expect(await reading).toEqual([{ one: 1 }]);
  await database.pool.admission.drained();
  expect(database.pool.open.size).toBe(0);
});

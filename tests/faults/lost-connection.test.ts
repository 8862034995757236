import { afterAll, beforeAll, expect, test } from "vitest";
import { closeDatabase, databaseUse, type Database } from "../../src/platform/database/database.ts";
import { inTransaction, type Tx } from "../../src/platform/database/transaction.ts";
import type { TestDatabase } from "../support/database.ts";
import { openTestDatabase } from "../support/databases.ts";
import { gate, outcomeOf } from "../support/faults.ts";
import {
  awaitBackend,
  enter,
  killBackends,
  ledgerDatabase,
  legsOf,
  newAccount,
  TENANT,
} from "../support/ledger.ts";
import { hasText } from "../support/protocol.ts";
import { openProxy } from "../support/tcp-proxy.ts";

let server: TestDatabase;
let database: Database;
const service = "lost-connection";
const context = { tenantId: TENANT };
/** What a session is lost to that an administrator ends. */
const ENDED = "restarting";
const retries: string[] = [];

beforeAll(async () => {
  server = await ledgerDatabase();
  const hooks = { onRetry: (kind: string) => retries.push(kind) };
  database = openTestDatabase(server.url, { max: 1, applicationName: service }, hooks);
});
afterAll(async () => {
  await closeDatabase(database);
  await server.drop();
});

test("a statement after the loss of the connection is refused at once and leaves nothing", async () => {
  const account = newAccount();
  const outcomes: string[] = [];
  await inTransaction(database, context, async (tx) => {
    if (outcomes.length > 0) return;
    await enter(tx, account, 1);
    await killBackends(server.adminUrl, service);
    outcomes.push(await outcomeOf(enter(tx, account, 2)));
    outcomes.push(await outcomeOf(enter(tx, account, 3)));
  });
  expect(outcomes).toEqual([ENDED, ENDED]);
  expect(await legsOf(server.adminUrl, account)).toEqual([]);
});

test("the statements of a lost transaction do not follow the pool to its next connection", async () => {
  const account = newAccount();
  const other = newAccount();
  const isLost = gate();
  const mayGoOn = gate();
  const hasTried = gate();
  let attempts = 0;
  const late: string[] = [];
  const first = inTransaction(database, context, async (tx) => {
    attempts += 1;
    if (attempts > 1) throw new Error("enough");
    await enter(tx, account, 1);
    await killBackends(server.adminUrl, service);
    isLost.open();
    await mayGoOn.opened;
    late.push(await outcomeOf(enter(tx, account, 2)));
    hasTried.open();
  });
  await isLost.opened;
  await inTransaction(database, context, async (tx) => {
    await enter(tx, other, 1);
    mayGoOn.open();
    await hasTried.opened;
    await enter(tx, other, 2);
  });
  expect(await outcomeOf(first)).toBe("enough");
  expect(late).toEqual([ENDED]);
  expect(await legsOf(server.adminUrl, account)).toEqual([]);
  expect(await legsOf(server.adminUrl, other)).toEqual([1, 2]);
});

test.each(["throws", "returns"])(
  "the COMMIT or ROLLBACK of a lost transaction whose work then %s does not end another transaction",
  async (end) => {
    const other = newAccount();
    const isLost = gate();
    const mayGoOn = gate();
    let attempts = 0;
    const first = inTransaction(database, context, async (tx) => {
      attempts += 1;
      if (attempts > 1) return;
      await tx`select 1`;
      await killBackends(server.adminUrl, service);
      isLost.open();
      await mayGoOn.opened;
      if (end === "throws") throw new Error("late");
    });
    await isLost.opened;
    const second = inTransaction(database, context, async (tx) => {
      await enter(tx, other, 1);
      mayGoOn.open();
      await tx`select pg_sleep(0.2)`;
      await enter(tx, other, 2);
      if (end === "returns") throw new Error("business rule failed");
    });
    expect(await outcomeOf(second)).toBe(end === "throws" ? "done" : "business rule failed");
    expect(await outcomeOf(first)).toBe("done");
    expect(await legsOf(server.adminUrl, other)).toEqual(end === "throws" ? [1, 2] : []);
  },
);

test("statements queued behind the one that lost the connection all settle", async () => {
  const outcomes: string[] = [];
  await inTransaction(database, context, async (tx) => {
    if (outcomes.length > 0) return;
    const queued = [tx`select pg_sleep(${30})`, tx`select ${2}::int`, tx`select ${3}::int`, tx`select 4`];
    const settled = Promise.all(queued.map(outcomeOf));
    await killBackends(server.adminUrl, service);
    outcomes.push(...(await settled));
  });
  expect(outcomes).toEqual(Array(4).fill(ENDED));
});

test("what the driver had queued for a lost connection reaches no other", async () => {
  const proxy = await openProxy(server.url);
  const behind = openTestDatabase(proxy.url(server.url), { max: 1, applicationName: "queued" });
  const seenOn: number[] = [];
  proxy.judge = (_, message, connection) => {
    if (hasText(message, "queued-statement")) seenOn.push(connection);
    return hasText(message, "first-statement") ? "cut after" : "pass";
  };
  let attempts = 0;
  await inTransaction(behind, context, async (tx) => {
    attempts += 1;
    if (attempts > 1) return;
    // The first is not prepared yet, so the driver keeps the others back until it has been described.
    const first = tx`select ${0}::int as "first-statement"`;
    await Promise.all([first, ...[1, 2, 3].map((n) => tx`select ${n}::int as "queued-statement"`)]);
  });
  for (let n = 0; n < 5; n += 1) await inTransaction(behind, context, (tx) => tx`select 1`);
  expect(seenOn).toEqual([]);
  expect(proxy.opened()).toBe(2);
  await closeDatabase(behind);
  await proxy.close();
});

test("work that lost its connection before COMMIT runs again, whole, and takes effect once", async () => {
  const account = newAccount();
  retries.length = 0;
  let attempts = 0;
  await inTransaction(database, context, async (tx) => {
    attempts += 1;
    await enter(tx, account, 1);
    if (attempts <= 2) await killBackends(server.adminUrl, service);
    await enter(tx, account, 2);
  });
  expect(attempts).toBe(3);
  expect(retries).toEqual([ENDED, ENDED]);
  expect(await legsOf(server.adminUrl, account)).toEqual([1, 2]);
});

test("work that lost its connection runs again only when its first run has ended", async () => {
  const mayEnd = gate();
  let running = 0;
  let most = 0;
  let attempts = 0;
  const working = inTransaction(database, context, async (tx) => {
    attempts += 1;
    running += 1;
    most = Math.max(most, running);
    await tx`select 1`;
    if (attempts === 1) {
      await killBackends(server.adminUrl, service);
      await mayEnd.opened;
    }
    running -= 1;
  });
  // Longer than the pause before a second run.
  await inTransaction(database, context, (tx) => tx`select pg_sleep(0.2)`);
  mayEnd.open();
  await working;
  expect({ attempts, most }).toEqual({ attempts: 2, most: 1 });
});

test("work that loses its connection every time is given up after a bounded number of attempts", async () => {
  let attempts = 0;
  const outcome = await outcomeOf(
    inTransaction(database, context, async (tx) => {
      attempts += 1;
      await tx`select 1`;
      await killBackends(server.adminUrl, service);
      await tx`select 2`;
    }),
  );
  expect(outcome).toBe(ENDED);
  expect(attempts).toBe(6);
});

test("the pool is whole after every loss", async () => {
  const [row] = await inTransaction(database, context, (tx) => tx<{ two: number }>`select 1 + 1 as two`);
  expect(row).toEqual({ two: 2 });
  expect(databaseUse(database)).toEqual({ inFlight: 0, waiting: 0, open: 1, idle: 1 });
});

test("a database closes while a transaction is lost, and what was under way settles", async () => {
  const closing = openTestDatabase(server.url, { max: 1, applicationName: "closing" });
  const sleeping = inTransaction(closing, context, (tx) => tx`select pg_sleep(30)`);
  await awaitBackend(server.adminUrl, "closing", "active");
  const closed = closeDatabase(closing, 30_000);
  await killBackends(server.adminUrl, "closing");
  expect(await outcomeOf(sleeping)).toBe("unavailable");
  await closed;
});

test("a statement that nobody waits for neither outlives its transaction nor ends the process", async () => {
  const account = newAccount();
  const outcome = await outcomeOf(
    inTransaction(database, context, async (tx) => {
      await enter(tx, account, 1);
      void tx`insert into ledger_entry (tenant_id, account, leg) values (${TENANT}, ${account}, 1)`;
    }),
  );
  expect(outcome).toBe("unique_violation");
  expect(await legsOf(server.adminUrl, account)).toEqual([]);
});

test("a caught failure of a statement does not commit what came before it", async () => {
  const account = newAccount();
  const outcome = await outcomeOf(
    inTransaction(database, context, async (tx) => {
      await enter(tx, account, 1);
      await outcomeOf(enter(tx, account, 1));
    }),
  );
  expect(outcome).toBe("unique_violation");
  expect(await legsOf(server.adminUrl, account)).toEqual([]);
});

test("a statement after its transaction is over is refused", async () => {
  const account = newAccount();
  let kept: Tx | undefined;
  await inTransaction(database, context, async (tx) => {
    kept = tx;
    await tx`select 1`;
  });
  if (kept === undefined) throw new Error("the work did not run");
  expect(await outcomeOf(enter(kept, account, 1))).toBe("transaction_over");
  expect(await legsOf(server.adminUrl, account)).toEqual([]);
});

test.each([
  ["undefined", undefined],
  ["a date that is none", new Date(NaN)],
  ["an array with a hole", ["a", undefined]],
])("%s among statements in flight fails its own transaction and no other", async (_, value) => {
  const account = newAccount();
  const outcome = await outcomeOf(
    inTransaction(database, context, async (tx) => {
      await Promise.all([
        enter(tx, account, 1),
        // What the types forbid, as a mistake elsewhere could let it through.
        tx`select ${value as never}::text`,
        enter(tx, account, 2),
      ]);
    }),
  );
  expect(outcome).toBe("rejected");
  expect(await legsOf(server.adminUrl, account)).toEqual([]);
  const [row] = await inTransaction(database, context, (tx) => tx<{ two: number }>`select 1 + 1 as two`);
  expect(row).toEqual({ two: 2 });
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { closeDatabase, type Database } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import type { TestDatabase } from "../support/database.ts";
import { openTestDatabase } from "../support/databases.ts";
import { gate, outcomeOf } from "../support/faults.ts";
import { enter, legsOf, ledgerDatabase, newAccount, pay, TENANT } from "../support/ledger.ts";
import { openProxy } from "../support/tcp-proxy.ts";

let server: TestDatabase;
let database: Database;

beforeAll(async () => {
  server = await ledgerDatabase();
  database = openTestDatabase(server.url, { max: 1 });
});
afterAll(async () => {
  await closeDatabase(database, 0);
  await server.drop();
});

test("a statement outside a transaction has no tenant: it reads nothing and its write is refused", async () => {
  const account = newAccount();
  await inTransaction(database, { tenantId: TENANT }, (tx) => pay(tx, account));
  const [connection] = database.pool.idle;
  if (connection === undefined) throw new Error("no connection is idle");
  expect(await connection.client`select 1 from ledger_entry where account = ${account}`).toHaveLength(0);
  const write = connection.client`insert into ledger_entry values (${TENANT}, ${account}, ${3})`;
  await expect(write).rejects.toMatchObject({ code: "42501" });
  expect(await legsOf(server.adminUrl, account)).toEqual([1, 2]);
});

test("a transaction sees and writes its own tenant only", async () => {
  const account = newAccount();
  await inTransaction(database, { tenantId: TENANT }, (tx) => pay(tx, account));
  const other = { tenantId: "tenant-b" };
  const seen = await inTransaction(
    database,
    other,
    (tx) => tx`select 1 from ledger_entry where account = ${account}`,
  );
  expect(seen).toHaveLength(0);
  expect(await outcomeOf(inTransaction(database, other, (tx) => enter(tx, account, 3)))).toBe(
    "not_permitted",
  );
  expect(await outcomeOf(inTransaction(database, { tenantId: null }, (tx) => enter(tx, account, 3)))).toBe(
    "not_permitted",
  );
});

test("a transaction that only reads cannot write, and sees one snapshot", async () => {
  const account = newAccount();
  const reading = { tenantId: TENANT, readOnly: true };
  expect(await outcomeOf(inTransaction(database, reading, (tx) => enter(tx, account, 1)))).toBe("rejected");
  const direct = openTestDatabase(server.url, { max: 2 });
  const hasRead = gate();
  const isPaid = gate();
  const counts = inTransaction(direct, reading, async (tx) => {
    const before = await tx`select 1 from ledger_entry where account = ${account}`;
    hasRead.open();
    await isPaid.opened;
    const after = await tx`select 1 from ledger_entry where account = ${account}`;
    return [before.length, after.length];
  });
  await hasRead.opened;
  await inTransaction(direct, { tenantId: TENANT }, (tx) => pay(tx, account));
  isPaid.open();
  expect(await counts).toEqual([0, 0]);
  await closeDatabase(direct);
});

test("when the server refuses BEGIN, the statements sent with it leave nothing, and COMMIT is not sent", async () => {
  const account = newAccount();
  const refused = await openProxy(server.url);
  const warm = openTestDatabase(refused.url(server.url), { max: 1 });
  let name = "";
  let isRefusing = false;
  const seen: string[] = [];
  refused.judge = (direction, { type, bytes }) => {
    if (type === "P" && bytes.includes("\0begin\0")) name = bytes.toString("latin1", 5, bytes.indexOf(0, 5));
    if (!isRefusing || direction === "to client") return "pass";
    if (type === "B" && bytes.includes(`\0${name}\0`)) return { replacement: bindWithParameter(name) };
    if (type === "B") seen.push(type);
    return "pass";
  };
  // Once everything is prepared, BEGIN, the tenant and the payment are pipelined.
  await inTransaction(warm, { tenantId: TENANT }, (tx) => pay(tx, newAccount()));
  isRefusing = true;
  expect(await outcomeOf(inTransaction(warm, { tenantId: TENANT }, (tx) => pay(tx, account)))).toBe(
    "rejected",
  );
  isRefusing = false;
  expect(await legsOf(server.adminUrl, account)).toEqual([]);
  // The tenant and both legs went out with BEGIN; neither COMMIT nor ROLLBACK followed.
  expect(seen).toHaveLength(3);
  expect(await outcomeOf(inTransaction(warm, { tenantId: TENANT }, (tx) => pay(tx, account)))).toBe("done");
  await closeDatabase(warm);
  await refused.close();
});

/** A Bind that the server refuses: BEGIN has no parameter. */
function bindWithParameter(name: string): Buffer {
  const body = Buffer.from(`\0${name}\0\0\0\0\x01\xff\xff\xff\xff\0\0`, "latin1");
  const head = Buffer.from("B\0\0\0\0", "latin1");
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

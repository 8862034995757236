import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { databaseFault } from "../../../src/platform/database/errors.ts";
import {
  MOST_AT_ONCE,
  selectInParts,
  textOfParts,
  type TextPartRow,
} from "../../../src/platform/database/large-values.ts";
import { bytesOf } from "../../../src/platform/text-parts.ts";
import { inTransaction, sql } from "../../../src/platform/database/transaction.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { withSession } from "../../support/session.ts";
import { openProxy, type TcpProxy } from "../../support/tcp-proxy.ts";

const MIB = 1_048_576;
/** A part of 256 Ki characters of up to four bytes each, and its statement. */
const MOST_BYTES_AT_ONCE = MIB + 1_024;

let db: TestDatabase;
let proxy: TcpProxy;
let database: Database;
let largestMessage = 0;

beforeAll(async () => {
  db = await testDatabase();
  await withSession(db.adminUrl, async (session) => {
    await session.query("create table large_text (name text, content text)");
    await session.query("grant select, insert on large_text to public");
  });
  proxy = await openProxy(db.url);
  proxy.judge = (direction, { bytes }) => {
    if (direction === "to server") largestMessage = Math.max(largestMessage, bytes.length);
    return "pass";
  };
  // One connection: whatever a transaction leaves behind, the next one meets.
  database = openTestDatabase(proxy.url(db.url), { max: 1 });
});
beforeEach(() => {
  largestMessage = 0;
});
afterAll(async () => {
  await closeDatabase(database, 0);
  await proxy.close();
  await db.drop();
});

const TENANT = { tenantId: "a" };

/** Three and a half mebibytes, with a character of four bytes across the end of every part. */
const LARGE = `x${"😀é".repeat(700_000)}`;

async function stored(name: string): Promise<string | undefined> {
  const [row] = await inTransaction(
    database,
    TENANT,
    (tx) => tx<{ content: string }>`select content from large_text where name = ${name}`,
  );
  return row?.content;
}

test("a large value is read in parts, and they are its bytes", async () => {
  await inTransaction(database, TENANT, (tx) => tx`insert into large_text values ('read', ${LARGE})`);
  const rows = await inTransaction(
    database,
    { ...TENANT, readOnly: true },
    (tx) => tx<TextPartRow>`${selectInParts(sql`select content from large_text where name = ${"read"}`)}`,
  );
  const { parts } = textOfParts(rows.toReversed());
  expect(parts.length).toBe(Math.ceil(Buffer.byteLength(LARGE) / MOST_AT_ONCE));
  expect(Buffer.concat(parts.map(bytesOf)).equals(Buffer.from(LARGE))).toBe(true);
});

test("a large value arrives as it is, in parts between which others are served", async () => {
  await inTransaction(database, TENANT, (tx) => tx`insert into large_text values ('one', ${LARGE})`);
  expect(largestMessage).toBeLessThan(MOST_BYTES_AT_ONCE);
  expect((await stored("one")) === LARGE).toBe(true);
});

test("a text that was handed over as bytes arrives as it is, in parts too, and where it is small", async () => {
  const bytes = new TextEncoder().encode(LARGE);
  const large = { parts: ["[", bytes, ",", bytes, "]"] };
  const small = { parts: ["a", new TextEncoder().encode("😀"), "b"] };
  await inTransaction(database, TENANT, async (tx) => {
    await tx`insert into large_text values ('handed over', ${large})`;
    await tx`insert into large_text values ('small', ${small})`;
  });
  expect(largestMessage).toBeLessThan(MOST_BYTES_AT_ONCE);
  expect((await stored("handed over")) === `[${LARGE},${LARGE}]`).toBe(true);
  expect(await stored("small")).toBe("a😀b");
});

test("several large values of one statement, also within a fragment, do not mix", async () => {
  const other = `y${LARGE}`;
  await inTransaction(database, TENANT, (tx) => {
    const second = sql`('second', ${other})`;
    return tx`insert into large_text values ('first', ${LARGE}), ${second}`;
  });
  expect(largestMessage).toBeLessThan(MOST_BYTES_AT_ONCE);
  expect((await stored("first")) === LARGE).toBe(true);
  expect((await stored("second")) === other).toBe(true);
});

test("statements that were called behind a large one run behind it, and are committed with it", async () => {
  const counts = await inTransaction(database, TENANT, async (tx) => {
    const before = tx<{ count: string }>`select count(*) from large_text where name = 'ordered'`;
    void tx`insert into large_text values ('ordered', ${LARGE})`;
    const between = tx<{ count: string }>`select count(*) from large_text where name = 'ordered'`;
    void tx`insert into large_text values ('ordered', ${LARGE})`;
    const [first, second] = await Promise.all([before, between]);
    return [first[0]?.count, second[0]?.count];
  });
  expect(counts).toEqual(["0", "1"]);
  const [row] = await inTransaction(
    database,
    TENANT,
    (tx) => tx<{ count: string }>`select count(*) from large_text where name = 'ordered'`,
  );
  expect(row?.count).toBe("2");
});

test("a failure of the statement is that of the transaction, and nothing of the parts is left to the next", async () => {
  const failing = inTransaction(database, TENANT, async (tx) => {
    await tx`insert into no_such_table values (${LARGE})`;
  });
  expect(databaseFault(await failing.catch((error: unknown) => error))?.sqlState).toBe("42P01");
  const [row] = await inTransaction(
    database,
    TENANT,
    (tx) => tx<{ part: string }>`select coalesce(current_setting('app.part_0', true), '') as part`,
  );
  expect(row?.part).toBe("");
});

test("work that ends while a large value is on its way to the server leaves nothing", async () => {
  const stopped = inTransaction(database, TENANT, async (tx) => {
    void tx`insert into large_text values ('stopped', ${LARGE})`;
    await Promise.resolve();
    throw new Error("stopped");
  });
  await expect(stopped).rejects.toThrow("stopped");
  expect(await stored("stopped")).toBeUndefined();
});

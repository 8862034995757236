import { afterAll, beforeAll, expect, test } from "vitest";
import { closeDatabase, type Database } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import { openTestDatabase } from "../support/databases.ts";
import { startOwnServer, type OwnServer } from "../support/own-server.ts";
import { withSession } from "../support/session.ts";

let server: OwnServer;
let database: Database;

beforeAll(async () => {
  server = await startOwnServer();
  database = openTestDatabase(server.url, { max: 1 });
});
afterAll(async () => {
  await closeDatabase(database, 0);
  await server.remove();
});

type Settings = { synchronous_commit: string; time_zone: string; isolation: string };

function settingsOf(opened: Database) {
  return inTransaction(
    opened,
    { tenantId: null },
    (tx) => tx<Settings>`
      select current_setting('synchronous_commit') as synchronous_commit,
             current_setting('TimeZone') as time_zone,
             current_setting('transaction_isolation') as isolation`,
  );
}

/** Sets all that a session could inherit against what the service promises, and waits until it is in force. */
async function weaken(): Promise<void> {
  await withSession(server.adminUrl, async (session) => {
    await session.query("alter system set synchronous_commit = off");
    await session.query("alter system set timezone = 'Asia/Tokyo'");
    await session.query("alter database ballast set synchronous_commit = off");
    await session.query("alter role ballast set synchronous_commit = off");
    await session.query("alter role ballast set default_transaction_isolation = 'repeatable read'");
    await session.query("select pg_reload_conf()");
  });
  for (let shown: unknown; shown !== "off";) {
    shown = await withSession(server.adminUrl, async (session) => {
      const { rows } = await session.query<{ value: string }>(
        "select current_setting('synchronous_commit') as value",
      );
      return rows[0]?.value;
    });
  }
}

test("sessions of the service commit to the disk, whatever the server is set to while they last", async () => {
  const durable = [{ synchronous_commit: "on", time_zone: "UTC", isolation: "read committed" }];
  expect(await settingsOf(database)).toEqual(durable);
  await weaken();
  expect(await settingsOf(database)).toEqual(durable);
  const later = openTestDatabase(server.url, { max: 1 });
  expect(await settingsOf(later)).toEqual(durable);
  await closeDatabase(later);
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { closeDatabase, type Database } from "../../src/platform/database/database.ts";
import { openCluster } from "../../src/platform/database/embedded/cluster.ts";
import { launch } from "../../src/platform/database/embedded/launch.ts";
import { stopServer } from "../../src/platform/database/embedded/server.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import { openTestDatabase } from "../support/databases.ts";
import { withSession } from "../support/session.ts";

const folder = mkdtempSync(join(tmpdir(), "ballast-standby-"));
let url: string;
let stop: () => Promise<void>;
let database: Database;

beforeAll(async () => {
  const owned = await openCluster(folder);
  const { port, session } = await launch(owned, {});
  await session.query("create table written (id int)");
  url = `postgres://postgres:${owned.password}@127.0.0.1:${String(port)}/postgres`;
  stop = async () => {
    await session.end();
    await stopServer(owned.cluster);
  };
});
afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  database = openTestDatabase(url, { max: 1, role: null, statementTimeoutMs: 300 });
});
afterEach(async () => {
  await closeDatabase(database, 0);
  await demandStandby("");
});

/** COMMIT is to wait for a standby of that name; there is none. */
async function demandStandby(name: string): Promise<void> {
  await withSession(url, async (session) => {
    await session.query(`alter system set synchronous_standby_names = '${name}'`);
    await session.query("select pg_reload_conf()");
  });
  for (let shown: unknown; shown !== name;) {
    shown = await withSession(url, async (session) => {
      const { rows } = await session.query<{ value: string }>(
        "select current_setting('synchronous_standby_names') as value",
      );
      return rows[0]?.value;
    });
  }
}

test("a COMMIT that waits for a standby is not cut short by statement_timeout", async () => {
  await demandStandby("nobody");
  const writing = inTransaction(
    database,
    { tenantId: null, deadlineMs: 300 },
    (tx) => tx`insert into written values (1)`,
  );
  await expect(writing).rejects.toMatchObject({
    fault: { kind: "commit_outcome_unknown" },
    message: "the deadline passed while COMMIT was under way",
  });
});

test("a COMMIT whose wait for a standby was cut short is not taken for durable", async () => {
  await demandStandby("nobody");
  const writing = inTransaction(database, { tenantId: null }, (tx) => tx`insert into written values (2)`);
  await Promise.all([
    expect(writing).rejects.toMatchObject({
      fault: { kind: "commit_outcome_unknown" },
      message: expect.stringContaining("COMMIT came with a warning") as string,
    }),
    cancelCommit(),
  ]);
});

/** As an operator might, who sees a statement that hangs. */
async function cancelCommit(): Promise<void> {
  for (let cancelled = 0; cancelled === 0;) {
    cancelled = await withSession(url, async (session) => {
      const { rowCount } = await session.query(
        "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'",
      );
      return rowCount ?? 0;
    });
  }
}

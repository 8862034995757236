import net from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DpmAsyncAcceptedResponse } from "../../src/features/operations/schemas.ts";
import { ANALYZE_EXAMPLE } from "../../src/features/rebalance/examples.ts";
import { openTestApp, read, refusalOf, type Received, type TestApp } from "../support/app.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { endsOf, seeOperation } from "../support/operations.ts";
import { newKey, rebalanceBody } from "../support/runs.ts";
import { withSession } from "../support/session.ts";

let server: TestDatabase;
let app: TestApp;
let retries: string[] = [];

beforeAll(async () => {
  server = await testDatabase();
});
afterAll(async () => {
  await server.drop();
});
beforeEach(async () => {
  retries = [];
  const hooks = { onRetry: (kind: string) => void retries.push(kind) };
  app = await openTestApp(server.url, { DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" }, hooks);
});
afterEach(async () => {
  await app.close();
});

const name = () => new URL(server.url).pathname.slice(1);

async function asAdmin(statement: string): Promise<void> {
  await withSession(server.adminUrl, (session) => session.query(statement));
}

/** As a server does that meets that state when it stores a run. */
async function refuseRuns(sqlState: string): Promise<void> {
  await asAdmin(`
    create or replace function refuse_run() returns trigger language plpgsql as
      $$ begin raise exception 'refused' using errcode = '${sqlState}'; end $$;
    create or replace trigger refuse_run before insert on rebalance_run execute function refuse_run()`);
}

const takeRunsAgain = () => asAdmin("drop trigger if exists refuse_run on rebalance_run");

/** Ends the sessions of the service, so that new ones follow settings of the database. */
async function endSessions(): Promise<void> {
  await asAdmin(`select pg_terminate_backend(pid, 5000) from pg_stat_activity
                  where datname = current_database() and application_name = 'ballast-test'`);
}

/** Ends the sessions of the service that wait for a lock; returns how many. */
function endWaiting(): Promise<number | null> {
  return withSession(server.adminUrl, async (session) => {
    const { rowCount } = await session.query(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = current_database() and application_name = 'ballast-test' and wait_event_type = 'Lock'`,
    );
    return rowCount;
  });
}

function simulate(key = newKey("refused")): Promise<Received> {
  return app.post("/rebalance/simulate", { key, body: rebalanceBody() });
}

const readiness = async () => (await app.get("/health/ready")).status;

describe.each([
  ["53100", "DATABASE_DISK_FULL"],
  ["53200", "DATABASE_OUT_OF_MEMORY"],
])("a write that the server refuses with %s", (sqlState, detail) => {
  test(`is 503 ${detail}, the service is not ready, and the next write that is taken ends both`, async () => {
    expect(await readiness()).toBe(200);
    await refuseRuns(sqlState);
    const key = newKey("refused");
    const refused = await simulate(key);
    expect(refusalOf(refused)).toBe(`503 ${detail}`);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect(await readiness()).toBe(503);
    await takeRunsAgain();
    expect((await simulate(key)).status).toBe(200);
    expect(await readiness()).toBe(200);
  });
});

test("an operation that meets a full disk is put back, not failed", async () => {
  const body = ANALYZE_EXAMPLE;
  const accepted = await app.post("/rebalance/analyze/async", { key: newKey("async"), body });
  const { operation_id: id } = read(DpmAsyncAcceptedResponse, accepted);
  await refuseRuns("53100");
  await app.post(`/rebalance/operations/${id}/execute`, {});
  await takeRunsAgain();
  expect(await seeOperation(server.adminUrl, id)).toMatchObject({ status: "PENDING" });
  expect(await endsOf(server.adminUrl, id)).toEqual([expect.stringMatching(/^1 PUT_BACK /)]);
});

test("a database that is set to take no writes is not ready, and is written to again as soon as it takes them", async () => {
  expect((await simulate()).status).toBe(200);
  await asAdmin(`alter database ${name()} set default_transaction_read_only = on`);
  await endSessions();
  expect(refusalOf(await simulate())).toBe("503 DATABASE_READ_ONLY");
  expect(await readiness()).toBe(503);
  // The sessions that are read-only by that setting stay so: they are not used again.
  await asAdmin(`set transaction read write; alter database ${name()} reset default_transaction_read_only`);
  expect((await simulate()).status).toBe(200);
  expect(await readiness()).toBe(200);
});

test("a server without a free connection is 503 DATABASE_TOO_MANY_CONNECTIONS and not ready", async () => {
  await asAdmin(`alter database ${name()} connection limit 0`);
  expect(refusalOf(await simulate())).toBe("503 DATABASE_TOO_MANY_CONNECTIONS");
  expect(await readiness()).toBe(503);
  await asAdmin(`alter database ${name()} connection limit -1`);
  expect((await simulate()).status).toBe(200);
  expect(await readiness()).toBe(200);
});

test("a statement that an administrator ends is done on another connection", async () => {
  await withSession(server.adminUrl, async (session) => {
    await session.query("begin; lock table rebalance_run in share mode");
    const writing = simulate();
    await expect.poll(endWaiting, { timeout: 10_000 }).toBe(1);
    await session.query("rollback");
    expect((await writing).status).toBe(200);
  });
  expect(retries).toEqual(["restarting"]);
});

test("a write whose every statement an administrator ends is 503 DATABASE_RESTARTING, and its key stays free", async () => {
  const key = newKey("ended");
  await withSession(server.adminUrl, async (session) => {
    await session.query("begin; lock table rebalance_run in share mode");
    const answers: Received[] = [];
    const writing = simulate(key).then((answer) => answers.push(answer));
    while (answers.length === 0) await endWaiting();
    await writing;
    await session.query("rollback");
    expect(answers.map(refusalOf)).toEqual(["503 DATABASE_RESTARTING"]);
    expect(answers[0]?.headers["retry-after"]).toBe("1");
  });
  expect(retries.length).toBeGreaterThan(1);
  expect(new Set(retries)).toEqual(new Set(["restarting"]));
  expect(await readiness()).toBe(200);
  expect((await simulate(key)).status).toBe(200);
});

test("a server that is starting up is 503 DATABASE_RESTARTING and not ready", async () => {
  const starting = await openStartingServer();
  const waiting = await openTestApp(starting.url);
  const body = rebalanceBody();
  const answer = await waiting.post("/rebalance/simulate", { key: newKey("starting"), body });
  expect(refusalOf(answer)).toBe("503 DATABASE_RESTARTING");
  expect((await waiting.get("/health/ready")).status).toBe(503);
  await waiting.close();
  starting.close();
});

/** Answers every connection as PostgreSQL does while it recovers. */
async function openStartingServer() {
  const fields = ["SFATAL", "VFATAL", "C57P03", "Mthe database system is starting up", ""];
  const body = Buffer.from(`${fields.join("\0")}\0`);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  const listener = net.createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(Buffer.concat([Buffer.from("E"), length, body])));
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as net.AddressInfo;
  return { url: `postgres://nobody@127.0.0.1:${String(port)}/none`, close: () => listener.close() };
}

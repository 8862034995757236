import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  DpmAsyncAcceptedResponse,
  DpmAsyncOperationStatusResponse,
} from "../../src/features/operations/schemas.ts";
import { ANALYZE_EXAMPLE } from "../../src/features/rebalance/examples.ts";
import { openTestApp, read, type TestApp } from "../support/app.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { endsOf, makeClaimable, seeOperation, skipPause } from "../support/operations.ts";
import { serviceEnv } from "../support/service.ts";
import { withSession } from "../support/session.ts";
import { startWorkerProcess, type WorkerProcess } from "../support/worker.ts";

const PACK = "pack-1";
const SCENARIOS = Object.keys(ANALYZE_EXAMPLE.scenarios).length;
const PATIENCE = { timeout: 60_000, interval: 50 };

let test: TestDatabase;
let accepting: TestApp;
const workers: WorkerProcess[] = [];
const holds: pg.Client[] = [];

beforeAll(async () => {
  test = await testDatabase();
  accepting = await openTestApp(test.url);
  await accepting.send("PUT", `/rebalance/policies/catalog/${PACK}`, { body: { version: "1" } });
});
afterEach(async () => {
  await Promise.all(holds.splice(0).map((session) => session.end()));
  for (const worker of workers.splice(0)) {
    worker.signal("SIGKILL");
    await worker.ended;
  }
});
afterAll(async () => {
  await accepting.close();
  await test.drop();
});

async function work(env: Record<string, string> = {}): Promise<WorkerProcess> {
  const worker = await startWorkerProcess({
    ...serviceEnv(test),
    MIGRATE_ON_START: "false",
    WORKER_LEASE_MS: "1000",
    WORKER_POLL_MS: "100",
    DATABASE_LOCK_TIMEOUT_MS: "60000",
    DATABASE_STATEMENT_TIMEOUT_MS: "60000",
    REQUEST_DEADLINE_MS: "60000",
    ...env,
  });
  workers.push(worker);
  return worker;
}

let keys = 0;

const UNDER_PACK = { "X-Policy-Pack-Id": PACK };

/** An analysis under a policy pack, which makes its executor read the catalogue before it computes, as acceptance does. */
async function accept(
  headers: Record<string, string> = UNDER_PACK,
): Promise<{ id: string; correlationId: string }> {
  const answer = await accepting.post("/rebalance/analyze/async", {
    key: `key-${String((keys += 1))}`,
    body: ANALYZE_EXAMPLE,
    headers,
  });
  expect(answer.status).toBe(202);
  const { operation_id, correlation_id } = read(DpmAsyncAcceptedResponse, answer);
  return { id: operation_id, correlationId: correlation_id };
}

/** Where a worker is to be stopped, and what stops it there: readers, or writers alone. */
const LOCKS = { policy_pack_version: "access exclusive", run_payload: "share" } as const;

/** Stops every worker at a table, until it is let go. */
async function hold(table: keyof typeof LOCKS): Promise<() => Promise<void>> {
  const session = new pg.Client({ connectionString: test.adminUrl });
  await session.connect();
  holds.push(session);
  await session.query(`begin; lock table ${table} in ${LOCKS[table]} mode`);
  return async () => {
    await session.query("rollback");
  };
}

/** Until a worker stands before that table: in the middle of its work, and it stays there. */
async function stuckAt(table: string): Promise<void> {
  await vi.waitFor(async () => {
    const { rowCount } = await withSession(test.adminUrl, (session) =>
      session.query(
        `select 1 from pg_locks l join pg_stat_activity a using (pid)
          where not l.granted and l.relation = $1::regclass and a.application_name = 'ballast'`,
        [table],
      ),
    );
    expect(rowCount).toBeGreaterThan(0);
  }, PATIENCE);
}

async function runsOf(correlationId: string): Promise<number> {
  const { rows } = await withSession(test.adminUrl, (session) =>
    session.query<{ count: string }>(
      `select count(*) from rebalance_run r join run_payload using (tenant_id, rebalance_run_id)
        where starts_with(r.correlation_id, $1)`,
      [`${correlationId}:`],
    ),
  );
  return Number(rows[0]?.count);
}

async function succeeded(id: string, attempt: number): Promise<void> {
  await vi.waitFor(
    async () => expect(await seeOperation(test.adminUrl, id)).toMatchObject({ status: "SUCCEEDED", attempt }),
    PATIENCE,
  );
}

describe("a worker killed with SIGKILL", () => {
  it.each([
    ["while it computes", "policy_pack_version"],
    ["in the middle of its writes", "run_payload"],
  ] as const)("%s is taken over when its lease has run out, with one effect", async (_, table) => {
    const { id, correlationId } = await accept();
    const letGo = await hold(table);
    const doomed = await work();
    await stuckAt(table);
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({ status: "RUNNING", attempt: 1 });
    doomed.signal("SIGKILL");
    expect((await doomed.ended).signal).toBe("SIGKILL");
    await letGo();
    await work();
    await succeeded(id, 2);
    expect(await runsOf(correlationId)).toBe(SCENARIOS);
  });

  it("again and again under load leaves every operation done once and none stuck", async () => {
    const accepted: { id: string; correlationId: string }[] = [];
    for (let round = 0; round < 3; round += 1) {
      const doomed = await work();
      const before = accepted.length;
      accepted.push(...(await Promise.all(Array.from({ length: 10 }, () => accept()))));
      const first = accepted[before];
      if (first === undefined) throw new Error("nothing was accepted");
      await vi.waitFor(
        async () => expect((await seeOperation(test.adminUrl, first.id)).attempt).toBeGreaterThan(0),
        PATIENCE,
      );
      doomed.signal("SIGKILL");
      await doomed.ended;
    }
    await work();
    for (const { id, correlationId } of accepted) {
      await vi.waitFor(
        async () => expect((await seeOperation(test.adminUrl, id)).status).toBe("SUCCEEDED"),
        PATIENCE,
      );
      expect(await runsOf(correlationId)).toBe(SCENARIOS);
    }
  });
});

describe("a worker stopped with SIGTERM", () => {
  it("finishes what it has in hand within the grace period, claims no more and ends with 0", async () => {
    const letGo = await hold("run_payload");
    const worker = await work({ SHUTDOWN_GRACE_MS: "60000" });
    const inHand = await accept();
    await stuckAt("run_payload");
    worker.signal("SIGTERM");
    await vi.waitFor(() => expect(worker.output()).toContain("finishes what is in hand"), PATIENCE);
    const later = await accept();
    await letGo();
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    await succeeded(inHand.id, 1);
    expect(await runsOf(inHand.correlationId)).toBe(SCENARIOS);
    expect(await seeOperation(test.adminUrl, later.id)).toMatchObject({ status: "PENDING", attempt: 0 });
  });

  it("gives back what it cannot finish in the grace period", async () => {
    const { id } = await accept();
    const letGo = await hold("policy_pack_version");
    const worker = await work({ SHUTDOWN_GRACE_MS: "200", WORKER_LEASE_MS: "600000" });
    await stuckAt("policy_pack_version");
    worker.signal("SIGTERM");
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({
      status: "PENDING",
      attempt: 0,
      lease_owner: null,
    });
    await letGo();
    await work();
    await succeeded(id, 1);
  });
});

/** Sees to it that every attempt at an operation fails quickly, and the next follows at once. */
const HASTE = {
  DATABASE_LOCK_TIMEOUT_MS: "100",
  DATABASE_STATEMENT_TIMEOUT_MS: "5000",
  WORKER_POLL_MS: "20",
};

/** Until so many attempts have failed, pauses between them left out. */
async function failedAttempts(id: string, count: number): Promise<void> {
  await vi.waitFor(async () => {
    await skipPause(test.adminUrl, id);
    const { failed_attempts } = await seeOperation(test.adminUrl, id);
    expect(failed_attempts).toBeGreaterThanOrEqual(count);
  }, PATIENCE);
}

describe("an outage that outlasts more attempts than a worker may be lost in", () => {
  it("is shown while it lasts, and costs nothing but time: one effect once it is over", async () => {
    const letGo = await hold("run_payload");
    await work(HASTE);
    const { id, correlationId } = await accept();
    await failedAttempts(id, 7);
    const shown = read(DpmAsyncOperationStatusResponse, await accepting.get(`/rebalance/operations/${id}`));
    expect(["PENDING", "RUNNING"]).toContain(shown.status);
    expect(shown).toMatchObject({ error: null, last_error: { code: "DATABASE_UNAVAILABLE" } });
    expect(shown.attempts).toBeGreaterThanOrEqual(7);
    expect(await runsOf(correlationId)).toBe(0);
    await letGo();
    await vi.waitFor(async () => {
      await skipPause(test.adminUrl, id);
      expect((await seeOperation(test.adminUrl, id)).status).toBe("SUCCEEDED");
    }, PATIENCE);
    expect(await runsOf(correlationId)).toBe(SCENARIOS);
    const ends = await endsOf(test.adminUrl, id);
    expect(ends.slice(0, 7)).toEqual(
      [1, 2, 3, 4, 5, 6, 7].map((n) => `${String(n)} PUT_BACK DATABASE_UNAVAILABLE`),
    );
    expect(ends.filter((end) => end.endsWith("SUCCEEDED"))).toHaveLength(1);
  });
});

describe("a retry or a cancellation that a process was killed after", () => {
  const ask = (id: string, verb: string) => accepting.post(`/rebalance/operations/${id}/${verb}`, {});

  it("is as good as done: what was retried is done once, by whoever comes next", async () => {
    const { id, correlationId } = await accept();
    await withSession(test.adminUrl, (session) =>
      session.query(
        `update async_operation set status = 'RUNNING', attempt = 1, lease_owner = 'w', claimable_at = now(),
                started_at = now() where operation_id = '${id}';
         update async_operation set status = 'FAILED', claimable_at = null, error_code = 'X', error_message = 'x',
                finished_at = now() where operation_id = '${id}'`,
      ),
    );
    const letGo = await hold("run_payload");
    const doomed = await work();
    expect((await ask(id, "retry")).status).toBe(200);
    await stuckAt("run_payload");
    doomed.signal("SIGKILL");
    await doomed.ended;
    await letGo();
    await work();
    await succeeded(id, 3);
    expect(await runsOf(correlationId)).toBe(SCENARIOS);
    expect(await endsOf(test.adminUrl, id)).toEqual(["1 FAILED X", "2 WORKER_LOST", "3 SUCCEEDED"]);
  });

  it("is as good as done: what was to be cancelled has no effect, though its worker never heard of it", async () => {
    const { id, correlationId } = await accept();
    const letGo = await hold("policy_pack_version");
    const doomed = await work({ WORKER_LEASE_MS: "30000" });
    await stuckAt("policy_pack_version");
    const answer = read(DpmAsyncOperationStatusResponse, await ask(id, "cancel"));
    expect(answer.status).toBe("RUNNING");
    doomed.signal("SIGKILL");
    await doomed.ended;
    await letGo();
    await makeClaimable(test.adminUrl, id);
    await work();
    await vi.waitFor(
      async () => expect(await seeOperation(test.adminUrl, id)).toMatchObject({ status: "CANCELLED" }),
      PATIENCE,
    );
    expect(await runsOf(correlationId)).toBe(0);
  });
});

describe("a cancellation while a worker is at work", () => {
  it("takes effect at the next renewal of its lease, and what is computed meanwhile is not written", async () => {
    const { id, correlationId } = await accept();
    const letGo = await hold("policy_pack_version");
    await work({ WORKER_CONCURRENCY: "1" });
    await stuckAt("policy_pack_version");
    expect((await accepting.post(`/rebalance/operations/${id}/cancel`, {})).status).toBe(200);
    await vi.waitFor(
      async () => expect(await seeOperation(test.adminUrl, id)).toMatchObject({ status: "CANCELLED" }),
      PATIENCE,
    );
    await letGo();
    const next = await accept();
    await succeeded(next.id, 1);
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({ status: "CANCELLED", attempt: 1 });
    expect(await runsOf(correlationId)).toBe(0);
  });
});

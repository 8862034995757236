import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { listenTo, type Listener } from "../../../src/platform/database/listener.ts";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import { attempt } from "../../../src/features/operations/attempt-operation.ts";
import type { OperationHandler, OperationResult } from "../../../src/features/operations/handlers.ts";
import { claimDue, type ClaimedOperation } from "../../../src/features/operations/repository/leases.ts";
import { requestCancel } from "../../../src/features/operations/repository/actions.ts";
import { OPERATIONS_CHANNEL } from "../../../src/features/operations/repository/operations.ts";
import { createInFlightAttempts } from "../../../src/features/operations/in-flight-attempts.ts";
import { startWorker, type WorkerDeps } from "../../../src/features/operations/worker.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import {
  acceptOperation,
  ageFailures,
  attemptDeps,
  endsOf,
  gate,
  leaveTrace,
  makeClaimable,
  seeOperation,
  succeeded,
  TENANT,
  type AttemptLog,
} from "../../support/operations.ts";
import { withSession } from "../../support/session.ts";

const NEVER_MS = 600_000;
const GRACE_MS = 10_000;

let test: TestDatabase;
let database: Database;
const workers: TestWorker[] = [];
const listeners: Listener[] = [];

beforeAll(async () => {
  test = await testDatabase();
  database = openTestDatabase(test.url);
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop(GRACE_MS)));
  await Promise.all(listeners.splice(0).map((listener) => listener.stop()));
  await withSession(test.adminUrl, (session) =>
    session.query(
      "set session_replication_role = replica; delete from operation_attempt; delete from async_operation",
    ),
  );
});
afterAll(async () => {
  await closeDatabase(database);
  await test.drop();
});

const traced: OperationHandler = (operation) => Promise.resolve(leaveTrace(operation, succeeded));
const refusing: OperationHandler = () => {
  const error = { code: "PORTFOLIO_CONTEXT_MISMATCH", message: "another portfolio" };
  return Promise.resolve({ write: () => Promise.resolve({ kind: "refused", error }) });
};
const failing: OperationHandler = () => Promise.reject(new Error("the disk is on fire"));

type TestWorker = {
  wake: () => void;
  inFlight: () => number;
  /** As a process stops. */
  stop: (graceMs: number) => Promise<void>;
  log: AttemptLog;
};

/** A worker that polls only when it is told to, so that what wakes it is what the test is about. */
function begin(handler: OperationHandler, change: Partial<WorkerDeps> = {}): TestWorker {
  const { log, ...deps } = attemptDeps(database, handler);
  const attempts = createInFlightAttempts(deps);
  const base = { ...deps, attempts, concurrency: 2, pollMs: NEVER_MS, onClaimError: () => undefined };
  const worker = startWorker({ ...base, ...change });
  const stop = async (graceMs: number) => {
    await worker.stop();
    await attempts.drain(graceMs);
  };
  const begun = { wake: worker.wake, inFlight: attempts.count, stop, log };
  workers.push(begun);
  return begun;
}

/** One attempt at whatever is due, start to end. */
async function attemptOnce(handler: OperationHandler, change = {}) {
  const deps = attemptDeps(database, handler, change);
  const [claim] = await claimOne(deps.terms.owner);
  if (claim === undefined) throw new Error("nothing was due");
  return { end: await attempt(deps, claim), log: deps.log };
}

function claimOne(owner: string): Promise<readonly ClaimedOperation[]> {
  return inTransaction(database, { tenantId: null }, (tx) =>
    claimDue(tx, { owner, leaseMs: 60_000 }, 1, new Date().toISOString()),
  );
}

function finished(id: string) {
  return vi.waitFor(
    async () => {
      const row = await seeOperation(test.adminUrl, id);
      expect(row.finished_at).not.toBeNull();
      return row;
    },
    { timeout: 20_000, interval: 20 },
  );
}

describe("an operation that is due", () => {
  it("is done by a worker that starts after it was accepted", async () => {
    const id = await acceptOperation(database);
    begin(traced);
    expect(await finished(id)).toMatchObject({
      status: "SUCCEEDED",
      result_text: '{"done":true}',
      traces: 1,
    });
  });

  it("wakes an idle worker as soon as it is committed", async () => {
    const worker = begin(traced);
    const awake = listen(worker);
    await awake;
    const id = await acceptOperation(database);
    expect(await finished(id)).toMatchObject({ status: "SUCCEEDED", attempt: 1 });
  });

  it("wakes a worker whose listening connection was cut in between", async () => {
    const worker = begin(traced);
    const heard = { count: 0 };
    await listen(worker, heard);
    await withSession(test.adminUrl, (session) =>
      session.query(`select pg_terminate_backend(pid) from pg_stat_activity
                      where application_name = 'listener' and datname = current_database()`),
    );
    await vi.waitFor(() => expect(heard.count).toBe(2), { timeout: 20_000 });
    const id = await acceptOperation(database);
    expect(await finished(id)).toMatchObject({ status: "SUCCEEDED" });
  });

  it("is found by polling where no wake-up comes", async () => {
    begin(traced, { pollMs: 20 });
    const id = await acceptOperation(database);
    expect(await finished(id)).toMatchObject({ status: "SUCCEEDED" });
  });

  it("is done once, however many workers race for it", async () => {
    const racers = Array.from({ length: 4 }, () => begin(traced, { pollMs: 5, concurrency: 4 }));
    const ids = await Promise.all(Array.from({ length: 60 }, () => acceptOperation(database)));
    const rows = await Promise.all(ids.map(finished));
    expect(rows.map(({ status, attempt, traces }) => ({ status, attempt, traces }))).toEqual(
      ids.map(() => ({ status: "SUCCEEDED", attempt: 1, traces: 1 })),
    );
    expect(racers.flatMap(({ log }) => log.claims)).toHaveLength(ids.length);
  });

  it("waits while as many attempts as allowed are under way, and is taken as soon as one has ended", async () => {
    const first = gate();
    const busy = begin(
      async (operation) => {
        if (operation.request.request_text === '"first"') await first.promise;
        return leaveTrace(operation, succeeded);
      },
      { concurrency: 1 },
    );
    const held = await acceptOperation(database, { request_text: '"first"' });
    busy.wake();
    await vi.waitFor(() => expect(busy.inFlight()).toBe(1));
    const waiting = await acceptOperation(database);
    busy.wake();
    first.open();
    expect(await finished(held)).toMatchObject({ status: "SUCCEEDED" });
    expect(await finished(waiting)).toMatchObject({ status: "SUCCEEDED" });
  });

  it("is left alone while it waits to be executed by hand", async () => {
    const byHand = await acceptOperation(database, { due: "by_hand" });
    const id = await acceptOperation(database);
    begin(traced);
    await finished(id);
    expect(await seeOperation(test.adminUrl, byHand)).toMatchObject({ status: "PENDING", attempt: 0 });
  });
});

describe("a failure", () => {
  it("of the request ends the operation at once, with its code and message", async () => {
    const id = await acceptOperation(database);
    expect((await attemptOnce(refusing)).end).toBe("failed");
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({
      status: "FAILED",
      attempt: 1,
      error_code: "PORTFOLIO_CONTEXT_MISMATCH",
      error_message: "another portfolio",
      result_text: null,
    });
  });

  it("of the infrastructure gives another attempt after a pause that grows, as often as it takes", async () => {
    const id = await acceptOperation(database);
    const pauses: number[] = [];
    for (let number = 1; number <= 8; number += 1) {
      expect((await attemptOnce(failing)).end).toBe("put_back");
      const row = await seeOperation(test.adminUrl, id);
      expect(row).toMatchObject({ status: "PENDING", attempt: number, error_code: "INTERNAL_ERROR" });
      expect(await claimOne("impatient")).toEqual([]);
      pauses.push(row.claimable_in_ms ?? 0);
      await makeClaimable(test.adminUrl, id);
    }
    expect(pauses.toSorted((a, b) => a - b)).toEqual(pauses);
    expect(pauses.at(-1)).toBeGreaterThan(30_000);
    expect((await attemptOnce(traced)).end).toBe("succeeded");
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({
      status: "SUCCEEDED",
      attempt: 9,
      traces: 1,
    });
    expect(await endsOf(test.adminUrl, id)).toEqual([
      ...Array.from({ length: 8 }, (_, n) => `${String(n + 1)} PUT_BACK INTERNAL_ERROR`),
      "9 SUCCEEDED",
    ]);
  });

  it("of the infrastructure ends the operation with the last error once its time is over", async () => {
    const retryForMs = 24 * 3_600_000;
    const id = await acceptOperation(database);
    expect((await attemptOnce(failing, { retryForMs })).end).toBe("put_back");
    await ageFailures(test.adminUrl, id, retryForMs - 60_000);
    await makeClaimable(test.adminUrl, id);
    expect((await attemptOnce(failing, { retryForMs })).end).toBe("put_back");
    await ageFailures(test.adminUrl, id, 60_000);
    await makeClaimable(test.adminUrl, id);
    expect((await attemptOnce(failing, { retryForMs })).end).toBe("failed");
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({
      status: "FAILED",
      attempt: 3,
      error_code: "INTERNAL_ERROR",
      error_message: "an unforeseen error ended the attempt",
    });
  });

  it("in the writing undoes what was written before it", async () => {
    const id = await acceptOperation(database);
    const { end } = await attemptOnce((operation) =>
      Promise.resolve({
        write: async (tx) => {
          await leaveTrace(operation, succeeded).write(tx);
          throw new Error("one statement too far");
        },
      }),
    );
    expect(end).toBe("put_back");
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({ status: "PENDING", traces: 0 });
  });

  it("is forgotten once a later attempt succeeds", async () => {
    const id = await acceptOperation(database);
    await attemptOnce(failing);
    await makeClaimable(test.adminUrl, id);
    await attemptOnce(traced);
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({ status: "SUCCEEDED", error_code: null });
  });

  it("that takes every worker with it ends the operation instead of taking a sixth", async () => {
    const id = await acceptOperation(database);
    for (let number = 1; number <= 5; number += 1) {
      expect(await claimOne(`doomed-${String(number)}`)).toHaveLength(1);
      await makeClaimable(test.adminUrl, id);
    }
    const handler = vi.fn(traced);
    expect((await attemptOnce(handler)).end).toBe("failed");
    expect(handler).not.toHaveBeenCalled();
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({
      status: "FAILED",
      error_code: "DPM_ASYNC_WORKER_LOST",
    });
    expect(await endsOf(test.adminUrl, id)).toEqual([
      ...[1, 2, 3, 4, 5].map((n) => `${String(n)} WORKER_LOST`),
      "6 FAILED DPM_ASYNC_WORKER_LOST",
    ]);
  });

  it("that takes workers with it is counted anew once an attempt has recorded its end", async () => {
    const id = await acceptOperation(database);
    const loseFour = async () => {
      for (let number = 1; number <= 4; number += 1) {
        expect(await claimOne(`doomed-${String(number)}`)).toHaveLength(1);
        await makeClaimable(test.adminUrl, id);
      }
    };
    await loseFour();
    expect((await attemptOnce(failing)).end).toBe("put_back");
    await makeClaimable(test.adminUrl, id);
    await loseFour();
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({ lost_attempts: 3, failed_attempts: 1 });
    expect((await attemptOnce(traced)).end).toBe("succeeded");
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({ attempt: 10, lost_attempts: 0, traces: 1 });
  });

  it("to record its end does not make an attempt count as lost while its worker lives", async () => {
    const id = await acceptOperation(database);
    const faults: string[] = [];
    const onFault = (kind: string) => void faults.push(kind);
    const impatient = openTestDatabase(test.url, { lockTimeoutMs: 50 }, { onFault });
    await withSession(test.adminUrl, async (session) => {
      await session.query("begin; lock table operation_attempt in share mode");
      const ending = attemptOnce(traced, { database: impatient });
      // The end itself, and two attempts to record that it failed
      await vi.waitFor(() => expect(faults).toEqual(Array(3).fill("lock_timeout")), { timeout: 20_000 });
      expect(await seeOperation(test.adminUrl, id)).toMatchObject({ status: "RUNNING", attempt: 1 });
      await session.query("rollback");
      expect((await ending).end).toBe("put_back");
    });
    await closeDatabase(impatient);
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({
      status: "PENDING",
      lost_attempts: 0,
      traces: 0,
    });
  });
});

describe("a worker that lost its lease", () => {
  it.each([
    ["its result", traced],
    ["its refusal", refusing],
    ["its failure", failing],
  ])("changes nothing with %s", async (_, lateHandler) => {
    const id = await acceptOperation(database);
    const late = gate();
    const stale = attemptOnce(async (operation) => {
      await late.promise;
      return lateHandler(operation);
    });
    await vi.waitFor(async () => expect((await seeOperation(test.adminUrl, id)).status).toBe("RUNNING"));
    await makeClaimable(test.adminUrl, id);
    const result: OperationResult = {
      kind: "succeeded",
      result_text: '"of the second"',
      proposal_id: null,
    };
    expect((await attemptOnce((operation) => Promise.resolve(leaveTrace(operation, result)))).end).toBe(
      "succeeded",
    );
    late.open();
    expect((await stale).end).toBe("lease_lost");
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({
      status: "SUCCEEDED",
      attempt: 2,
      result_text: '"of the second"',
      traces: 1,
    });
  });

  it("cannot end the operation while its successor is at work", async () => {
    const id = await acceptOperation(database);
    const late = gate();
    const stale = attemptOnce(async (operation) => {
      await late.promise;
      return leaveTrace(operation, succeeded);
    });
    await vi.waitFor(async () => expect((await seeOperation(test.adminUrl, id)).status).toBe("RUNNING"));
    await makeClaimable(test.adminUrl, id);
    await claimOne("successor");
    late.open();
    expect((await stale).end).toBe("lease_lost");
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({
      status: "RUNNING",
      lease_owner: "successor",
      traces: 0,
    });
  });
});

describe("a lease", () => {
  it("is renewed while the work lasts, so that nobody takes the operation over", async () => {
    const id = await acceptOperation(database);
    const work = gate();
    const terms = { owner: "steady", leaseMs: 1_500 };
    const seen = new Set<string>();
    const [claim] = await inTransaction(database, { tenantId: null }, (tx) =>
      claimDue(tx, terms, 1, new Date().toISOString()),
    );
    if (claim === undefined) throw new Error("nothing was due");
    const deps = attemptDeps(
      database,
      async (operation) => {
        await work.promise;
        return leaveTrace(operation, succeeded);
      },
      { terms },
    );
    const ending = attempt(deps, claim);
    // Renewed four times, at a third of the lease each: it would have run out by now.
    await vi.waitFor(
      async () => {
        seen.add(await leaseEnd(id));
        expect(seen.size).toBeGreaterThan(4);
      },
      { timeout: 20_000, interval: 50 },
    );
    expect(await claimOne("greedy")).toEqual([]);
    work.open();
    expect(await ending).toBe("succeeded");
  });
});

describe("an operation that is to be cancelled", () => {
  const cancel = (id: string) =>
    inTransaction(database, { tenantId: TENANT }, (tx) => requestCancel(tx, TENANT, id));

  it("is cancelled when its lease is next renewed, while its worker still computes", async () => {
    const id = await acceptOperation(database);
    const work = gate();
    const terms = { owner: "steady", leaseMs: 600 };
    const ending = attemptOnce(
      async (operation) => {
        await work.promise;
        return leaveTrace(operation, succeeded);
      },
      { terms },
    );
    await vi.waitFor(async () => expect((await seeOperation(test.adminUrl, id)).status).toBe("RUNNING"));
    await cancel(id);
    const row = await finished(id);
    expect(row).toMatchObject({ status: "CANCELLED", attempt: 1, result_text: null, error_code: null });
    work.open();
    expect((await ending).end).toBe("cancelled");
    expect(await seeOperation(test.adminUrl, id)).toEqual({ ...row, traces: 0 });
    expect(await endsOf(test.adminUrl, id)).toEqual(["1 CANCELLED"]);
  });

  it.each([
    ["a result", traced],
    ["a refusal", refusing],
    ["a failure", failing],
  ])("comes to no other end, not by %s", async (_, lateHandler) => {
    const id = await acceptOperation(database);
    const late = gate();
    const ending = attemptOnce(async (operation) => {
      await late.promise;
      return lateHandler(operation);
    });
    await vi.waitFor(async () => expect((await seeOperation(test.adminUrl, id)).status).toBe("RUNNING"));
    await cancel(id);
    late.open();
    expect((await ending).end).toBe("cancelled");
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({ status: "CANCELLED", traces: 0 });
  });

  it("is cancelled by the next worker where its own has vanished", async () => {
    const id = await acceptOperation(database);
    await claimOne("doomed");
    await cancel(id);
    await makeClaimable(test.adminUrl, id);
    const handler = vi.fn(traced);
    expect((await attemptOnce(handler)).end).toBe("cancelled");
    expect(handler).not.toHaveBeenCalled();
    expect(await endsOf(test.adminUrl, id)).toEqual(["1 WORKER_LOST", "2 CANCELLED"]);
  });

  it("is cancelled instead of given back by a worker that is stopped", async () => {
    const work = gate();
    const worker = begin(async (operation) => {
      await work.promise;
      return leaveTrace(operation, succeeded);
    });
    const id = await acceptOperation(database);
    worker.wake();
    await vi.waitFor(() => expect(worker.inFlight()).toBe(1));
    await cancel(id);
    await worker.stop(0);
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({ status: "CANCELLED", traces: 0 });
    work.open();
  });
});

describe("a worker that is stopped", () => {
  it("finishes what it has in hand, and claims no more", async () => {
    const work = gate();
    const worker = begin(async (operation) => {
      await work.promise;
      return leaveTrace(operation, succeeded);
    });
    const id = await acceptOperation(database);
    worker.wake();
    await vi.waitFor(() => expect(worker.inFlight()).toBe(1));
    const stopped = worker.stop(GRACE_MS);
    const later = await acceptOperation(database);
    worker.wake();
    work.open();
    await stopped;
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({ status: "SUCCEEDED", traces: 1 });
    expect(await seeOperation(test.adminUrl, later)).toMatchObject({ status: "PENDING", attempt: 0 });
  });

  it("gives back what it cannot finish in time: another takes it at once, and no attempt is counted", async () => {
    const work = gate();
    const worker = begin(async (operation) => {
      await work.promise;
      return leaveTrace(operation, succeeded);
    });
    const id = await acceptOperation(database);
    worker.wake();
    await vi.waitFor(() => expect(worker.inFlight()).toBe(1));
    await worker.stop(0);
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({
      status: "PENDING",
      attempt: 0,
      lease_owner: null,
    });
    begin(traced);
    expect(await finished(id)).toMatchObject({ status: "SUCCEEDED", attempt: 1 });
    work.open();
    await vi.waitFor(() => expect(worker.log.ends).toHaveLength(1));
    expect(worker.log.ends).toMatchObject([{ end: "lease_lost" }]);
    expect(await seeOperation(test.adminUrl, id)).toMatchObject({ traces: 1 });
  });
});

async function leaseEnd(id: string): Promise<string> {
  const { rows } = await withSession(test.adminUrl, (session) =>
    session.query<{ claimable_at: string }>(
      "select claimable_at::text from async_operation where operation_id = $1",
      [id],
    ),
  );
  return rows[0]?.claimable_at ?? "";
}

/** Resolves once the worker is woken by notifications. */
async function listen(worker: TestWorker, heard = { count: 0 }): Promise<void> {
  listeners.push(
    listenTo({
      connection: { ...database.pool.options.connection, applicationName: "listener" },
      channel: OPERATIONS_CHANNEL,
      connectTimeoutMs: 5_000,
      onNotify: () => {
        heard.count += 1;
        worker.wake();
      },
      onError: () => undefined,
    }),
  );
  await vi.waitFor(() => expect(heard.count).toBeGreaterThan(0));
}

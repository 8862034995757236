import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { startBackground } from "../../../src/background.ts";
import { attempt } from "../../../src/features/operations/attempt-operation.ts";
import {
  claimDue,
  claimPending,
  type ClaimedOperation,
} from "../../../src/features/operations/repository/leases.ts";
import {
  DpmAsyncAcceptedResponse,
  DpmAsyncOperationListResponse,
  DpmAsyncOperationStatusResponse,
  type OperationType,
} from "../../../src/features/operations/schemas.ts";
import { CREATE_EXAMPLE } from "../../../src/features/proposals/examples.ts";
import { ProposalAsyncOperationStatusResponse } from "../../../src/features/proposals/operations-schemas.ts";
import { ANALYZE_EXAMPLE } from "../../../src/features/rebalance/examples.ts";
import { DpmSupportabilitySummaryResponse } from "../../../src/features/support/schemas.ts";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import { openTestApp, read, refusalOf, type Received, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import {
  attemptDeps,
  endsOf,
  gate,
  leaveTrace,
  makeClaimable,
  seeOperation,
  succeeded,
} from "../../support/operations.ts";
import { newKey } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";

const DPM = "/rebalance/operations";
const PROPOSALS = "/rebalance/proposals/operations";
const TENANT = "default";

let test: TestDatabase;
let app: TestApp;
/** Another process on the same database. */
let second: TestApp;
const others: (() => Promise<void>)[] = [];

beforeAll(async () => {
  test = await testDatabase();
  const env = { DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" };
  app = await openTestApp(test.url, env);
  second = await openTestApp(test.url, env);
});
afterEach(async () => {
  for (const close of others.splice(0)) await close();
});
afterAll(async () => {
  await Promise.all([app.close(), second.close()]);
  await test.drop();
});

/** Both sides: how one of its operations comes about, and where it stands. */
type Side = {
  readonly accepts: string;
  readonly body: unknown;
  readonly type: OperationType;
  readonly path: string;
  readonly code: "DPM" | "PROPOSAL";
};
const ANALYSES: Side = {
  accepts: "/rebalance/analyze/async",
  body: ANALYZE_EXAMPLE,
  type: "ANALYZE_SCENARIOS",
  path: DPM,
  code: "DPM",
};
const CREATIONS: Side = {
  accepts: "/rebalance/proposals/async",
  body: CREATE_EXAMPLE,
  type: "CREATE_PROPOSAL",
  path: PROPOSALS,
  code: "PROPOSAL",
};
const SIDES = [ANALYSES, CREATIONS].map((side) => [side.path, side] as const);

const seen = (answer: Received) =>
  answer.text.includes("pop_")
    ? read(ProposalAsyncOperationStatusResponse, answer)
    : read(DpmAsyncOperationStatusResponse, answer);

async function accept(side = ANALYSES, key = newKey("changed")): Promise<string> {
  const answer = await app.post(side.accepts, { key, body: side.body });
  expect(answer.status).toBe(202);
  return /[dp]op_[0-9a-f]{32}/.exec(answer.text)?.[0] ?? "";
}

type Asked = { readonly by?: TestApp; readonly key?: string; readonly side?: Side };
const ask = (verb: "retry" | "cancel", id: string, { by = app, key, side = ANALYSES }: Asked = {}) =>
  by.post(`${side.path}/${id}/${verb}`, key === undefined ? {} : { key });
const retry = (id: string, asked?: Asked) => ask("retry", id, asked);
const cancel = (id: string, asked?: Asked) => ask("cancel", id, asked);

async function claim(id: string, side = ANALYSES, owner = "worker-a"): Promise<ClaimedOperation> {
  const operation = { operation_id: id, operation_type: side.type };
  const terms = { owner, leaseMs: 60_000 };
  const claimed = await inTransaction(app.database, { tenantId: TENANT }, (tx) =>
    claimPending(tx, TENANT, operation, terms, new Date().toISOString()),
  );
  if (claimed === undefined) throw new Error(`${id} is not pending`);
  return claimed;
}

const deps = () =>
  attemptDeps(app.database, (operation) => Promise.resolve(leaveTrace(operation, succeeded)));

/** One attempt that the request is at fault for. */
async function fail(id: string, side = ANALYSES): Promise<void> {
  const error = { code: "PORTFOLIO_CONTEXT_MISMATCH", message: "another portfolio" };
  const refusing = attemptDeps(app.database, () =>
    Promise.resolve({ write: () => Promise.resolve({ kind: "refused", error }) }),
  );
  expect(await attempt(refusing, await claim(id, side))).toBe("failed");
}

const see = (id: string) => seeOperation(test.adminUrl, id);

/** From here on a process works on what is due. */
async function work(): Promise<void> {
  const worker = await openTestApp(test.url);
  const background = startBackground(worker.runtime, worker.works);
  others.push(async () => {
    await background.stop();
    await worker.operations.attempts.drain(10_000);
    await worker.close();
  });
}

async function actionsOn(id: string): Promise<number> {
  const { rowCount } = await withSession(test.adminUrl, (session) =>
    session.query("select 1 from operation_action where operation_id = $1", [id]),
  );
  return rowCount ?? 0;
}

/** Whether the records of the keys of its changes end at some time, as the operation does. */
async function endsOfRecords(id: string): Promise<boolean[]> {
  const { rows } = await withSession(test.adminUrl, (session) =>
    session.query<{ has_end: boolean }>(
      "select expires_at is not null as has_end from idempotency_record where scope like '% ' || $1",
      [id],
    ),
  );
  return rows.map(({ has_end }) => has_end);
}

describe.each(SIDES)("under %s", (_, side) => {
  it("a failed operation is retried: pending under the same id, its attempts counted on", async () => {
    const id = await accept(side);
    await fail(id, side);
    const shown = { code: "PORTFOLIO_CONTEXT_MISMATCH", message: "another portfolio" };
    expect(seen(await app.get(`${side.path}/${id}`))).toMatchObject({
      status: "FAILED",
      attempts: 1,
      error: shown,
      last_error: shown,
    });
    const answer = seen(await retry(id, { side }));
    expect(answer).toMatchObject({
      operation_id: id,
      status: "PENDING",
      attempts: 1,
      started_at: null,
      finished_at: null,
      error: null,
      last_error: shown,
    });
    await work();
    await vi.waitFor(async () => expect((await see(id)).status).toBe("SUCCEEDED"), { timeout: 20_000 });
    expect(seen(await app.get(`${side.path}/${id}`))).toMatchObject({
      attempts: 2,
      error: null,
      last_error: null,
    });
    expect(await endsOf(test.adminUrl, id)).toEqual(["1 FAILED PORTFOLIO_CONTEXT_MISMATCH", "2 SUCCEEDED"]);
  });

  it("a pending operation is cancelled at once, for good", async () => {
    // The creation of a proposal is a worker's: no worker is about.
    const id = await accept(side);
    const answer = seen(await cancel(id, { side }));
    expect(answer).toMatchObject({
      status: "CANCELLED",
      attempts: 0,
      started_at: null,
      result: null,
      error: null,
      last_error: null,
    });
    expect(answer.finished_at).not.toBeNull();
    expect(refusalOf(await cancel(id, { side }))).toBe(`409 ${side.code}_ASYNC_OPERATION_NOT_CANCELLABLE`);
    expect(refusalOf(await retry(id, { side }))).toBe(`409 ${side.code}_ASYNC_OPERATION_NOT_RETRYABLE`);
    const later = await accept(side, newKey("later"));
    await makeClaimable(test.adminUrl, later);
    await work();
    await vi.waitFor(async () => expect((await see(later)).status).toBe("SUCCEEDED"), { timeout: 20_000 });
    expect(await see(id)).toMatchObject({ status: "CANCELLED", attempt: 0 });
  });

  it("a running operation says RUNNING until its worker has cancelled it, and takes no result", async () => {
    const id = await accept(side);
    const claimed = await claim(id, side);
    expect(seen(await cancel(id, { side }))).toMatchObject({ status: "RUNNING", attempts: 1 });
    expect(seen(await cancel(id, { side })).status).toBe("RUNNING");
    expect(refusalOf(await retry(id, { side }))).toBe(`409 ${side.code}_ASYNC_OPERATION_NOT_RETRYABLE`);
    expect(await attempt(deps(), claimed)).toBe("cancelled");
    expect(await see(id)).toMatchObject({ status: "CANCELLED", traces: 0 });
  });

  it("a running operation whose worker has vanished is cancelled at once", async () => {
    const id = await accept(side);
    const claimed = await claim(id, side);
    await makeClaimable(test.adminUrl, id);
    expect(seen(await cancel(id, { side }))).toMatchObject({ status: "CANCELLED", attempts: 1 });
    expect(await attempt(deps(), claimed)).toBe("cancelled");
    expect(await see(id)).toMatchObject({ status: "CANCELLED", traces: 0 });
  });

  it("what has succeeded is neither retried nor cancelled", async () => {
    const id = await accept(side);
    expect(await attempt(deps(), await claim(id, side))).toBe("succeeded");
    expect(refusalOf(await retry(id, { side }))).toBe(`409 ${side.code}_ASYNC_OPERATION_NOT_RETRYABLE`);
    expect(refusalOf(await cancel(id, { side }))).toBe(`409 ${side.code}_ASYNC_OPERATION_NOT_CANCELLABLE`);
  });

  it("an operation of the other side, of another tenant or of nobody is not there", async () => {
    const other = side === ANALYSES ? CREATIONS : ANALYSES;
    const missing = [await accept(other), `${side.code === "DPM" ? "dop" : "pop"}_${"0".repeat(32)}`];
    for (const verb of ["retry", "cancel"] as const) {
      for (const id of missing) {
        expect(refusalOf(await ask(verb, id, { side }))).toBe(`404 ${side.code}_ASYNC_OPERATION_NOT_FOUND`);
      }
      const url = `${side.path}/${await accept(side)}/${verb}`;
      const foreign = await app.post(url, { headers: { "X-Tenant-Id": "elsewhere" } });
      expect(refusalOf(foreign)).toBe(`404 ${side.code}_ASYNC_OPERATION_NOT_FOUND`);
    }
  });

  it("a key makes one change, and its answer is repeated byte for byte, a refusal too", async () => {
    const id = await accept(side);
    const asked = { side, key: newKey("once") };
    const refused = await retry(id, asked);
    await fail(id, side);
    expect((await retry(id, asked)).text).toBe(refused.text);
    const again = { side, key: newKey("again") };
    const first = await retry(id, again);
    await fail(id, side);
    const repeated = await retry(id, again);
    expect(repeated.text).toBe(first.text);
    expect(repeated.headers["idempotent-replayed"]).toBe("true");
    expect(await see(id)).toMatchObject({ status: "FAILED", attempt: 2 });
    expect(await actionsOn(id)).toBe(1);
    expect(await endsOfRecords(id)).toEqual([true, true]);
  });
});

describe("the key that an operation was accepted with", () => {
  it("leads to the same operation after a retry, and a retry makes no second one", async () => {
    const key = newKey("accepted");
    const id = await accept(ANALYSES, key);
    await fail(id);
    await retry(id);
    const again = await app.post(ANALYSES.accepts, { key, body: ANALYSES.body });
    expect(again.headers["idempotent-replayed"]).toBe("true");
    expect(read(DpmAsyncAcceptedResponse, again).operation_id).toBe(id);
    const done = await app.post(`${DPM}/${id}/execute`, {});
    expect(seen(done)).toMatchObject({ operation_id: id, status: "SUCCEEDED", attempts: 2 });
  });
});

describe("an operation that failed for no fault of its request", () => {
  it("is shown PENDING with its attempts and its last error, alone and in the list", async () => {
    const id = await accept();
    const burning = attemptDeps(app.database, () => Promise.reject(new Error("the disk is on fire")));
    expect(await attempt(burning, await claim(id))).toBe("put_back");
    const expected = {
      status: "PENDING",
      attempts: 1,
      last_error: { code: "INTERNAL_ERROR", message: "an unforeseen error ended the attempt" },
    };
    expect(seen(await app.get(`${DPM}/${id}`))).toMatchObject({ ...expected, error: null });
    const page = read(DpmAsyncOperationListResponse, await app.get(`${DPM}?status=PENDING`));
    expect(page.items.find(({ operation_id }) => operation_id === id)).toMatchObject(expected);
  });

  it("says so of a worker that vanished under it", async () => {
    const id = await accept();
    await claim(id, ANALYSES, "doomed");
    await makeClaimable(test.adminUrl, id);
    await inTransaction(app.database, { tenantId: null }, (tx) =>
      claimDue(tx, { owner: "successor", leaseMs: 60_000 }, 100, new Date().toISOString()),
    );
    expect(seen(await app.get(`${DPM}/${id}`))).toMatchObject({
      status: "RUNNING",
      attempts: 2,
      last_error: { code: "DPM_ASYNC_WORKER_LOST" },
    });
  });
});

describe("cancelled operations", () => {
  it("are found by their status and counted in the summary", async () => {
    const headers = { "X-Tenant-Id": "tenant-counted" };
    const accepted = await app.post(ANALYSES.accepts, { key: newKey("c"), body: ANALYSES.body, headers });
    const { operation_id: id } = read(DpmAsyncAcceptedResponse, accepted);
    expect(seen(await app.post(`${DPM}/${id}/cancel`, { headers })).status).toBe("CANCELLED");
    const page = await app.get(`${DPM}?status=CANCELLED`, headers);
    expect(read(DpmAsyncOperationListResponse, page).items.map(({ operation_id }) => operation_id)).toEqual([
      id,
    ]);
    const summary = await app.get("/rebalance/supportability/summary", headers);
    const { operation_count, operation_status_counts } = read(DpmSupportabilitySummaryResponse, summary);
    expect({ operation_count, operation_status_counts }).toEqual({
      operation_count: 1,
      operation_status_counts: { CANCELLED: 1 },
    });
  });
});

describe("at the same time", () => {
  const CALLERS = 16;
  const race = (ask: (by: TestApp) => Promise<Received>) =>
    Promise.all(Array.from({ length: CALLERS }, (_, n) => ask(n % 2 === 0 ? app : second)));
  const statuses = (answers: readonly Received[]) => answers.map(({ status }) => status).toSorted();

  it("many retries make one attempt", async () => {
    const id = await accept();
    await fail(id);
    const answers = await race((by) => retry(id, { by }));
    expect(statuses(answers)).toEqual([200, ...Array<number>(CALLERS - 1).fill(409)]);
    expect(await see(id)).toMatchObject({ status: "PENDING", attempt: 1 });
    expect(await actionsOn(id)).toBe(1);
    const ends = await race((by) => by.post(`${DPM}/${id}/execute`, {}));
    expect(statuses(ends)).toEqual([200, ...Array<number>(CALLERS - 1).fill(409)]);
    expect(await endsOf(test.adminUrl, id)).toEqual(["1 FAILED PORTFOLIO_CONTEXT_MISMATCH", "2 SUCCEEDED"]);
  });

  it("many retries with one key are one", async () => {
    const id = await accept();
    await fail(id);
    const key = newKey("raced");
    const answers = await race((by) => retry(id, { by, key }));
    expect(new Set(answers.map(({ status, text }) => `${String(status)} ${text}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(200);
    expect(await actionsOn(id)).toBe(1);
  });

  it("a cancellation and a completion: one wins, and the caller is told which", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const id = await accept();
        const claimed = await claim(id);
        // Some get a head start, so that both sides win some.
        const ending = attempt(deps(), claimed);
        if (n % 2 === 0) await ending;
        const answer = await cancel(id, { by: second });
        return { end: await ending, answer, row: await see(id) };
      }),
    );
    for (const { end, answer, row } of outcomes) {
      if (end === "succeeded") {
        expect(refusalOf(answer)).toBe("409 DPM_ASYNC_OPERATION_NOT_CANCELLABLE");
        expect(row).toMatchObject({ status: "SUCCEEDED", traces: 1 });
      } else {
        expect(end).toBe("cancelled");
        expect(answer.status).toBe(200);
        expect(row).toMatchObject({ status: "CANCELLED", traces: 0 });
      }
    }
    expect(outcomes.filter(({ end }) => end === "succeeded").length).toBeGreaterThanOrEqual(10);
  });

  it("a cancellation that comes while the result is being written waits for it, and is refused", async () => {
    const id = await accept();
    const written = gate();
    const go = gate();
    const slow = attemptDeps(app.database, (operation) =>
      Promise.resolve({
        write: async (tx) => {
          const result = await leaveTrace(operation, succeeded).write(tx);
          written.open();
          await go.promise;
          return result;
        },
      }),
    );
    const ending = attempt(slow, await claim(id));
    await written.promise;
    const answer = cancel(id, { by: second });
    await vi.waitFor(async () => expect(await lockWaits()).toBe(1));
    go.open();
    expect(await ending).toBe("succeeded");
    expect(refusalOf(await answer)).toBe("409 DPM_ASYNC_OPERATION_NOT_CANCELLABLE");
    expect(await see(id)).toMatchObject({ status: "SUCCEEDED", traces: 1 });
  });

  it("a cancellation and a claim: what is cancelled is not begun, what is begun is cancelled by its worker", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const id = await accept();
        const [answer, done] = await Promise.all([
          cancel(id, { by: second }),
          app.post(`${DPM}/${id}/execute`, {}),
        ]);
        return { answer, done, row: await see(id) };
      }),
    );
    for (const { answer, done, row } of outcomes) {
      const isCancelled = answer.status === 200;
      expect(row.status).toBe(isCancelled ? "CANCELLED" : "SUCCEEDED");
      if (!isCancelled) expect(refusalOf(answer)).toBe("409 DPM_ASYNC_OPERATION_NOT_CANCELLABLE");
      expect(done.status === 200 ? seen(done).status : refusalOf(done)).toBe(
        row.attempt === 0 ? "409 DPM_ASYNC_OPERATION_NOT_EXECUTABLE" : row.status,
      );
    }
  });

  it("a retry and a cancellation: whatever order they take, each answer is true", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const id = await accept();
        await fail(id);
        const [retried, cancelled] = await Promise.all([retry(id), cancel(id, { by: second })]);
        return { retried, cancelled, row: await see(id) };
      }),
    );
    for (const { retried, cancelled, row } of outcomes) {
      expect(retried.status).toBe(200);
      expect(row.status).toBe(cancelled.status === 200 ? "CANCELLED" : "PENDING");
    }
  });

  async function lockWaits(): Promise<number> {
    const { rowCount } = await withSession(test.adminUrl, (session) =>
      session.query(
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      ),
    );
    return rowCount ?? 0;
  }
});

describe("a switch that is off", () => {
  it.each([
    ["DPM_ASYNC_OPERATIONS_ENABLED", "DPM_ASYNC_OPERATIONS_DISABLED", DPM],
    ["PROPOSAL_ASYNC_OPERATIONS_ENABLED", "PROPOSAL_ASYNC_OPERATIONS_DISABLED", PROPOSALS],
    ["PROPOSAL_WORKFLOW_LIFECYCLE_ENABLED", "PROPOSAL_WORKFLOW_LIFECYCLE_DISABLED", PROPOSALS],
  ])("%s takes retry and cancel with it", async (name, detail, path) => {
    const off = await openTestApp(test.url, { [name]: "false" });
    others.push(off.close);
    for (const verb of ["retry", "cancel"]) {
      expect(refusalOf(await off.post(`${path}/op_0/${verb}`, {}))).toBe(`404 ${detail}`);
    }
  });

  it("for execution by hand leaves them", async () => {
    const off = await openTestApp(test.url, { DPM_ASYNC_MANUAL_EXECUTION_ENABLED: "false" });
    others.push(off.close);
    expect(seen(await cancel(await accept(), { by: off })).status).toBe("CANCELLED");
  });
});

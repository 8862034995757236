import * as z from "zod";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { startBackground } from "../../../src/background.ts";
import { BatchRebalanceResult } from "../../../src/contract/rebalance.ts";
import {
  DpmAsyncAcceptedResponse,
  DpmAsyncOperationListResponse,
  DpmAsyncOperationStatusResponse,
} from "../../../src/features/operations/schemas.ts";
import { ProposalCreateResponse } from "../../../src/features/proposals/schemas.ts";
import {
  ProposalIdempotencyLookupResponse,
  ProposalVerificationResponse,
} from "../../../src/features/proposals/read-schemas.ts";
import { CREATE_EXAMPLE, VERSION_EXAMPLE } from "../../../src/features/proposals/examples.ts";
import {
  ProposalAsyncAcceptedResponse,
  ProposalAsyncOperationStatusResponse,
} from "../../../src/features/proposals/operations-schemas.ts";
import { ANALYZE_EXAMPLE } from "../../../src/features/rebalance/examples.ts";
import { DpmRunListResponse, DpmRunLookupResponse } from "../../../src/features/runs/schemas.ts";
import { DpmLineageResponse, DpmRunSupportBundleResponse } from "../../../src/features/support/schemas.ts";
import { openTestApp, read, refusalOf, type Received, type Sent, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { seeOperation } from "../../support/operations.ts";
import { withSession } from "../../support/session.ts";

const OPERATIONS = "/rebalance/operations";
const PROPOSAL_OPERATIONS = "/rebalance/proposals/operations";
const ANALYZE = "/rebalance/analyze/async";
const CREATE = "/rebalance/proposals/async";

let test: TestDatabase;
let byHand: TestApp;
const others: (() => Promise<void>)[] = [];

beforeAll(async () => {
  test = await testDatabase();
  byHand = await openTestApp(test.url, { DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" });
});
afterEach(async () => {
  for (const close of others.splice(0)) await close();
});
afterAll(async () => {
  await byHand.close();
  await test.drop();
});

/** Another deployment on the same database. */
async function deployment(env: Record<string, string>): Promise<TestApp> {
  const app = await openTestApp(test.url, env);
  others.push(app.close);
  return app;
}

/** One that also works on operations. */
async function working(env: Record<string, string> = {}): Promise<TestApp> {
  const app = await openTestApp(test.url, env);
  const background = startBackground(app.runtime, app.works);
  others.push(async () => {
    await background.stop();
    await app.operations.attempts.drain(10_000);
    await app.close();
  });
  return app;
}

let keys = 0;
const newKey = (): string => `key-${String((keys += 1))}`;

async function acceptAnalysis(app: TestApp, headers: Record<string, string> = {}) {
  const answer = await app.post(ANALYZE, { key: newKey(), body: ANALYZE_EXAMPLE, headers });
  expect(answer.status).toBe(202);
  return read(DpmAsyncAcceptedResponse, answer);
}

const execute = (app: TestApp, id: string): Promise<Received> => app.post(`${OPERATIONS}/${id}/execute`, {});

const operationIn = (answer: Received) => read(DpmAsyncOperationStatusResponse, answer);
const statusAt = async (app: TestApp, url: string) => operationIn(await app.get(url)).status;

/** What was done; the contract leaves open what is the result of an operation. */
const analysisIn = (answer: Received) => BatchRebalanceResult.parse(operationIn(answer).result);

async function acceptProposal(app: TestApp, url: string, sent: Sent) {
  const answer = await app.post(url, sent);
  expect(answer.status).toBe(202);
  return read(ProposalAsyncAcceptedResponse, answer);
}

async function plainProposal(app: TestApp, key = newKey()): Promise<string> {
  const answer = await app.post("/rebalance/proposals", { key, body: CREATE_EXAMPLE });
  return read(ProposalCreateResponse, answer).proposal.proposal_id;
}

async function finishedProposal(app: TestApp, id: string) {
  return vi.waitFor(
    async () => {
      const answer = await app.get(`${PROPOSAL_OPERATIONS}/${id}`);
      const operation = read(ProposalAsyncOperationStatusResponse, answer);
      expect(operation.finished_at).not.toBeNull();
      return operation;
    },
    { timeout: 20_000 },
  );
}

async function count(from: string): Promise<number> {
  const { rows } = await withSession(test.adminUrl, (session) =>
    session.query<{ count: string }>(`select count(*) from ${from}`),
  );
  return Number(rows[0]?.count);
}

describe("accepting an analysis", () => {
  it("answers 202 with where to look, and nothing is done yet", async () => {
    const answer = await byHand.post(ANALYZE, {
      key: newKey(),
      body: ANALYZE_EXAMPLE,
      headers: { "X-Correlation-Id": "corr-accepted" },
    });
    expect(answer.status).toBe(202);
    const accepted = read(DpmAsyncAcceptedResponse, answer);
    const url = `${OPERATIONS}/${accepted.operation_id}`;
    expect(accepted).toMatchObject({
      operation_type: "ANALYZE_SCENARIOS",
      status: "PENDING",
      correlation_id: "corr-accepted",
      status_url: url,
      execute_url: `${url}/execute`,
    });
    const status = await byHand.get(accepted.status_url);
    expect(operationIn(status)).toMatchObject({
      status: "PENDING",
      is_executable: true,
      started_at: null,
      finished_at: null,
      result: null,
      error: null,
    });
  });

  it("is repeated byte for byte, also when the operation is long done", async () => {
    const key = newKey();
    const first = await byHand.post(ANALYZE, { key, body: ANALYZE_EXAMPLE });
    const { operation_id } = read(DpmAsyncAcceptedResponse, first);
    expect((await execute(byHand, operation_id)).status).toBe(200);
    const again = await byHand.post(ANALYZE, { key, body: ANALYZE_EXAMPLE });
    expect([again.status, again.text]).toEqual([202, first.text]);
    expect(again.headers["idempotent-replayed"]).toBe("true");
    expect(await count(`async_operation where idempotency_key = '${key}'`)).toBe(1);
  });

  it("under a key that is known with another payload is a conflict", async () => {
    const key = newKey();
    await byHand.post(ANALYZE, { key, body: ANALYZE_EXAMPLE });
    const other = { ...ANALYZE_EXAMPLE, scenarios: { other: { options: {} } } };
    const answer = await byHand.post(ANALYZE, { key, body: other });
    expect(refusalOf(answer)).toBe("409 IDEMPOTENCY_KEY_CONFLICT: request hash mismatch");
  });

  it("makes one operation of 32 that come at once with one key", async () => {
    const key = newKey();
    const answers = await Promise.all(
      Array.from({ length: 32 }, () => byHand.post(ANALYZE, { key, body: ANALYZE_EXAMPLE })),
    );
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await count(`async_operation where idempotency_key = '${key}'`)).toBe(1);
  });

  it("refuses a bad body, a missing key and a missing flag now, not later", async () => {
    const before = await count("async_operation");
    const badBody = await byHand.post(ANALYZE, {
      key: newKey(),
      body: { ...ANALYZE_EXAMPLE, scenarios: {} },
    });
    expect(refusalOf(badBody)).toBe("422 VALIDATION_FAILED");
    const noKey = await byHand.post(ANALYZE, { body: ANALYZE_EXAMPLE });
    expect(refusalOf(noKey)).toBe("422 IDEMPOTENCY_KEY_REQUIRED");
    const flagless = { ...CREATE_EXAMPLE.simulate_request, options: {} };
    const noFlag = await byHand.post(CREATE, {
      key: newKey(),
      body: { ...CREATE_EXAMPLE, simulate_request: flagless },
    });
    expect(refusalOf(noFlag)).toBe(
      "422 PROPOSAL_SIMULATION_DISABLED: set options.enable_proposal_simulation=true",
    );
    expect(await count("async_operation")).toBe(before);
  });

  it("links operation and correlation id, and the runs to the correlation ids of their scenarios", async () => {
    const accepted = await acceptAnalysis(byHand, { "X-Correlation-Id": "corr-lineage" });
    const done = await execute(byHand, accepted.operation_id);
    const lineage = await byHand.get(`/rebalance/lineage/${accepted.operation_id}`);
    expect(read(DpmLineageResponse, lineage).edges).toMatchObject([
      { edge_type: "OPERATION_TO_CORRELATION", target_entity_id: "corr-lineage" },
    ]);
    for (const [name, result] of Object.entries(analysisIn(done).results)) {
      const run = await byHand.get(`/rebalance/runs/by-correlation/corr-lineage:${name}`);
      expect(read(DpmRunLookupResponse, run).rebalance_run_id).toBe(result.rebalance_run_id);
    }
  });
});

describe("executing by hand", () => {
  it("answers with the final state and the same result as the analysis at once", async () => {
    const accepted = await acceptAnalysis(byHand);
    const done = await execute(byHand, accepted.operation_id);
    expect(done.status).toBe(200);
    expect(operationIn(done)).toMatchObject({
      status: "SUCCEEDED",
      is_executable: false,
      error: null,
    });
    const atOnce = await byHand.post("/rebalance/analyze", { key: newKey(), body: ANALYZE_EXAMPLE });
    expect(analysisIn(done).comparison_metrics).toEqual(
      read(BatchRebalanceResult, atOnce).comparison_metrics,
    );
    expect((await byHand.get(`${OPERATIONS}/${accepted.operation_id}`)).text).toBe(done.text);
  });

  it("of an operation that is done or not there is refused", async () => {
    const accepted = await acceptAnalysis(byHand);
    await execute(byHand, accepted.operation_id);
    const again = await execute(byHand, accepted.operation_id);
    expect(refusalOf(again)).toBe("409 DPM_ASYNC_OPERATION_NOT_EXECUTABLE");
    const nowhere = await execute(byHand, "dop_0");
    expect(refusalOf(nowhere)).toBe("404 DPM_ASYNC_OPERATION_NOT_FOUND");
  });

  it("has one winner of 16 who try at once", async () => {
    const accepted = await acceptAnalysis(byHand);
    const second = await deployment({ DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" });
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, n) => execute(n % 2 === 0 ? byHand : second, accepted.operation_id)),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(15).fill(409)]);
    const { operation_id, correlation_id } = accepted;
    expect(await seeOperation(test.adminUrl, operation_id)).toMatchObject({
      status: "SUCCEEDED",
      attempt: 1,
    });
    const scenarios = Object.keys(ANALYZE_EXAMPLE.scenarios).length;
    expect(await count(`rebalance_run where starts_with(correlation_id, '${correlation_id}:')`)).toBe(
      scenarios,
    );
  });

  it("and a worker that is quicker exclude each other", async () => {
    const app = await working();
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const accepted = await acceptAnalysis(app);
        return { ...accepted, answer: await execute(app, accepted.operation_id) };
      }),
    );
    for (const { answer, operation_id, correlation_id } of answers) {
      expect([200, 409]).toContain(answer.status);
      await vi.waitFor(async () =>
        expect(await seeOperation(test.adminUrl, operation_id)).toMatchObject({
          status: "SUCCEEDED",
          attempt: 1,
        }),
      );
      const scenarios = Object.keys(ANALYZE_EXAMPLE.scenarios).length;
      expect(await count(`rebalance_run where starts_with(correlation_id, '${correlation_id}:')`)).toBe(
        scenarios,
      );
    }
  });

  it("tells the caller to come back where the attempt failed for a reason that may pass", async () => {
    const accepted = await acceptAnalysis(byHand);
    await withSession(test.adminUrl, (session) =>
      session.query("alter table run_payload rename to run_payload_away"),
    );
    const answer = await execute(byHand, accepted.operation_id);
    await withSession(test.adminUrl, (session) =>
      session.query("alter table run_payload_away rename to run_payload"),
    );
    expect(refusalOf(answer)).toBe("503 DPM_ASYNC_ATTEMPT_FAILED");
    expect(answer.headers["retry-after"]).toBe("1");
    const status = await byHand.get(accepted.status_url);
    expect(operationIn(status)).toMatchObject({ status: "PENDING", error: null, is_executable: true });
    expect(operationIn(await execute(byHand, accepted.operation_id)).status).toBe("SUCCEEDED");
  });
});

describe("the modes", () => {
  it("WORKER does it by itself", async () => {
    const app = await working();
    const accepted = await acceptAnalysis(app);
    await vi.waitFor(async () => expect(await statusAt(app, accepted.status_url)).toBe("SUCCEEDED"), {
      timeout: 20_000,
    });
  });

  it("INLINE has done it when the 202 is there, which says PENDING like any other", async () => {
    const app = await deployment({ DPM_ASYNC_EXECUTION_MODE: "INLINE" });
    const accepted = await acceptAnalysis(app);
    expect(accepted.status).toBe("PENDING");
    expect(await statusAt(app, accepted.status_url)).toBe("SUCCEEDED");
  });

  it("ACCEPT_ONLY leaves it alone, also where a worker is about", async () => {
    const app = await working({ DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" });
    const waiting = await acceptAnalysis(app);
    const other = await working();
    const done = await acceptAnalysis(other);
    await vi.waitFor(async () => expect(await statusAt(app, done.status_url)).toBe("SUCCEEDED"));
    expect(await statusAt(app, waiting.status_url)).toBe("PENDING");
  });

  it("ACCEPT_ONLY leaves what nobody can execute by hand to a worker: proposals and versions", async () => {
    const app = await working({ DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" });
    const created = await acceptProposal(app, CREATE, { key: newKey(), body: CREATE_EXAMPLE });
    const { status, proposal_id } = await finishedProposal(app, created.operation_id);
    expect(status).toBe("SUCCEEDED");
    const versions = `/rebalance/proposals/${String(proposal_id)}/versions/async`;
    const added = await acceptProposal(app, versions, { key: newKey(), body: VERSION_EXAMPLE });
    expect(await finishedProposal(app, added.operation_id)).toMatchObject({
      status: "SUCCEEDED",
      result: { version: { version_no: 2 } },
    });
  });
});

describe("looking operations up", () => {
  it("finds the latest of a correlation id, and nothing of another tenant or kind", async () => {
    const headers = { "X-Correlation-Id": "corr-twice" };
    await acceptAnalysis(byHand, headers);
    const latest = await acceptAnalysis(byHand, headers);
    const found = await byHand.get(`${OPERATIONS}/by-correlation/corr-twice`);
    expect(operationIn(found).operation_id).toBe(latest.operation_id);
    for (const answer of [
      await byHand.get(latest.status_url, { "X-Tenant-Id": "elsewhere" }),
      await byHand.get(`${OPERATIONS}/by-correlation/corr-none`),
      await execute(byHand, "pop_0"),
    ]) {
      expect(refusalOf(answer)).toBe("404 DPM_ASYNC_OPERATION_NOT_FOUND");
    }
    const asProposal = await byHand.get(`${PROPOSAL_OPERATIONS}/${latest.operation_id}`);
    expect(refusalOf(asProposal)).toBe("404 PROPOSAL_ASYNC_OPERATION_NOT_FOUND");
  });

  it("shows a large result as the bytes that are stored, wherever it is shown", async () => {
    const headers = { "X-Correlation-Id": "corr-large-result" };
    const { operation_id: id } = await acceptAnalysis(byHand, headers);
    await execute(byHand, id);
    const before = await byHand.get(`${OPERATIONS}/${id}`);
    const large = `"warnings":["${"é😀€".repeat(200_000)}"]`;
    const { rows } = await withSession(test.adminUrl, async (session) => {
      await session.query("begin; set local session_replication_role = replica");
      const altered = await session.query<{ result_text: string }>(
        `update async_operation
            set result_text = replace(result_text, '"warnings":[]}', $2)
          where operation_id = $1
      returning result_text`,
        [id, `${large}}`],
      );
      await session.query("commit");
      return altered;
    });
    const stored = rows[0]?.result_text ?? "";
    expect(Buffer.byteLength(stored)).toBeGreaterThan(1_500_000);
    // In the order of its fields as they were sent.
    const result = JSON.stringify(
      z.looseObject({ result: z.unknown() }).parse(JSON.parse(before.text)).result,
    );
    for (const path of [id, "by-correlation/corr-large-result"]) {
      const answer = await byHand.get(`${OPERATIONS}/${path}`);
      expect(answer.text === before.text.replace(result, stored)).toBe(true);
      expect(answer.headers["content-length"]).toBe(String(Buffer.byteLength(answer.text)));
    }
    const runs = await byHand.get(`/rebalance/runs?limit=1`);
    const [run] = read(DpmRunListResponse, runs).items;
    for (const of of [`by-operation/${id}`, run?.rebalance_run_id ?? ""]) {
      const bundle = await byHand.get(`/rebalance/runs/${of}/support-bundle`);
      expect(bundle.text.includes(`"result":${stored}`), of).toBe(true);
      expect(read(DpmRunSupportBundleResponse, bundle).async_operation?.operation_id).toBe(id);
    }
  });

  it("lists them newest first, page by page, by filter", async () => {
    const headers = { "X-Tenant-Id": "tenant-list" };
    const ids: string[] = [];
    for (let number = 0; number < 5; number += 1) {
      ids.unshift(
        (await acceptAnalysis(byHand, { ...headers, "X-Correlation-Id": `c-${String(number)}` }))
          .operation_id,
      );
    }
    await byHand.post(`${OPERATIONS}/${String(ids[0])}/execute`, { headers });
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page = await byHand.get(`${OPERATIONS}?limit=2${cursor && `&cursor=${cursor}`}`, headers);
      const { items, next_cursor } = read(DpmAsyncOperationListResponse, page);
      seen.push(...items.map((item) => item.operation_id));
      cursor = next_cursor;
    }
    expect(seen).toEqual(ids);
    const listed = async (query: string) => {
      const page = await byHand.get(`${OPERATIONS}?${query}`, headers);
      return read(DpmAsyncOperationListResponse, page).items.map((item) => item.operation_id);
    };
    expect(await listed("status=SUCCEEDED&operation_type=ANALYZE_SCENARIOS")).toEqual([ids[0]]);
    expect(await listed("correlation_id=c-1")).toEqual([ids[3]]);
    expect(await listed("to=2000-01-01")).toEqual([]);
    expect(await listed("from=2000-01-01")).toEqual(ids);
    const notOurs = await byHand.get(`${OPERATIONS}?cursor=abc`, headers);
    expect(refusalOf(notOurs)).toBe("422 CURSOR_INVALID");
  });
});

describe("creating proposals and versions", () => {
  it("makes what the plain request makes, found under the same key", async () => {
    const app = await working();
    const key = newKey();
    const accepted = await acceptProposal(app, CREATE, { key, body: CREATE_EXAMPLE });
    expect(accepted).toMatchObject({ operation_type: "CREATE_PROPOSAL", status: "PENDING" });
    const done = await finishedProposal(app, accepted.operation_id);
    expect(done).toMatchObject({
      status: "SUCCEEDED",
      idempotency_key: key,
      created_by: CREATE_EXAMPLE.created_by,
      proposal_id: done.result?.proposal.proposal_id,
    });
    const byKey = await app.get(`/rebalance/proposals/idempotency/${key}`);
    expect(read(ProposalIdempotencyLookupResponse, byKey).proposal_id).toBe(done.proposal_id);
    const plain = await app.post("/rebalance/proposals", { key, body: CREATE_EXAMPLE });
    expect(plain.headers["idempotent-replayed"]).toBe("true");
    expect(plain.json).toEqual(done.result);
    const verified = await app.get(`/rebalance/proposals/${String(done.proposal_id)}/verify`);
    expect(read(ProposalVerificationResponse, verified).valid).toBe(true);
  });

  it("makes nothing twice where the plain request came first, and fails where its payload was another", async () => {
    const app = await working();
    const key = newKey();
    const plain = await app.post("/rebalance/proposals", { key, body: CREATE_EXAMPLE });
    const same = await acceptProposal(app, CREATE, { key, body: CREATE_EXAMPLE });
    const done = await finishedProposal(app, same.operation_id);
    expect(done.result).toEqual(plain.json);
    expect(await count(`proposal_version where idempotency_key = '${key}'`)).toBe(1);
    const taken = newKey();
    await plainProposal(app, taken);
    const body = { ...CREATE_EXAMPLE, created_by: "another" };
    const other = await acceptProposal(app, CREATE, { key: taken, body });
    expect(await finishedProposal(app, other.operation_id)).toMatchObject({
      status: "FAILED",
      error: {
        code: "IDEMPOTENCY_KEY_CONFLICT",
        message: "IDEMPOTENCY_KEY_CONFLICT: request hash mismatch",
      },
    });
  });

  it("adds a version, and tells at once of a proposal that is not there", async () => {
    const app = await working();
    const id = await plainProposal(app);
    const accepted = await acceptProposal(app, `/rebalance/proposals/${id}/versions/async`, {
      key: newKey(),
      body: VERSION_EXAMPLE,
    });
    expect(accepted.operation_type).toBe("CREATE_PROPOSAL_VERSION");
    const done = await finishedProposal(app, accepted.operation_id);
    expect(done).toMatchObject({
      status: "SUCCEEDED",
      proposal_id: id,
      result: { version: { version_no: 2 } },
    });
    const key = newKey();
    const missing = await app.post("/rebalance/proposals/pp_0/versions/async", {
      key,
      body: VERSION_EXAMPLE,
    });
    expect(refusalOf(missing)).toBe("404 PROPOSAL_NOT_FOUND");
    expect(await count(`idempotency_record where idempotency_key = '${key}'`)).toBe(0);
  });

  it("fails a version that the state of the proposal does not take, with the code of the plain request", async () => {
    const app = await working();
    const id = await plainProposal(app);
    const cancel = { event_type: "CANCELLED", actor_id: "a", expected_state: "DRAFT" };
    await app.post(`/rebalance/proposals/${id}/transitions`, { key: newKey(), body: cancel });
    const accepted = await acceptProposal(app, `/rebalance/proposals/${id}/versions/async`, {
      key: newKey(),
      body: VERSION_EXAMPLE,
    });
    expect(await finishedProposal(app, accepted.operation_id)).toMatchObject({
      status: "FAILED",
      result: null,
      error: {
        code: "PROPOSAL_TERMINAL_STATE",
        message: "PROPOSAL_TERMINAL_STATE: cannot create version",
      },
    });
  });

  it("finds the latest operation of a correlation id", async () => {
    const headers = { "X-Correlation-Id": "corr-proposal" };
    const accepted = await acceptProposal(byHand, CREATE, { key: newKey(), body: CREATE_EXAMPLE, headers });
    const found = await byHand.get(`${PROPOSAL_OPERATIONS}/by-correlation/corr-proposal`);
    expect(read(ProposalAsyncOperationStatusResponse, found)).toMatchObject({
      operation_id: accepted.operation_id,
      status: "PENDING",
    });
    const none = await byHand.get(`${PROPOSAL_OPERATIONS}/by-correlation/corr-none`);
    expect(refusalOf(none)).toBe("404 PROPOSAL_ASYNC_OPERATION_NOT_FOUND");
  });

  it("takes a version without a key where the deployment is for callers older than the rule", async () => {
    const app = await deployment({ REQUIRE_IDEMPOTENCY_KEY: "create", DPM_ASYNC_EXECUTION_MODE: "INLINE" });
    const versions = `/rebalance/proposals/${await plainProposal(app)}/versions/async`;
    for (const version_no of [2, 3]) {
      const accepted = await acceptProposal(app, versions, { body: VERSION_EXAMPLE });
      expect(await finishedProposal(app, accepted.operation_id)).toMatchObject({
        status: "SUCCEEDED",
        idempotency_key: null,
        result: { version: { version_no } },
      });
    }
    const analyses = [
      await app.post(ANALYZE, { body: ANALYZE_EXAMPLE }),
      await app.post(ANALYZE, { body: ANALYZE_EXAMPLE }),
    ].map((answer) => read(DpmAsyncAcceptedResponse, answer).operation_id);
    expect(new Set(analyses).size).toBe(2);
  });
});

describe("a switch that is off answers 404 with its name", () => {
  it.each([
    [
      "DPM_ASYNC_OPERATIONS_ENABLED",
      "DPM_ASYNC_OPERATIONS_DISABLED",
      [
        ["POST", ANALYZE],
        ["GET", OPERATIONS],
        ["GET", `${OPERATIONS}/dop_0`],
        ["GET", `${OPERATIONS}/by-correlation/c`],
        ["POST", `${OPERATIONS}/dop_0/execute`],
      ],
    ],
    [
      "DPM_ASYNC_MANUAL_EXECUTION_ENABLED",
      "DPM_ASYNC_MANUAL_EXECUTION_DISABLED",
      [["POST", `${OPERATIONS}/dop_0/execute`]],
    ],
    [
      "PROPOSAL_ASYNC_OPERATIONS_ENABLED",
      "PROPOSAL_ASYNC_OPERATIONS_DISABLED",
      [
        ["POST", CREATE],
        ["POST", "/rebalance/proposals/pp_0/versions/async"],
        ["GET", `${PROPOSAL_OPERATIONS}/pop_0`],
        ["GET", `${PROPOSAL_OPERATIONS}/by-correlation/c`],
      ],
    ],
    ["PROPOSAL_WORKFLOW_LIFECYCLE_ENABLED", "PROPOSAL_WORKFLOW_LIFECYCLE_DISABLED", [["POST", CREATE]]],
  ] as const)("%s", async (name, detail, routes) => {
    const app = await deployment({ [name]: "false" });
    for (const [method, path] of routes) {
      const answer = await app.send(method, path, method === "POST" ? { body: {} } : {});
      expect(refusalOf(answer), path).toBe(`404 ${detail}`);
    }
  });

  it("and is_executable tells the truth about it", async () => {
    const accepted = await acceptAnalysis(byHand);
    const app = await deployment({ DPM_ASYNC_MANUAL_EXECUTION_ENABLED: "false" });
    expect(operationIn(await app.get(accepted.status_url)).is_executable).toBe(false);
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BatchRebalanceResult } from "../../../src/contract/rebalance.ts";
import {
  DpmAsyncAcceptedResponse,
  DpmAsyncOperationListResponse,
  DpmAsyncOperationStatusResponse,
} from "../../../src/features/operations/schemas.ts";
import { CREATE_EXAMPLE } from "../../../src/features/proposals/examples.ts";
import { ProposalAsyncAcceptedResponse } from "../../../src/features/proposals/operations-schemas.ts";
import { ANALYZE_EXAMPLE } from "../../../src/features/rebalance/examples.ts";
import { purge } from "../../../src/features/retention/purge-expired.ts";
import { DpmRunSupportBundleResponse } from "../../../src/features/support/schemas.ts";
import { newId } from "../../../src/platform/ids.ts";
import { openTestApp, read, refusalOf, type Received, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { newKey } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";

const TTL_SECONDS = 600;
const OPERATIONS = "/rebalance/operations";

let db: TestDatabase;
let app: TestApp;
/** The same deployment, but it leaves what it accepted to be executed by hand. */
let byHand: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  const ttl = { DPM_ASYNC_OPERATIONS_TTL_SECONDS: String(TTL_SECONDS) };
  app = await openTestApp(db.url, { ...ttl, DPM_ASYNC_EXECUTION_MODE: "INLINE" });
  byHand = await openTestApp(db.url, { ...ttl, DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" });
});

afterAll(async () => {
  await app.close();
  await byHand.close();
  await db.drop();
});

async function analyze(by: TestApp, correlationId: string, key = newKey("keep")) {
  const headers = { "x-correlation-id": correlationId };
  const answer = await by.post("/rebalance/analyze/async", { key, body: ANALYZE_EXAMPLE, headers });
  return { key, answer, id: read(DpmAsyncAcceptedResponse, answer).operation_id };
}

async function createProposal(): Promise<{ id: string; correlationId: string }> {
  const answer = await app.post("/rebalance/proposals/async", { key: newKey("keep"), body: CREATE_EXAMPLE });
  const { operation_id: id, correlation_id: correlationId } = read(ProposalAsyncAcceptedResponse, answer);
  return { id, correlationId };
}

/** Lets time pass for an operation, accepted and all, as no trigger would let anybody. */
async function age(id: string, seconds: number): Promise<void> {
  await withSession(db.adminUrl, async (session) => {
    await session.query("begin; set local session_replication_role = replica");
    await session.query(
      `update async_operation
          set created_at = created_at - $2 * interval '1 second', finished_at = finished_at - $2 * interval '1 second'
        where operation_id = $1`,
      [id, seconds],
    );
    await session.query("commit");
  });
}

async function purgeNow(): Promise<number> {
  let purged = 0;
  await purge({
    database: app.database,
    owner: "process-a",
    newId,
    periods: { operationsTtlSeconds: TTL_SECONDS, runDays: 0, eventDays: 0 },
    batchSize: 100,
    onPurged: (what, count) => (purged += what === "operations" ? count : 0),
    onOverruled: (overruled) => expect(overruled).toBeUndefined(),
  });
  return purged;
}

const operationIn = (answer: Received) => read(DpmAsyncOperationStatusResponse, answer);

describe("an operation that was finished longer ago than the TTL", () => {
  it("is not there, before the purge as after it", async () => {
    const correlationId = "corr-past";
    const { id } = await analyze(app, correlationId);
    const done = operationIn(await app.get(`${OPERATIONS}/${id}`));
    const [made] = Object.values(BatchRebalanceResult.parse(done.result).results);
    const proposal = await createProposal();
    await age(id, TTL_SECONDS + 1);
    await age(proposal.id, TTL_SECONDS + 1);
    const answers = async () => [
      refusalOf(await app.get(`${OPERATIONS}/${id}`)),
      refusalOf(await app.get(`${OPERATIONS}/by-correlation/${correlationId}`)),
      refusalOf(await app.post(`${OPERATIONS}/${id}/execute`, {})),
      read(DpmAsyncOperationListResponse, await app.get(`${OPERATIONS}?correlation_id=${correlationId}`))
        .items,
      refusalOf(await app.get(`/rebalance/runs/by-operation/${id}/support-bundle`)),
      read(
        DpmRunSupportBundleResponse,
        await app.get(`/rebalance/runs/${String(made?.rebalance_run_id)}/support-bundle`),
      ).async_operation,
      refusalOf(await app.get(`/rebalance/proposals/operations/${proposal.id}`)),
      refusalOf(await app.get(`/rebalance/proposals/operations/by-correlation/${proposal.correlationId}`)),
    ];
    const before = await answers();
    expect(before).toEqual([
      "404 DPM_ASYNC_OPERATION_NOT_FOUND",
      "404 DPM_ASYNC_OPERATION_NOT_FOUND",
      "404 DPM_ASYNC_OPERATION_NOT_FOUND",
      [],
      "404 DPM_ASYNC_OPERATION_NOT_FOUND",
      null,
      "404 PROPOSAL_ASYNC_OPERATION_NOT_FOUND",
      "404 PROPOSAL_ASYNC_OPERATION_NOT_FOUND",
    ]);
    expect(await purgeNow()).toBe(2);
    expect(await answers()).toEqual(before);
  });

  it("leaves its correlation id to an earlier one that is still kept", async () => {
    const correlationId = "corr-earlier";
    const waiting = await analyze(byHand, correlationId);
    const later = await analyze(app, correlationId);
    const found = async () => operationIn(await app.get(`${OPERATIONS}/by-correlation/${correlationId}`));
    expect((await found()).operation_id).toBe(later.id);
    await age(waiting.id, TTL_SECONDS + 2);
    await age(later.id, TTL_SECONDS + 1);
    expect((await found()).operation_id).toBe(waiting.id);
  });

  it("is still what its key was answered with", async () => {
    const { id, key, answer } = await analyze(app, "corr-replayed");
    await age(id, TTL_SECONDS + 1);
    const again = await analyze(app, "corr-replayed", key);
    expect(again.answer.text).toBe(answer.text);
    expect(again.answer.headers["idempotent-replayed"]).toBe("true");
  });
});

describe("an operation is kept", () => {
  it("until the TTL has passed since it was finished", async () => {
    const { id } = await analyze(app, "corr-kept");
    await age(id, TTL_SECONDS - 60);
    expect(operationIn(await app.get(`${OPERATIONS}/${id}`)).status).toBe("SUCCEEDED");
    const page = await app.get(`${OPERATIONS}?correlation_id=corr-kept`);
    expect(read(DpmAsyncOperationListResponse, page).items).toHaveLength(1);
    await purgeNow();
    expect(operationIn(await app.get(`${OPERATIONS}/${id}`)).status).toBe("SUCCEEDED");
  });

  it("for as long as it is not finished, and can be executed then", async () => {
    const { id } = await analyze(byHand, "corr-waiting");
    await age(id, 100 * TTL_SECONDS);
    expect(operationIn(await byHand.get(`${OPERATIONS}/${id}`)).status).toBe("PENDING");
    const done = await byHand.post(`${OPERATIONS}/${id}/execute`, {});
    expect(operationIn(done).status).toBe("SUCCEEDED");
  });
});

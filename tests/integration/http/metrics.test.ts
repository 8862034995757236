import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startBackground, type Background } from "../../../src/background.ts";
import { BatchRebalanceResult } from "../../../src/contract/rebalance.ts";
import { DpmAsyncAcceptedResponse } from "../../../src/features/operations/schemas.ts";
import { CREATE_EXAMPLE } from "../../../src/features/proposals/examples.ts";
import { ANALYZE_EXAMPLE } from "../../../src/features/rebalance/examples.ts";
import { openTestApp, read, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { NEEDS_REVIEW, newKey, rebalanceBody } from "../../support/runs.ts";

const READY = 'ballast_rebalance_runs_total{status="READY"}';
const PENDING_REVIEW = 'ballast_rebalance_runs_total{status="PENDING_REVIEW"}';

let db: TestDatabase;
let app: TestApp;
let background: Background;

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url, { DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" });
  background = startBackground(app.runtime, app.works);
});
afterAll(async () => {
  await background.stop();
  await app.close();
  await db.drop();
});

/** The value of each series as it stands; what was never counted is 0. */
async function values(...series: string[]): Promise<number[]> {
  const { status, text } = await app.get("/metrics");
  expect(status).toBe(200);
  const lines = text.split("\n");
  return series.map((name) =>
    Number(
      lines
        .find((line) => line.startsWith(`${name} `))
        ?.split(" ")
        .at(-1) ?? 0,
    ),
  );
}

/** By how much each series moved while `work` was done. */
async function moved(series: readonly string[], work: () => Promise<unknown>): Promise<number[]> {
  const before = await values(...series);
  await work();
  return (await values(...series)).map((value, at) => value - (before[at] ?? Number.NaN));
}

const simulate = (key: string, body: unknown = rebalanceBody()) =>
  app.post("/rebalance/simulate", { key, body });

test("a run counts once, whatever is repeated; a repetition and a conflict count as such", async () => {
  const replays = 'ballast_idempotent_replays_total{scope="rebalance.simulate"}';
  const conflicts = 'ballast_idempotency_conflicts_total{scope="rebalance.simulate"}';
  const series = [READY, PENDING_REVIEW, replays, conflicts];
  const key = newKey();
  expect(await moved(series, () => simulate(key))).toEqual([1, 0, 0, 0]);
  expect(await moved(series, () => simulate(key))).toEqual([0, 0, 1, 0]);
  expect(await moved(series, () => simulate(key, rebalanceBody({}, "7")))).toEqual([0, 0, 0, 1]);
  expect(await moved(series, () => simulate(newKey(), rebalanceBody(NEEDS_REVIEW)))).toEqual([0, 1, 0, 0]);
  expect(await moved(series, () => simulate(newKey(), {}))).toEqual([0, 0, 0, 0]);
});

test("an analysis counts the runs that it stored, once, with a key and without", async () => {
  const { options, ...inputs } = rebalanceBody();
  const body = {
    ...inputs,
    scenarios: { as_is: { options }, capped: { options: NEEDS_REVIEW }, wrong: { options: { unknown: 1 } } },
  };
  const replays = 'ballast_idempotent_replays_total{scope="rebalance.analyze"}';
  const series = [READY, PENDING_REVIEW, replays];
  const key = newKey();
  expect(await moved(series, () => app.post("/rebalance/analyze", { key, body }))).toEqual([1, 1, 0]);
  expect(await moved(series, () => app.post("/rebalance/analyze", { key, body }))).toEqual([0, 0, 1]);
  expect(await moved(series, () => app.post("/rebalance/analyze", { body }))).toEqual([1, 1, 0]);
});

test("an operation is seen pending, then succeeded; its runs count when it is done", async () => {
  const kind = (status: string) => `ballast_operations{type="ANALYZE_SCENARIOS",status="${status}"}`;
  const age = 'ballast_operations_oldest_age_seconds{type="ANALYZE_SCENARIOS",status="PENDING"}';
  const ofSucceeded = 'ballast_operations_oldest_age_seconds{type="ANALYZE_SCENARIOS",status="SUCCEEDED"}';
  const attempts = 'ballast_operation_attempts_total{type="ANALYZE_SCENARIOS",end="succeeded"}';
  const series = [kind("PENDING"), kind("SUCCEEDED"), attempts, READY];
  const accepted = await app.post("/rebalance/analyze/async", { key: newKey(), body: ANALYZE_EXAMPLE });
  const { execute_url } = read(DpmAsyncAcceptedResponse, accepted);
  expect(await values(...series.slice(0, 3))).toEqual([1, 0, 0]);
  expect((await app.get("/metrics")).text).toContain(age);

  const plain = read(BatchRebalanceResult, await app.post("/rebalance/analyze", { body: ANALYZE_EXAMPLE }));
  const ready = Object.values(plain.results).filter(({ status }) => status === "READY").length;
  expect(ready).toBeGreaterThan(0);
  expect(await moved(series, () => app.post(execute_url, {}))).toEqual([-1, 1, 1, ready]);
  const { text } = await app.get("/metrics");
  expect(text).not.toContain(age);
  expect(text).not.toContain(ofSucceeded);
  const again = await app.post(execute_url, {});
  expect(refusalOf(again)).toBe("409 DPM_ASYNC_OPERATION_NOT_EXECUTABLE");
  expect(await values(...series.slice(0, 3))).toEqual([0, 1, 1]);
});

test("an operation that failed stays in sight as long as it is kept", async () => {
  const key = newKey();
  await app.post("/rebalance/proposals", { key, body: CREATE_EXAMPLE });
  const other = { ...CREATE_EXAMPLE, created_by: "somebody_else" };
  expect((await app.post("/rebalance/proposals/async", { key, body: other })).status).toBe(202);
  await vi.waitFor(
    async () => {
      const failed = await values('ballast_operations{type="CREATE_PROPOSAL",status="FAILED"}');
      expect(failed).toEqual([1]);
    },
    { timeout: 20_000, interval: 50 },
  );
  expect(await values('ballast_worker_claims_total{type="CREATE_PROPOSAL"}')).toEqual([1]);
});

test("requests are measured by route and status", async () => {
  const count = (status: number) =>
    `ballast_http_request_duration_seconds_count{method="POST",route="/rebalance/simulate",status="${String(status)}"}`;
  expect(await moved([count(200), count(422)], () => simulate(newKey()))).toEqual([1, 0]);
  expect(await moved([count(200), count(422)], () => simulate(newKey(), {}))).toEqual([0, 1]);
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BatchRebalanceResult } from "../../../src/contract/rebalance.ts";
import { DpmRunListResponse, DpmRunLookupResponse } from "../../../src/features/runs/schemas.ts";
import { openTestApp, read, refusalOf, type Received, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { NEEDS_REVIEW, newKey, rebalanceBody } from "../../support/runs.ts";

let db: TestDatabase;
let app: TestApp;
let elsewhere: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url);
  elsewhere = await openTestApp(db.url);
});
afterAll(async () => {
  await app.close();
  await elsewhere.close();
  await db.drop();
});

const SCENARIOS = { b_capped: { options: NEEDS_REVIEW }, a_as_is: { options: {} } };

function batchBody(scenarios: Readonly<Record<string, unknown>> = SCENARIOS) {
  const { portfolio_snapshot, market_data_snapshot, model_portfolio, shelf_entries } = rebalanceBody();
  return { portfolio_snapshot, market_data_snapshot, model_portfolio, shelf_entries, scenarios };
}

type Sent = { readonly key?: string; readonly headers?: Record<string, string>; readonly body?: unknown };

const analyze = (sent: Sent = {}, at: TestApp = app): Promise<Received> =>
  at.post("/rebalance/analyze", { body: batchBody(), ...sent });

const batchIn = (answer: Received) => read(BatchRebalanceResult, answer);

async function runCount(tenant: string): Promise<number> {
  const answer = await app.get("/rebalance/runs?limit=200", { "x-tenant-id": tenant });
  return read(DpmRunListResponse, answer).items.length;
}

describe("an analysis", () => {
  test("has its scenarios side by side, in ascending order of their names", async () => {
    const { portfolio_snapshot, market_data_snapshot, ...rest } = batchBody();
    const named = {
      ...rest,
      portfolio_snapshot: { ...portfolio_snapshot, snapshot_id: "ps_1" },
      market_data_snapshot: { ...market_data_snapshot, snapshot_id: "md_1" },
    };
    const batch = batchIn(await analyze({ body: named }));
    expect(Object.keys(batch.results)).toEqual(["a_as_is", "b_capped"]);
    expect(batch).toMatchObject({
      base_snapshot_ids: { portfolio_snapshot_id: "ps_1", market_data_snapshot_id: "md_1" },
      // 1,200 of the 2,000 belong into EQ_1, which has 1,000: one purchase of 200.
      comparison_metrics: {
        a_as_is: { status: "READY", security_intent_count: 1 },
        b_capped: { status: "PENDING_REVIEW", security_intent_count: 1 },
      },
      failed_scenarios: {},
      warnings: [],
    });
    const { gross_turnover_notional_base: turnover } = batch.comparison_metrics["a_as_is"] ?? {};
    expect([Number(turnover?.amount), turnover?.currency]).toEqual([200, "USD"]);
    expect(batchIn(await analyze()).base_snapshot_ids).toEqual({
      portfolio_snapshot_id: "pf_review",
      market_data_snapshot_id: "md",
    });
  });

  test.each([
    ["the batch id, where none was sent", undefined],
    ["the correlation id that was sent", "corr-batch"],
  ])("records each scenario as a run, its correlation id led by %s", async (_, correlationId) => {
    const headers: Record<string, string> =
      correlationId === undefined ? {} : { "x-correlation-id": correlationId };
    const answer = await analyze({ headers });
    const { batch_run_id: batchId, results } = batchIn(answer);
    expect(batchId).toMatch(/^batch_/);
    expect(answer.headers["x-correlation-id"]).toMatch(correlationId ?? /^corr_[0-9a-f]{12}$/);
    for (const name of ["a_as_is", "b_capped"]) {
      const correlation = `${correlationId ?? batchId}:${name}`;
      const found = await app.get(`/rebalance/runs/by-correlation/${correlation}`);
      const run = read(DpmRunLookupResponse, found);
      expect(run).toMatchObject({
        correlation_id: correlation,
        request_hash: `${batchId}:${name}`,
        idempotency_key: null,
      });
      expect(run.result).toEqual(results[name]);
      expect(run.result).toMatchObject({ correlation_id: correlation });
      const byHash = await app.get(`/rebalance/runs/by-request-hash/${batchId}:${name}`);
      expect(byHash.text).toBe(found.text);
    }
  });

  test("runs what it can where the options of a scenario are wrong, and says which", async () => {
    const tenant = "bank-of-partial-batches";
    const scenarios = {
      ...SCENARIOS,
      misspelt: { options: { max_turnover: "0.1" } },
      too_high: { options: { max_turnover_pct: "1.1" } },
    };
    const answer = await analyze({ headers: { "x-tenant-id": tenant }, body: batchBody(scenarios) });
    expect(answer.status).toBe(200);
    const batch = batchIn(answer);
    expect(Object.keys(batch.results)).toEqual(["a_as_is", "b_capped"]);
    expect(Object.keys(batch.comparison_metrics)).toEqual(["a_as_is", "b_capped"]);
    expect(Object.keys(batch.failed_scenarios)).toEqual(["misspelt", "too_high"]);
    for (const message of Object.values(batch.failed_scenarios))
      expect(message).toMatch(/^INVALID_OPTIONS: \S/);
    expect(batch.warnings).toEqual(["PARTIAL_BATCH_FAILURE"]);
    expect(await runCount(tenant)).toBe(2);
  });

  test("that is too large for an answer at once is refused at its scenarios", async () => {
    const { portfolio_snapshot, ...rest } = batchBody();
    const positions = Array.from({ length: 1_001 }, (_, at) => ({ instrument_id: `I${at}`, quantity: "1" }));
    const names = Array.from({ length: 20 }, (_, at) => [`s${at}`, { options: {} }]);
    const scenarios: unknown = Object.fromEntries(names);
    const body = { ...rest, portfolio_snapshot: { ...portfolio_snapshot, positions }, scenarios };
    const answer = await analyze({ body });
    expect(refusalOf(answer)).toBe("422 BATCH_TOO_LARGE");
    expect(answer.json).toMatchObject({ errors: [{ loc: ["body", "scenarios"], code: "BATCH_TOO_LARGE" }] });
  });

  test("of which every scenario fails is an answer without results", async () => {
    const key = newKey();
    const sent = { key, body: batchBody({ wrong: { options: { max_turnover_pct: "x" } } }) };
    const answer = await analyze(sent);
    expect(answer.status).toBe(200);
    const batch = batchIn(answer);
    expect(batch).toMatchObject({ results: {}, comparison_metrics: {}, warnings: ["PARTIAL_BATCH_FAILURE"] });
    expect(Object.keys(batch.failed_scenarios)).toEqual(["wrong"]);
    expect((await analyze(sent)).text).toBe(answer.text);
  });

  test.each([
    ["no scenario", {}],
    ["21 scenarios", Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`s${String(at)}`, {}]))],
    ["a name with a capital", { As_is: {} }],
    ["a name of 65 characters", { ["x".repeat(65)]: {} }],
  ])("refuses %s", async (_, scenarios) => {
    expect(refusalOf(await analyze({ body: batchBody(scenarios) }))).toBe("422 VALIDATION_FAILED");
  });
});

describe("the key of an analysis", () => {
  test("is not needed: without one every call is a batch of its own", async () => {
    const [first, second] = [batchIn(await analyze()), batchIn(await analyze())];
    expect(first.batch_run_id).not.toBe(second.batch_run_id);
  });

  test("is honoured: a repetition gets the same bytes from any process and stores nothing", async () => {
    const tenant = "bank-of-repeated-batches";
    const sent = { key: newKey(), headers: { "x-tenant-id": tenant } };
    const first = await analyze(sent);
    expect(first.headers["idempotent-replayed"]).toBeUndefined();
    // Another spelling of the same batch.
    const { a_as_is, b_capped } = SCENARIOS;
    for (const at of [app, elsewhere]) {
      const again = await analyze({ ...sent, body: batchBody({ a_as_is, b_capped }) }, at);
      expect([again.status, again.text]).toEqual([200, first.text]);
      expect(again.headers["idempotent-replayed"]).toBe("true");
    }
    expect(await runCount(tenant)).toBe(2);
  });

  test("with another payload is a conflict that stores nothing", async () => {
    const tenant = "bank-of-other-batches";
    const sent = { key: newKey(), headers: { "x-tenant-id": tenant } };
    await analyze(sent);
    const others = [{ a_as_is: { options: {} } }, { ...SCENARIOS, a_as_is: { options: NEEDS_REVIEW } }];
    for (const scenarios of others) {
      const answer = await analyze({ ...sent, body: batchBody(scenarios) }, elsewhere);
      expect(refusalOf(answer)).toBe("409 IDEMPOTENCY_KEY_CONFLICT: request hash mismatch");
    }
    expect(await runCount(tenant)).toBe(2);
  });

  test("makes one batch of many callers at two processes", async () => {
    const tenant = "bank-of-racing-batches";
    const sent = { key: newKey(), headers: { "x-tenant-id": tenant } };
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, at) => analyze(sent, at % 2 === 0 ? app : elsewhere)),
    );
    expect(new Set(answers.map(({ status, text }) => `${String(status)} ${text}`)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers["idempotent-replayed"] === undefined)).toHaveLength(1);
    expect(await runCount(tenant)).toBe(2);
  });

  test("belongs to its tenant, and is no key of simulate", async () => {
    const key = newKey();
    const [here, there] = [
      batchIn(await analyze({ key })),
      batchIn(await analyze({ key, headers: { "x-tenant-id": "bank-of-the-same-key" } })),
    ];
    expect(here.batch_run_id).not.toBe(there.batch_run_id);
    expect((await app.post("/rebalance/simulate", { key, body: rebalanceBody() })).status).toBe(200);
  });
});

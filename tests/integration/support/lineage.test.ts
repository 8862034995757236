import { afterAll, beforeAll, expect, test } from "vitest";
import { DpmAsyncAcceptedResponse } from "../../../src/features/operations/schemas.ts";
import { ANALYZE_EXAMPLE } from "../../../src/features/rebalance/examples.ts";
import { DpmLineageResponse, type DpmLineageEdgeResponse } from "../../../src/features/support/schemas.ts";
import { openTestApp, read, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { makeRun, newKey, type MadeRun } from "../../support/runs.ts";

const CORRELATION = "corr-of-lineage";

let db: TestDatabase;
let app: TestApp;
const runs: MadeRun[] = [];
let operationId: string;

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url, { DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" });
  for (let at = 0; at < 5; at += 1) runs.push(await makeRun(app, { correlationId: CORRELATION }));
  const headers = { "x-correlation-id": CORRELATION };
  const sent = { key: newKey(), headers, body: ANALYZE_EXAMPLE };
  const accepted = await app.post("/rebalance/analyze/async", sent);
  operationId = read(DpmAsyncAcceptedResponse, accepted).operation_id;
});
afterAll(async () => {
  await app.close();
  await db.drop();
});

const lineage = async (entity: string, query = "") =>
  read(DpmLineageResponse, await app.get(`/rebalance/lineage/${entity}?${query}`));

const seen = (edges: readonly DpmLineageEdgeResponse[]) =>
  edges.map(({ source_entity_id: from, edge_type, target_entity_id: to }) => `${from} ${edge_type} ${to}`);

const toRuns = () => runs.map(({ id }) => `${CORRELATION} CORRELATION_TO_RUN ${id}`);
const toCorrelation = () => `${operationId} OPERATION_TO_CORRELATION ${CORRELATION}`;

async function everyPage(entity: string, query: string): Promise<string[]> {
  const all: string[] = [];
  let after: string | null = "";
  while (after !== null) {
    const { edges, next_cursor } = await lineage(entity, `${query}${after && `&cursor=${after}`}`);
    all.push(...seen(edges));
    after = next_cursor;
  }
  return all;
}

test("has the edges from and to a correlation id, oldest first, whatever the size of a page", async () => {
  const all = [...toRuns(), toCorrelation()];
  for (const limit of [1, 2, 6, 200]) {
    expect(await everyPage(CORRELATION, `limit=${String(limit)}`)).toEqual(all);
  }
  expect(await lineage(CORRELATION)).toMatchObject({ entity_id: CORRELATION, next_cursor: null });
});

test("has those of a run, a key and an operation", async () => {
  const [first] = runs;
  const { id, key } = first ?? { id: "", key: "" };
  const byKey = `${key} IDEMPOTENCY_TO_RUN ${id}`;
  expect(seen((await lineage(id)).edges).sort()).toEqual([toRuns()[0], byKey].sort());
  expect(seen((await lineage(key)).edges)).toEqual([byKey]);
  expect(seen((await lineage(operationId)).edges)).toEqual([toCorrelation()]);
});

test("is filtered by type and time", async () => {
  const { edges } = await lineage(CORRELATION);
  expect(await everyPage(CORRELATION, "limit=2&edge_type=CORRELATION_TO_RUN")).toEqual(toRuns());
  expect(await everyPage(CORRELATION, "edge_type=OPERATION_TO_CORRELATION")).toEqual([toCorrelation()]);
  expect(await everyPage(CORRELATION, "edge_type=IDEMPOTENCY_TO_RUN")).toEqual([]);
  const middle = String(edges[3]?.created_at);
  const since = edges.filter(({ created_at }) => created_at >= middle);
  const until = edges.filter(({ created_at }) => created_at <= middle);
  expect(await everyPage(CORRELATION, `limit=1&from=${middle}`)).toEqual(seen(since));
  expect(await everyPage(CORRELATION, `limit=1&to=${middle}`)).toEqual(seen(until));
  expect(await everyPage(CORRELATION, "to=2000-01-01")).toEqual([]);
});

test("is stable while edges are added", async () => {
  const first = await lineage(CORRELATION, "limit=3");
  await makeRun(app, { correlationId: CORRELATION });
  const next = await lineage(CORRELATION, `limit=3&cursor=${String(first.next_cursor)}`);
  expect(seen([...first.edges, ...next.edges])).toEqual([...toRuns(), toCorrelation()]);
});

test("of what is not there, or is another tenant's, is empty", async () => {
  const nothing = { edges: [], next_cursor: null };
  expect(await lineage("rr_of_nobody")).toEqual({ ...nothing, entity_id: "rr_of_nobody" });
  const foreign = await app.get(`/rebalance/lineage/${CORRELATION}`, { "x-tenant-id": "bank-of-nobody" });
  expect(read(DpmLineageResponse, foreign)).toEqual({ ...nothing, entity_id: CORRELATION });
});

test.each(["limit=0", "limit=201", "edge_type=RUN", "from=yesterday", "type=x"])(
  "refuses %s",
  async (query) => {
    expect(refusalOf(await app.get(`/rebalance/lineage/x?${query}`))).toBe("422 VALIDATION_FAILED");
  },
);

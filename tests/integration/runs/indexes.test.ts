import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fill } from "../../../scripts/bench/fill.ts";
import {
  findOperation,
  listOperations,
  type OperationFilters,
} from "../../../src/features/operations/repository/operations.ts";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import type { Tx } from "../../../src/platform/database/transaction.ts";
import { listEdges } from "../../../src/features/support/repository/lineage.ts";
import {
  findKeyMapping,
  findRun,
  listKeyHistory,
  listRuns,
  type RunFilters,
} from "../../../src/features/runs/repository.ts";
import {
  findLatestDecision,
  findReviewedRun,
  listDecisions,
  listRunDecisions,
  type DecisionFilters,
} from "../../../src/features/reviews/repository.ts";
import { rollUpCounts } from "../../../src/features/support/roll-up-counts.ts";
import { readCounts, readExtent } from "../../../src/features/support/repository/counts.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { plansOf } from "../../support/plans.ts";
import { withSession } from "../../support/session.ts";

const TENANT = "default";
const ROWS = 10_000;
const FILL_PATIENCE_MS = 180_000;
const FIRST_PAGE = { tenantId: TENANT, after: undefined, limit: 50 };
const NOW = new Date().toISOString();
const DAY_AGO = new Date(Date.now() - 86_400_000).toISOString();
const ID = `rr_${"1".repeat(32)}`;

/** Operations beyond those of the runs: so many that reading them all and sorting is no choice. */
const MORE_OPERATIONS = `
  set session_replication_role = replica;
  insert into async_operation
    (tenant_id, operation_id, operation_type, status, correlation_id, request_text, attempt, lease_owner, result_text,
     error_code, error_message, created_at, started_at, finished_at)
  select '${TENANT}', 'dop_f' || lpad(to_hex(n), 31, '0'), 'ANALYZE_SCENARIOS',
         case when n % 10 > 0 then 'SUCCEEDED' else 'FAILED' end, 'more ' || n, '{}', 1, 'w',
         case when n % 10 > 0 then '{}' end, case when n % 10 = 0 then 'X' end, case when n % 10 = 0 then 'x' end,
         made_at, made_at, made_at
    from generate_series(1, 20000) n
   cross join lateral (select now() - n * interval '4 seconds') as time (made_at);
  set session_replication_role = origin;
  analyze async_operation;`;

let db: TestDatabase;
let database: Database;

beforeAll(async () => {
  db = await testDatabase();
  database = openTestDatabase(db.url);
  await fill(db.adminUrl, ROWS, () => undefined);
  await rollUpCounts({ database, batchSize: 1_000 });
  await withSession(db.adminUrl, (session) => session.query(MORE_OPERATIONS));
}, FILL_PATIENCE_MS);
afterAll(async () => {
  await closeDatabase(database);
  await db.drop();
});

const plan = (send: (tx: Tx) => Promise<unknown>) => plansOf(database, TENANT, send);

/** Wide enough that reading them all and sorting is no choice. */
const TIMES = { from: new Date(Date.now() - 60 * 86_400_000).toISOString(), to: NOW };

describe("a list reads its page from an index, in order", () => {
  test.each<[string, RunFilters, string]>([
    ["of all runs", {}, "rebalance_run_newest"],
    ["of runs of a time", TIMES, "rebalance_run_newest"],
    ["of runs of a status", { status: "BLOCKED" }, "rebalance_run_by_status"],
    ["of runs of a status and time", { status: "BLOCKED", ...TIMES }, "rebalance_run_by_status"],
    ["of runs of a portfolio", { portfolio_id: "pf_0007" }, "rebalance_run_by_portfolio"],
    ["of runs of a request hash", { request_hash: "sha256:1" }, "rebalance_run_by_request_hash"],
  ])("%s", async (_title, filters, index) => {
    for (const after of [undefined, { createdAt: DAY_AGO, id: ID }]) {
      const seen = await plan((tx) => listRuns(tx, filters, { ...FIRST_PAGE, after }));
      expect(seen).toContain(index);
      expect(seen).not.toMatch(/Seq Scan|Sort/);
    }
  });

  test.each<[string, DecisionFilters, string]>([
    ["of all decisions", {}, "run_decision_newest"],
    ["of decisions of a time", TIMES, "run_decision_newest"],
    ["of decisions of an action", { action: "REJECT" }, "run_decision_by_action"],
    ["of decisions of an actor", { actor_id: "officer_8" }, "run_decision_by_actor"],
    ["of decisions of a reason", { reason_code: "CLIENT_AGREED" }, "run_decision_by_reason"],
  ])("%s", async (_title, filters, index) => {
    const position = { decided_at: DAY_AGO, decision_no: 1, decision_id: `dwd_${"1".repeat(32)}` };
    for (const after of [undefined, position]) {
      const seen = await plan((tx) => listDecisions(tx, filters, { ...FIRST_PAGE, after }));
      expect(seen).toContain(index);
      expect(seen).not.toMatch(/Seq Scan|Sort/);
    }
  });

  test.each<[string, Partial<OperationFilters>, string]>([
    ["of all operations", {}, "async_operation_newest"],
    ["of operations of a time", TIMES, "async_operation_newest"],
    ["of operations of a status", { status: "FAILED" }, "async_operation_by_status"],
    ["of operations of a correlation id", { correlation_id: "c" }, "async_operation_by_correlation"],
  ])("%s", async (_title, filters, index) => {
    for (const after of [undefined, { createdAt: DAY_AGO, id: `dop_${"1".repeat(32)}` }]) {
      const seen = await plan((tx) =>
        listOperations(tx, TENANT, { operation_type: "ANALYZE_SCENARIOS", ...filters }, DAY_AGO, {
          ...FIRST_PAGE,
          after,
        }),
      );
      expect(seen).toContain(index);
      expect(seen).not.toMatch(/Seq Scan|Sort/);
    }
  });
});

describe("by index, never by a scan of the table, is found", () => {
  const position = {
    created_at: DAY_AGO,
    edge_type: "CORRELATION_TO_RUN" as const,
    source_entity_id: "c",
    target_entity_id: ID,
  };
  const types = ["ANALYZE_SCENARIOS" as const];

  test.each<[string, (tx: Tx) => Promise<unknown>]>([
    ["a run by id", (tx) => findRun(tx, TENANT, { by: "rebalance_run_id", value: ID })],
    ["a run by correlation id", (tx) => findRun(tx, TENANT, { by: "correlation_id", value: "c" })],
    ["a run by request hash", (tx) => findRun(tx, TENANT, { by: "request_hash", value: "h" })],
    ["a run by key", (tx) => findRun(tx, TENANT, { by: "idempotency_key", value: "k" })],
    ["what a key maps to", (tx) => findKeyMapping(tx, TENANT, "k")],
    ["the history of a key", (tx) => listKeyHistory(tx, TENANT, "k")],
    ["lineage", (tx) => listEdges(tx, ID, {}, FIRST_PAGE)],
    [
      "lineage of a type and time",
      (tx) => listEdges(tx, ID, { edge_type: "CORRELATION_TO_RUN", ...TIMES }, FIRST_PAGE),
    ],
    ["a later page of lineage", (tx) => listEdges(tx, ID, {}, { ...FIRST_PAGE, after: position })],
    ["a review", (tx) => findReviewedRun(tx, TENANT, { by: "correlation_id", value: "c" })],
    ["the latest decision of a run", (tx) => findLatestDecision(tx, TENANT, ID)],
    ["the decisions of a run", (tx) => listRunDecisions(tx, TENANT, ID)],
    ["a page of the decisions of a run", (tx) => listDecisions(tx, { rebalance_run_id: ID }, FIRST_PAGE)],
    ["an operation", (tx) => findOperation(tx, TENANT, { by: "operation_id", value: "o" }, types, DAY_AGO)],
    [
      "the latest operation of a correlation id",
      (tx) => findOperation(tx, TENANT, { by: "correlation_id", value: "c" }, types, DAY_AGO),
    ],
  ])("%s", async (_title, send) => {
    const seen = await plan(send);
    expect(seen).toMatch(/Index (Only )?Scan/);
    expect(seen).not.toContain("Seq Scan");
  });
});

test("the oldest and newest of everything are the ends of indexes", async () => {
  // Explained, the statement returns no row, which readExtent rightly refuses.
  const seen = await plan((tx) => expect(readExtent(tx, TENANT)).rejects.toThrow("no row"));
  expect(seen).toContain("Index Only Scan Backward using rebalance_run_newest");
  expect(seen).not.toMatch(/Seq Scan|Sort/);
});

test("the summary's counts read no table of what they count", async () => {
  const seen = await plan((tx) => readCounts(tx, TENANT));
  expect(seen).toContain("supportability_count");
  expect(seen).not.toMatch(/rebalance_run|async_operation|run_decision|lineage_edge/);
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { fill } from "../../../scripts/bench/fill.ts";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import type { Tx } from "../../../src/platform/database/transaction.ts";
import { findRevision, listPacks } from "../../../src/features/policies/repository.ts";
import { findOperationOfRun, findRunOfOperation } from "../../../src/features/support/repository/bundles.ts";
import { readEvidence } from "../../../src/features/support/repository/evidence.ts";
import { decisionExists, findRunOfAction, lockReview } from "../../../src/features/reviews/repository.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { manyWaves } from "../../support/many-waves.ts";
import { plansOf } from "../../support/plans.ts";
import { withSession } from "../../support/session.ts";

const TENANT = "default";
const ID = `rr_${"1".repeat(32)}`;

let db: TestDatabase;
let database: Database;

/** Packs with three revisions each, keys of actions among those of runs, and as many operations. */
const MORE = `
  set session_replication_role = replica;
  insert into policy_pack_version
    (tenant_id, policy_pack_id, revision, version, definition_text, definition_hash, valid_from, correlation_id)
  select '${TENANT}', 'pack_' || n, revision, 'v', '{}', 'sha256:' || repeat('0', 64), now(), 'c'
    from generate_series(1, 3000) n, generate_series(1, 3) revision;
  insert into idempotency_record
    (tenant_id, scope, idempotency_key, payload_hash, response_status, response_body, rebalance_run_id, created_at)
  select tenant_id, 'rebalance.workflow:' || rebalance_run_id, 'act ' || rebalance_run_id, 'sha256:' || repeat('0', 64),
         200, '{}', rebalance_run_id, now()
    from rebalance_run;
  insert into async_operation
    (tenant_id, operation_id, operation_type, status, correlation_id, request_text, attempt, lease_owner, result_text,
     created_at, started_at, finished_at)
  select '${TENANT}', 'dop_f' || lpad(to_hex(n), 31, '0'), 'ANALYZE_SCENARIOS', 'SUCCEEDED', 'corr ' || n, '{}', 1, 'w',
         '{"results":{}}', now(), now(), now()
    from generate_series(1, 5000) n;
  set session_replication_role = origin;
  analyze;`;

beforeAll(async () => {
  db = await testDatabase();
  database = openTestDatabase(db.url);
  await fill(db.adminUrl, 5_000, () => undefined);
  await withSession(db.adminUrl, (session) => session.query(MORE + manyWaves(TENANT)));
}, 180_000);

afterAll(async () => {
  await closeDatabase(database);
  await db.drop();
});

test.each<[string, (tx: Tx) => Promise<unknown>]>([
  ["the lock of a review", (tx) => lockReview(tx, TENANT, ID)],
  ["a decision by id", (tx) => decisionExists(tx, TENANT, "dwd_x")],
  [
    "the run of an action by correlation id",
    (tx) => findRunOfAction(tx, TENANT, { by: "correlation_id", value: "c" }, "key"),
  ],
  [
    "the run of an action by key",
    (tx) => findRunOfAction(tx, TENANT, { by: "idempotency_key", value: "k" }, "key"),
  ],
  ["the run of an operation", (tx) => findRunOfOperation(tx, TENANT, "dop_x")],
  ["the operation of a run", (tx) => findOperationOfRun(tx, TENANT, ID, "2026-01-01T00:00:00.000Z")],
  ["all that is verified of a run", (tx) => readEvidence(tx, TENANT, ID)],
  ["a policy pack", (tx) => findRevision(tx, TENANT, "pack_7")],
  ["a policy pack as it was", (tx) => findRevision(tx, TENANT, "pack_7", "2026-01-01T00:00:00.000Z")],
  ["the catalogue of policy packs", (tx) => listPacks(tx, TENANT)],
])("%s is read by index, never by a scan of a table", async (_title, send) => {
  const plan = await plansOf(database, TENANT, send);
  expect(plan).toMatch(/Index (Only )?Scan/);
  expect(plan).not.toContain("Seq Scan");
});

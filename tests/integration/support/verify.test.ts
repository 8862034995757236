import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BatchRebalanceResult } from "../../../src/contract/rebalance.ts";
import { DpmRunVerificationResponse } from "../../../src/features/support/schemas.ts";
import { openTestApp, read, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { act, makeRun, NEEDS_REVIEW, newKey, rebalanceBody, type MadeRun } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";

let db: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url);
});

afterAll(async () => {
  await app.close();
  await db.drop();
});

/** A run with everything that a run can have: a key, a policy pack that changed its options, three decisions. */
async function makeWholeRun(): Promise<MadeRun> {
  await app.send("PUT", "/rebalance/policies/catalog/pack-verify", {
    body: { version: "1", turnover_policy: { max_turnover_pct: "0.2" } },
  });
  const run = await makeRun(app, { headers: { "x-policy-pack-id": "pack-verify" } });
  for (const action of ["APPROVE", "REQUEST_CHANGES", "REJECT"] as const) await act(app, run.id, action);
  return run;
}

/** Alters what is stored as the owner of the database can who has switched off every trigger and foreign key. */
async function alter(statement: string, ...values: unknown[]): Promise<void> {
  await withSession(db.adminUrl, async (session) => {
    await session.query("begin; set local session_replication_role = replica");
    for (const part of statement.split(";")) {
      const { rowCount } = await session.query(part, values);
      if (rowCount === 0) throw new Error(`nothing altered by: ${part}`);
    }
    await session.query("commit");
  });
}

async function verify(run: Pick<MadeRun, "id">): Promise<DpmRunVerificationResponse> {
  const answer = await app.get(`/rebalance/runs/${run.id}/verify`);
  expect(answer.status).toBe(200);
  return read(DpmRunVerificationResponse, answer);
}

test("a run that nobody touched is valid, and it is said what was looked at", async () => {
  expect(await verify(await makeWholeRun())).toMatchObject({
    valid: true,
    failures: [],
    checked: {
      runs: 1,
      payloads: 1,
      policy_packs: 1,
      lineage_edges: 2,
      idempotency_records: 4,
      idempotency_history: 1,
      decisions: 3,
    },
  });
});

test("runs of a batch, runs without a key and runs whose key has moved on are valid too", async () => {
  const { options: _, ...inputs } = rebalanceBody();
  const scenarios = { base: {}, capped: { options: NEEDS_REVIEW } };
  const batch = await app.post("/rebalance/analyze", { body: { ...inputs, scenarios } });
  const lenient = await openTestApp(db.url, {
    DPM_IDEMPOTENCY_REPLAY_ENABLED: "false",
    REQUIRE_IDEMPOTENCY_KEY: "create",
  });
  const key = newKey("moves");
  const older = await makeRun(lenient, { key });
  const newer = await makeRun(lenient, { key });
  await act(lenient, newer.id, "APPROVE");
  await lenient.close();
  const ids = [
    ...Object.values(read(BatchRebalanceResult, batch).results).map((result) => result.rebalance_run_id),
    older.id,
    newer.id,
  ];
  expect(ids).toHaveLength(4);
  for (const id of ids) {
    expect(await verify({ id })).toMatchObject({ valid: true, failures: [] });
  }
});

test("there is nothing to verify where there is no run, or none of this tenant", async () => {
  const run = await makeRun(app);
  const absent = await app.get(`/rebalance/runs/rr_${"0".repeat(32)}/verify`);
  expect(refusalOf(absent)).toBe("404 DPM_RUN_NOT_FOUND");
  const foreign = await app.get(`/rebalance/runs/${run.id}/verify`, { "x-tenant-id": "other" });
  expect(foreign.status).toBe(404);
});

/** What is altered, and the record that must be named for it. `$1` is the run. */
const TAMPERINGS: [what: string, statement: string, kind: string, id: RegExp][] = [
  ["its status", "update rebalance_run set status = 'READY' where rebalance_run_id = $1", "run", /^rr_/],
  ["its portfolio", "update rebalance_run set portfolio_id = 'x' where rebalance_run_id = $1", "run", /^rr_/],
  [
    "its correlation id",
    "update rebalance_run set correlation_id = 'x' where rebalance_run_id = $1",
    "run",
    /^rr_/,
  ],
  ["its key", "update rebalance_run set idempotency_key = 'x' where rebalance_run_id = $1", "run", /^rr_/],
  [
    "its request hash",
    "update rebalance_run set request_hash = 'x' where rebalance_run_id = $1",
    "payload",
    /^rr_/,
  ],
  [
    "its engine version",
    "update rebalance_run set engine_version = '9' where rebalance_run_id = $1",
    "run",
    /^rr_/,
  ],
  [
    "its batch",
    "update rebalance_run set batch_run_id = 'batch_x' where rebalance_run_id = $1",
    "run",
    /^rr_/,
  ],
  [
    "its time",
    "update rebalance_run set created_at = created_at - interval '1 day' where rebalance_run_id = $1",
    "lineage_edge",
    /^CORRELATION_TO_RUN /,
  ],
  [
    "its pack",
    "update rebalance_run set policy_pack_id = 'y' where rebalance_run_id = $1",
    "policy_pack",
    /^y /,
  ],
  [
    "its pack's version",
    "update rebalance_run set policy_pack_version = '2' where rebalance_run_id = $1",
    "policy_pack",
    /^pack-verify revision 1$/,
  ],
  [
    "its pack, taken away",
    `update rebalance_run set policy_pack_id = null, policy_pack_version = null, policy_pack_revision = null
      where rebalance_run_id = $1`,
    "payload",
    /^rr_/,
  ],
  [
    "its result",
    "update run_payload set result_text = result_text || ' ' where rebalance_run_id = $1",
    "payload",
    /^rr_/,
  ],
  [
    "its result together with the hash",
    `with altered as (
       update run_payload set result_text = replace(result_text, '"status":"PENDING_REVIEW"', '"status":"READY"')
        where rebalance_run_id = $1 returning rebalance_run_id, result_text)
     update rebalance_run r
        set result_hash = 'sha256:' || encode(sha256(convert_to(a.result_text, 'UTF8')), 'hex')
       from altered a where r.rebalance_run_id = a.rebalance_run_id`,
    "run",
    /^rr_/,
  ],
  [
    "a figure of its result together with the hash",
    `with altered as (
       update run_payload set result_text = replace(result_text, '"quantity":"', '"quantity":"1')
        where rebalance_run_id = $1 returning rebalance_run_id, result_text)
     update rebalance_run r
        set result_hash = 'sha256:' || encode(sha256(convert_to(a.result_text, 'UTF8')), 'hex')
       from altered a where r.rebalance_run_id = a.rebalance_run_id`,
    "run",
    /^rr_/,
  ],
  [
    "its input together with the hash",
    `with altered as (
       update run_payload set input_text = '{}' where rebalance_run_id = $1 returning rebalance_run_id, input_text)
     update rebalance_run r set input_hash = 'sha256:' || encode(sha256(convert_to(a.input_text, 'UTF8')), 'hex')
       from altered a where r.rebalance_run_id = a.rebalance_run_id`,
    "payload",
    /^rr_/,
  ],
  ["its input", "update run_payload set input_text = '[' where rebalance_run_id = $1", "payload", /^rr_/],
  [
    "its request",
    "update run_payload set request_text = '{}' where rebalance_run_id = $1",
    "payload",
    /^rr_/,
  ],
  ["its documents, deleted", "delete from run_payload where rebalance_run_id = $1", "payload", /^rr_/],
  [
    "where its key points",
    `update idempotency_record set rebalance_run_id = 'rr_x'
      where rebalance_run_id = $1 and scope = 'rebalance.simulate'`,
    "idempotency_record",
    /^sim-/,
  ],
  [
    "the hash under its key",
    `update idempotency_record set payload_hash = 'sha256:' || repeat('0', 64)
      where rebalance_run_id = $1 and scope = 'rebalance.simulate'`,
    "idempotency_record",
    /^sim-/,
  ],
  [
    "its key, deleted",
    "delete from idempotency_record where rebalance_run_id = $1 and scope = 'rebalance.simulate'",
    "idempotency_record",
    /^sim-/,
  ],
  [
    "the history of its key",
    "update idempotency_history set request_hash = 'x' where rebalance_run_id = $1",
    "idempotency_history",
    /^sim-/,
  ],
  [
    "the history of its key, deleted",
    "delete from idempotency_history where rebalance_run_id = $1",
    "idempotency_history",
    /^sim-/,
  ],
  [
    "an edge to it",
    `update lineage_edge set source_entity_id = 'elsewhere'
      where target_entity_id = $1 and edge_type = 'CORRELATION_TO_RUN'`,
    "lineage_edge",
    /^CORRELATION_TO_RUN elsewhere/,
  ],
  [
    "an edge to it, deleted",
    "delete from lineage_edge where target_entity_id = $1 and edge_type = 'IDEMPOTENCY_TO_RUN'",
    "lineage_edge",
    /^IDEMPOTENCY_TO_RUN sim-/,
  ],
  [
    "what an edge says",
    "update lineage_edge set metadata = '{}' where target_entity_id = $1 and edge_type = 'IDEMPOTENCY_TO_RUN'",
    "lineage_edge",
    /^IDEMPOTENCY_TO_RUN sim-/,
  ],
  ...[
    "action = 'REJECT', to_status = 'REJECTED'",
    "reason_code = 'X'",
    "comment = 'x'",
    "actor_id = 'x'",
    "correlation_id = 'x'",
  ].map((change): [string, string, string, RegExp] => [
    `a decision: ${change}`,
    `update run_decision set ${change} where rebalance_run_id = $1 and decision_no = 2`,
    "decision",
    /^dwd_/,
  ]),
  [
    "when a decision was taken",
    "update run_decision set decided_at = decided_at - interval '1 hour' where rebalance_run_id = $1 and decision_no = 3",
    "decision",
    /^dwd_/,
  ],
  [
    "the hash of a decision",
    `update run_decision set decision_hash = 'sha256:' || repeat('0', 64)
      where rebalance_run_id = $1 and decision_no = 3`,
    "decision",
    /^dwd_/,
  ],
  [
    "the first decision, deleted",
    "delete from run_decision where rebalance_run_id = $1 and decision_no = 1",
    "decision",
    /^decision_no 1$/,
  ],
  [
    "the last decision, cut off",
    "delete from run_decision where rebalance_run_id = $1 and decision_no = 3",
    "decision",
    /^dwd_/,
  ],
  [
    "two decisions, swapped",
    `update run_decision set decision_no = decision_no + 10 where rebalance_run_id = $1 and decision_no in (2, 3);
     update run_decision set decision_no = 15 - decision_no where rebalance_run_id = $1 and decision_no > 10`,
    "decision",
    /^dwd_/,
  ],
  [
    "the answer that a decision was given",
    `update idempotency_record set response_body = '{}'
      where rebalance_run_id = $1 and scope like 'rebalance.workflow:%'`,
    "idempotency_record",
    /^act-/,
  ],
  [
    "the answer that a decision was given, deleted",
    "delete from idempotency_record where rebalance_run_id = $1 and scope like 'rebalance.workflow:%'",
    "idempotency_record",
    /^act-/,
  ],
];

describe("what was altered behind the service's back is named", () => {
  test.each(TAMPERINGS)("%s", async (_, statement, kind, id) => {
    const run = await makeWholeRun();
    await alter(statement, run.id);
    const { valid, failures } = await verify(run);
    expect(valid).toBe(false);
    const named = failures.filter((failure) => failure.kind === kind && id.test(failure.id));
    expect(named, JSON.stringify(failures)).not.toEqual([]);
  });

  test("the definition of its policy pack, with the hash beside it", async () => {
    const run = await makeWholeRun();
    await alter(
      `update policy_pack_version
          set definition_text = replace(definition_text, '0.2', '0.9'),
              definition_hash = 'sha256:' || encode(sha256(convert_to(replace(definition_text, '0.2', '0.9'), 'UTF8')), 'hex')
        where policy_pack_id = 'pack-verify'`,
    );
    const { failures } = await verify(run);
    expect(failures).toEqual([
      {
        kind: "policy_pack",
        id: "pack-verify revision 1",
        reason: "does not make the input out of the request",
      },
    ]);
  });
});

test("verification is behind the switch of the run lookups", async () => {
  const run = await makeRun(app);
  const off = await openTestApp(db.url, { DPM_SUPPORT_APIS_ENABLED: "false" });
  const answer = await off.get(`/rebalance/runs/${run.id}/verify`);
  await off.close();
  expect(refusalOf(answer)).toBe("404 DPM_SUPPORT_APIS_DISABLED");
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { ANSWER_IN_RECORD, type RequestKey } from "../../../src/platform/idempotency/repository.ts";
import { write, type WriteOutcome } from "../../../src/platform/idempotency/write.ts";
import { createKeyedQueue } from "../../../src/platform/keyed-queue.ts";
import { newId } from "../../../src/platform/ids.ts";
import { insertRun, SIMULATE_SCOPE, type RunRecord } from "../../../src/features/runs/repository.ts";
import { attempt } from "../../../src/features/operations/attempt-operation.ts";
import type { OperationResult } from "../../../src/features/operations/handlers.ts";
import {
  cancelAtOnce,
  insertAction,
  putBackFailed,
} from "../../../src/features/operations/repository/actions.ts";
import { claimPending } from "../../../src/features/operations/repository/leases.ts";
import { announceRetention, deleteRuns } from "../../../src/features/retention/repository.ts";
import {
  purge,
  startRetention,
  type Purgeable,
  type RetentionPeriods,
} from "../../../src/features/retention/purge-expired.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import {
  acceptOperation,
  attemptDeps,
  gate,
  leaveTrace,
  succeeded,
  TENANT,
} from "../../support/operations.ts";
import { withSession } from "../../support/session.ts";

/** The server of the tests has the clock of this machine; what is to be young is so by more than a moment. */
const NOW = new Date();
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const PERIODS: RetentionPeriods = { operationsTtlSeconds: 3_600, runDays: 30, eventDays: 0 };
const HASH = `sha256:${"0".repeat(64)}`;

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await testDatabase();
  database = openTestDatabase(test.url);
});
afterEach(async () => {
  await withSession(test.adminUrl, (session) =>
    session.query(`
      set session_replication_role = replica;
      delete from async_operation; delete from lineage_edge; delete from idempotency_history;
      delete from idempotency_record; delete from run_decision; delete from run_payload; delete from rebalance_run;
      delete from retention_setting`),
  );
});
afterAll(async () => {
  await closeDatabase(database);
  await test.drop();
});

const ago = (ms: number): Date => new Date(NOW.getTime() - ms);

function pass(change: { periods?: RetentionPeriods; batchSize?: number } = {}) {
  const purged: [Purgeable, number][] = [];
  const deps = { database, owner: "process-a", newId, periods: PERIODS, batchSize: 100, ...change };
  const onOverruled = () => expect.fail("nobody stores longer");
  return purge({ ...deps, onPurged: (what, count) => purged.push([what, count]), onOverruled }).then(
    () => purged,
  );
}

/** A run made at `createdAt`, under a key if one is given, as simulate stores it. */
async function makeRun(createdAt: Date, key: string | null = null, tenantId = TENANT): Promise<string> {
  const run = runRecord(createdAt, key);
  if (key === null) await inTransaction(database, { tenantId }, (tx) => insertRun(tx, tenantId, run, null));
  else await storeUnderKey(run, key, tenantId);
  return run.rebalance_run_id;
}

function storeUnderKey(
  run: RunRecord,
  key: string,
  tenantId: string,
  payloadHash = HASH,
): Promise<WriteOutcome<RunRecord>> {
  const clock = () => new Date(run.created_at);
  const requestKey: RequestKey = {
    tenantId,
    scope: SIMULATE_SCOPE,
    recordScope: SIMULATE_SCOPE.name,
    key,
    payloadHash,
  };
  return write(
    { database, clock, inFlight: new Map(), aggregates: createKeyedQueue(), turnWaitMs: 5_000 },
    {
      tenantId,
      key: requestKey,
      prepare: () => run,
      write: async (tx) => {
        await insertRun(tx, tenantId, run, null);
        const answer = { status: 200, body: run.result_text };
        return { answer, made: run, record: { rebalanceRunId: run.rebalance_run_id, isBodyOfRun: true } };
      },
    },
  );
}

function runRecord(createdAt: Date, key: string | null): RunRecord {
  return {
    rebalance_run_id: newId("rr_"),
    correlation_id: "corr-1",
    request_hash: HASH,
    idempotency_key: key,
    portfolio_id: "pf-1",
    status: "READY",
    batch_run_id: null,
    policy_pack_id: null,
    policy_pack_version: null,
    policy_pack_revision: null,
    engine_version: "test",
    input_hash: HASH,
    result_hash: HASH,
    created_at: createdAt.toISOString(),
    input_text: "{}",
    request_text: null,
    result_text: "{}",
    artifact_text: "{}",
  };
}

/** Rows of every table that holds something of this run. */
async function remainsOf(runId: string): Promise<number> {
  const { rows } = await withSession(test.adminUrl, (session) =>
    session.query<{ count: number }>(
      `select (select count(*) from rebalance_run where rebalance_run_id = $1)
            + (select count(*) from run_payload where rebalance_run_id = $1)
            + (select count(*) from run_decision where rebalance_run_id = $1)
            + (select count(*) from lineage_edge where target_entity_id = $1)
            + (select count(*) from idempotency_record where rebalance_run_id = $1)
            + (select count(*) from idempotency_history where rebalance_run_id = $1) as count`,
      [runId],
    ),
  );
  return Number(rows[0]?.count);
}

async function count(from: string): Promise<number> {
  const { rows } = await withSession(test.adminUrl, (session) =>
    session.query<{ count: string }>(`select count(*) from ${from}`),
  );
  return Number(rows[0]?.count);
}

/** As if every process that said how long it stores things had been gone for long. */
async function forgetRetentions(): Promise<void> {
  await withSession(test.adminUrl, (session) => session.query("delete from retention_setting"));
}

const REFUSED: OperationResult = { kind: "refused", error: { code: "X", message: "x" } };

async function finishedOperation(finishedAt: Date, result = succeeded): Promise<string> {
  const operationId = await acceptOperation(database, {
    created_at: finishedAt.toISOString(),
    due: "by_hand",
  });
  await finish(operationId, finishedAt, result);
  return operationId;
}

async function finish(operationId: string, finishedAt: Date, result = succeeded): Promise<void> {
  const clock = () => finishedAt;
  const deps = attemptDeps(database, (op) => Promise.resolve(leaveTrace(op, result)), { clock });
  const claim = await inTransaction(database, { tenantId: TENANT }, (tx) =>
    claimPending(
      tx,
      TENANT,
      { operation_id: operationId, operation_type: "ANALYZE_SCENARIOS" },
      deps.terms,
      finishedAt.toISOString(),
    ),
  );
  if (claim === undefined) throw new Error("not claimed");
  expect(await attempt(deps, claim)).toBe(result === succeeded ? "succeeded" : "failed");
}

describe("a run", () => {
  it("that is older than the retention goes with everything that belongs to it, and what is younger stays", async () => {
    const old = await makeRun(ago(30 * DAY_MS + 1), "key-old");
    const onTheDay = await makeRun(ago(30 * DAY_MS - MINUTE_MS), "key-on-the-day");
    const young = await makeRun(ago(DAY_MS));
    for (const runId of [old, onTheDay]) {
      await decide(runId, 1, "APPROVED");
      await decide(runId, 2, "REJECTED");
    }
    expect([await remainsOf(old), await remainsOf(onTheDay), await remainsOf(young)]).toEqual([8, 8, 3]);
    expect(await pass()).toEqual([["runs", 1]]);
    expect([await remainsOf(old), await remainsOf(onTheDay), await remainsOf(young)]).toEqual([0, 8, 3]);
  });

  it("is kept for ever when the retention is 0 days", async () => {
    const old = await makeRun(ago(4_000 * DAY_MS));
    expect(await pass({ periods: { ...PERIODS, runDays: 0 } })).toEqual([]);
    expect(await remainsOf(old)).toBe(3);
  });

  it("leaves its key free for another request", async () => {
    await makeRun(ago(40 * DAY_MS), "key-1");
    const next = runRecord(NOW, "key-1");
    const otherHash = `sha256:${"1".repeat(64)}`;
    expect((await storeUnderKey(next, "key-1", TENANT, otherHash)).kind).toBe("conflict");
    await pass();
    expect(await storeUnderKey(next, "key-1", TENANT, otherHash)).toMatchObject({
      kind: "answered",
      isReplayed: false,
    });
    expect(await remainsOf(next.rebalance_run_id)).toBe(6);
  });

  it("goes in batches, of all tenants", async () => {
    for (const tenantId of ["tenant-a", "tenant-b", "tenant-c"]) {
      for (let number = 0; number < 3; number += 1) await makeRun(ago(31 * DAY_MS), null, tenantId);
      await makeRun(NOW, null, tenantId);
    }
    expect(await pass({ batchSize: 4 })).toEqual([
      ["runs", 4],
      ["runs", 4],
      ["runs", 1],
    ]);
    expect(await count("rebalance_run")).toBe(3);
  });

  it("is not deleted by the service itself", async () => {
    const old = await makeRun(ago(40 * DAY_MS));
    const deleting = inTransaction(
      database,
      { tenantId: TENANT },
      (tx) => tx`delete from rebalance_run where rebalance_run_id = ${old}`,
    );
    await expect(deleting).rejects.toMatchObject({ fault: { kind: "not_permitted" } });
  });
});

describe("the keys of analyses", () => {
  it("go when their runs do", async () => {
    for (const [key, createdAt] of [
      ["old", ago(31 * DAY_MS)],
      ["young", ago(29 * DAY_MS)],
    ] as const) {
      await storeAnswer("rebalance.analyze.async", key, 202, createdAt);
    }
    expect(await pass()).toEqual([["analysis_keys", 1]]);
    expect(await count("idempotency_record where idempotency_key = 'young'")).toBe(1);
  });
});

describe("the key of an asynchronous analysis", () => {
  it("stays while its operation is owed, and goes once that is finished and purged", async () => {
    const owed = await acceptOperation(database, {
      idempotency_key: "owed",
      created_at: ago(40 * DAY_MS).toISOString(),
      due: "by_hand",
    });
    await storeAnswer("rebalance.analyze.async", "owed", 202, ago(40 * DAY_MS));
    expect(await pass()).toEqual([]);
    expect(await count("idempotency_record where idempotency_key = 'owed'")).toBe(1);
    await finish(owed, ago(3_600_001));
    expect(await pass()).toEqual([
      ["operations", 1],
      ["analysis_keys", 1],
    ]);
  });

  it("does not depend on what another tenant still waits for under the same key", async () => {
    await acceptOperation(database, { tenantId: "tenant-b", idempotency_key: "shared", due: "by_hand" });
    await storeAnswer("rebalance.analyze.async", "shared", 202, ago(40 * DAY_MS));
    expect(await pass()).toEqual([["analysis_keys", 1]]);
  });
});

describe("the key of a simulated proposal", () => {
  it("is stored as long as runs are", async () => {
    await storeAnswer("proposals.simulate", "old", 200, ago(31 * DAY_MS));
    await storeAnswer("proposals.simulate", "young", 200, ago(29 * DAY_MS));
    expect(await pass({ periods: { ...PERIODS, runDays: 0 } })).toEqual([]);
    await forgetRetentions();
    expect(await pass()).toEqual([["simulation_keys", 1]]);
    expect(await count("idempotency_record where idempotency_key = 'young'")).toBe(1);
  });
});

describe("an operation", () => {
  it("goes with its lineage once it has been finished for longer than the TTL", async () => {
    const old = await finishedOperation(ago(3_600_001));
    const young = await finishedOperation(ago(3_600_000 - MINUTE_MS));
    expect(await pass()).toEqual([["operations", 1]]);
    expect(await count(`async_operation where operation_id = '${old}'`)).toBe(0);
    expect(await count(`async_operation where operation_id = '${young}'`)).toBe(1);
    const edges = "lineage_edge where edge_type = 'OPERATION_TO_CORRELATION' and source_entity_id";
    expect(await count(`${edges} = '${old}'`)).toBe(0);
    expect(await count(`${edges} = '${young}'`)).toBe(1);
  });

  it("takes the history of its attempts and of the requests about it along", async () => {
    const old = await finishedOperation(ago(3_600_001));
    const young = await finishedOperation(ago(3_600_000 - MINUTE_MS));
    for (const operation_id of [old, young]) {
      await inTransaction(database, { tenantId: TENANT }, (tx) =>
        insertAction(tx, TENANT, {
          operation_id,
          action_id: newId("oac_"),
          action: "CANCEL",
          correlation_id: "corr",
          authenticated_subject: null,
          created_at: NOW.toISOString(),
        }),
      );
    }
    expect(await pass()).toEqual([["operations", 1]]);
    for (const table of ["operation_attempt", "operation_action"]) {
      expect(await count(`${table} where operation_id = '${old}'`)).toBe(0);
      expect(await count(`${table} where operation_id = '${young}'`)).toBe(1);
    }
  });

  it("that was failed and is retried is finished no more, and stays", async () => {
    const id = await finishedOperation(ago(3_600_001), REFUSED);
    await inTransaction(database, { tenantId: TENANT }, (tx) => putBackFailed(tx, TENANT, id));
    expect(await pass()).toEqual([]);
    expect(await count(`operation_attempt where operation_id = '${id}'`)).toBe(1);
  });

  it("that was cancelled goes like any other", async () => {
    const id = await acceptOperation(database, { due: "by_hand" });
    await inTransaction(database, { tenantId: TENANT }, (tx) =>
      cancelAtOnce(tx, TENANT, id, ago(3_600_001).toISOString()),
    );
    expect(await pass()).toEqual([["operations", 1]]);
    expect(await count(`async_operation where operation_id = '${id}'`)).toBe(0);
  });

  it("that is not finished is never purged, however old", async () => {
    const pending = await acceptOperation(database, {
      created_at: "2001-01-01T00:00:00.000Z",
      due: "by_hand",
    });
    expect(await pass()).toEqual([]);
    expect(await count(`async_operation where operation_id = '${pending}'`)).toBe(1);
    const byMistake = withSession(test.adminUrl, (session) =>
      session.query("delete from async_operation where operation_id = $1", [pending]),
    );
    await expect(byMistake).rejects.toMatchObject({ constraint: "async_operation_owed" });
  });

  it("leaves the key that it was accepted under: a late retry gets its answer, not a second operation", async () => {
    await storeAnswer("proposals.create.async", "key-1", 202, ago(40 * DAY_MS));
    await pass();
    expect(await count("idempotency_record where idempotency_key = 'key-1'")).toBe(1);
  });
});

describe("a stored refusal", () => {
  it("goes when its month is over", async () => {
    await storeAnswer("proposals.transition:pp_1", "old", 409, ago(31 * DAY_MS + 1));
    await storeAnswer("proposals.transition:pp_1", "young", 409, ago(31 * DAY_MS - MINUTE_MS));
    expect(await pass()).toEqual([["refusals", 1]]);
    expect(await count("idempotency_record where idempotency_key = 'young'")).toBe(1);
  });
});

describe("the job", () => {
  it("leaves a batch to the process that is at one already", async () => {
    const old = await makeRun(ago(31 * DAY_MS));
    await withSession(test.adminUrl, async (session) => {
      await session.query("begin");
      await session.query("select pg_advisory_xact_lock(4627119)");
      expect(await pass()).toEqual([]);
      await session.query("commit");
    });
    expect(await remainsOf(old)).toBe(3);
    expect(await pass()).toEqual([["runs", 1]]);
  });

  it("holds up no writer in the middle of a batch", async () => {
    await makeRun(ago(31 * DAY_MS), "old");
    const young = runRecord(NOW, "young");
    await storeUnderKey(young, "young", TENANT);
    const deleted = gate();
    const end = gate();
    const batch = inTransaction(database, { tenantId: null }, async (tx) => {
      await announceRetention(tx, "RUN", "process-a", 30 * 86_400);
      expect(await deleteRuns(tx, 10)).toBe(1);
      deleted.open();
      await end.promise;
    });
    await deleted.promise;
    const written = await Promise.all([
      makeRun(NOW),
      makeRun(NOW, "fresh"),
      makeRun(NOW, "fresh", "tenant-b"),
      acceptOperation(database, { due: "by_hand" }),
    ]);
    expect(written).toHaveLength(4);
    expect(await storeUnderKey(young, "young", TENANT)).toMatchObject({ isReplayed: true });
    end.open();
    await batch;
    expect(await count("rebalance_run")).toBe(4);
  });

  it("loses nothing to writers at work beside it", async () => {
    for (let number = 0; number < 30; number += 1) await makeRun(ago(31 * DAY_MS), `old-${String(number)}`);
    const writing = Promise.all(
      Array.from({ length: 30 }, (_, number) => makeRun(NOW, `new-${String(number)}`)),
    );
    const [written, purged] = await Promise.all([writing, pass({ batchSize: 4 })]);
    expect(purged.reduce((sum, [, n]) => sum + n, 0)).toBe(30);
    expect(await Promise.all(written.map(remainsOf))).toEqual(written.map(() => 6));
    expect(await count("rebalance_run")).toBe(30);
  });

  it("goes on after a pass that failed, and ends when it is stopped", async () => {
    const errors: unknown[] = [];
    const failed = gate();
    const done = gate<number>();
    const execution = (change: string) =>
      withSession(test.adminUrl, (session) =>
        session.query(`${change.replace("*", "execute on function purge_runs(integer)")} ballast_service`),
      );
    await execution("revoke * from");
    await makeRun(ago(31 * DAY_MS));
    const job = startRetention({
      database,
      owner: "process-a",
      newId,
      periods: PERIODS,
      batchSize: 10,
      intervalMs: 1,
      onPurged: (_, number) => done.open(number),
      onOverruled: () => undefined,
      onError: (error) => {
        errors.push(error);
        failed.open();
      },
    });
    await failed.promise;
    await execution("grant * to");
    expect(await done.promise).toBe(1);
    await job.stop();
    expect(errors[0]).toMatchObject({ fault: { kind: "not_permitted" } });
  });
});

/** A review decision, chained to the one before it. */
async function decide(runId: string, number: 1 | 2, toStatus: "APPROVED" | "REJECTED"): Promise<void> {
  await withSession(test.adminUrl, (session) =>
    session.query(
      `insert into run_decision
         (tenant_id, rebalance_run_id, decision_no, decision_id, action, from_status, to_status, reason_code, actor_id,
          decided_at, correlation_id, run_correlation_id, previous_hash, decision_hash)
       values ($1, $2, $3, $4, $5, $6, $7, 'REASON', 'reviewer', now(), 'corr-2', 'corr-1', $8, $9)`,
      [
        TENANT,
        runId,
        number,
        newId("dwd_"),
        toStatus === "APPROVED" ? "APPROVE" : "REJECT",
        number === 1 ? "PENDING_REVIEW" : "APPROVED",
        toStatus,
        number === 1 ? null : HASH,
        HASH,
      ],
    ),
  );
}

async function storeAnswer(name: string, key: string, status: number, createdAt: Date): Promise<void> {
  const scope = {
    name,
    inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT",
    storedAnswer: ANSWER_IN_RECORD,
  } as const;
  await write(
    {
      database,
      clock: () => createdAt,
      inFlight: new Map(),
      aggregates: createKeyedQueue(),
      turnWaitMs: 5_000,
    },
    {
      tenantId: TENANT,
      key: { tenantId: TENANT, scope, recordScope: name, key, payloadHash: HASH },
      prepare: () => undefined,
      write: () => Promise.resolve({ answer: { status, body: "{}" }, made: null, record: {} }),
    },
  );
}

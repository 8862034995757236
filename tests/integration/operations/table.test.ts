import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { databaseFault } from "../../../src/platform/database/errors.ts";
import { inTransaction, type Tx } from "../../../src/platform/database/transaction.ts";
import { newId } from "../../../src/platform/ids.ts";
import { claimDue, claimPending } from "../../../src/features/operations/repository/leases.ts";
import {
  insertAction,
  requestCancel,
  type OperationAction,
} from "../../../src/features/operations/repository/actions.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { acceptOperation, endsOf, makeClaimable, seeOperation, TENANT } from "../../support/operations.ts";
import { withSession } from "../../support/session.ts";

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await testDatabase();
  database = openTestDatabase(test.url);
});
afterAll(async () => {
  await closeDatabase(database);
  await test.drop();
});

const terms = { owner: "worker-a", leaseMs: 60_000 };
const ANALYZE = "ANALYZE_SCENARIOS";

async function refusal(work: (tx: Tx) => Promise<unknown>, context = { tenantId: TENANT }) {
  const error = await inTransaction(database, context, work).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const fault = databaseFault(error);
  return fault === undefined ? undefined : "constraint" in fault ? fault.constraint : fault.kind;
}

async function claimed(): Promise<string> {
  const operationId = await acceptOperation(database, { due: "by_hand" });
  await inTransaction(database, { tenantId: TENANT }, (tx) =>
    claimPending(
      tx,
      TENANT,
      { operation_id: operationId, operation_type: ANALYZE },
      terms,
      new Date().toISOString(),
    ),
  );
  return operationId;
}

/** Ends an operation in its attempt, as far as the table lets it. */
function endAs(tx: Tx, id: string, status: string) {
  const [result, error] = status === "SUCCEEDED" ? ["{}", null] : [null, status === "FAILED" ? "X" : null];
  return tx`
    update async_operation
       set status = ${status}, claimable_at = null, result_text = ${result}, error_code = ${error},
           error_message = ${error}, finished_at = now()
     where operation_id = ${id}`;
}

async function ended(status: string): Promise<string> {
  const id = await claimed();
  await inTransaction(database, { tenantId: TENANT }, (tx) => endAs(tx, id, status));
  return id;
}

const putBack = (id: string) => (tx: Tx) => tx`
  update async_operation
     set status = 'PENDING', lease_owner = null, started_at = null, finished_at = null, result_text = null
   where operation_id = ${id}`;

describe("the table of operations", () => {
  it("keeps what was asked: not even the service may change it", async () => {
    const id = await claimed();
    const changed = (tx: Tx) => tx`update async_operation set request_text = '[]' where operation_id = ${id}`;
    expect(await refusal(changed)).toBe("not_permitted");
  });

  it.each(["SUCCEEDED", "CANCELLED"])("lets nobody touch an operation that is %s", async (status) => {
    const id = await ended(status);
    expect(await refusal(putBack(id))).toBe("async_operation_transition");
  });

  it("lets a failed operation be retried, and refuses to count the attempt before as undone", async () => {
    const id = await ended("FAILED");
    const undone = (
      tx: Tx,
    ) => tx`update async_operation set status = 'PENDING', lease_owner = null, attempt = 0,
      started_at = null, finished_at = null where operation_id = ${id}`;
    expect(await refusal(undone)).toBe("async_operation_transition");
    expect(await refusal(putBack(id))).toBeUndefined();
    expect(await endsOf(test.adminUrl, id)).toEqual(["1 FAILED X"]);
  });

  it.each(["SUCCEEDED", "FAILED", "PENDING"])(
    "refuses to make an operation %s that is to be cancelled, and to take that back",
    async (status) => {
      const id = await claimed();
      await inTransaction(database, { tenantId: TENANT }, (tx) => requestCancel(tx, TENANT, id));
      const takenBack = (tx: Tx) => tx`
        update async_operation set cancel_requested_at = null where operation_id = ${id}`;
      expect(await refusal(takenBack)).toBe("async_operation_transition");
      const end = status === "PENDING" ? putBack(id) : (tx: Tx) => endAs(tx, id, status);
      expect(await refusal(end)).toBe("async_operation_transition");
      expect(await refusal((tx) => endAs(tx, id, "CANCELLED"))).toBeUndefined();
    },
  );

  it("counts lost attempts itself: not even the service may", async () => {
    const id = await claimed();
    const counted = (tx: Tx) => tx`update async_operation set lost_attempts = 0 where operation_id = ${id}`;
    expect(await refusal(counted)).toBe("not_permitted");
  });

  it("refuses a takeover before the lease has run out", async () => {
    const id = await claimed();
    const takenOver = (tx: Tx) => tx`
      update async_operation set attempt = attempt + 1, lease_owner = 'worker-b' where operation_id = ${id}`;
    expect(await refusal(takenOver)).toBe("async_operation_transition");
  });

  it("refuses a success without a result and a failure without an error", async () => {
    const id = await claimed();
    for (const status of ["SUCCEEDED", "FAILED"]) {
      const finish = (tx: Tx) => tx`
        update async_operation set status = ${status}, claimable_at = null, finished_at = now()
         where operation_id = ${id}`;
      expect(await refusal(finish)).toBe("async_operation_state");
    }
  });

  it("refuses a finish that nobody has started", async () => {
    const id = await acceptOperation(database, { due: "by_hand" });
    const finish = (tx: Tx) => tx`
      update async_operation
         set status = 'FAILED', lease_owner = 'w', error_code = 'X', error_message = 'x', claimable_at = null,
             started_at = now(), finished_at = now()
       where operation_id = ${id}`;
    expect(await refusal(finish)).toBe("async_operation_transition");
  });

  it("refuses an operation of one kind under the id of the other", async () => {
    const wrong = acceptOperation(database, { operation_id: newId("pop_") });
    await expect(wrong).rejects.toMatchObject({ fault: { constraint: "async_operation_kind" } });
  });

  it("shows an operation to its own tenant only", async () => {
    const id = await acceptOperation(database, { due: "by_hand" });
    const seenBy = (tenantId: string | null) =>
      inTransaction(
        database,
        { tenantId },
        (tx) => tx`select operation_id from async_operation where operation_id = ${id}`,
      );
    expect(await seenBy(TENANT)).toHaveLength(1);
    expect(await seenBy("tenant-b")).toHaveLength(0);
    expect(await seenBy(null)).toHaveLength(0);
  });
});

describe("the history of an operation", () => {
  /** By the owner of the tables, who is not held by grants. */
  const byOwner = (statement: string) =>
    withSession(test.adminUrl, (session) => session.query(statement)).then(
      () => undefined,
      (error: unknown) => (error instanceof pg.DatabaseError ? error.code : error),
    );

  it.each(["operation_attempt", "operation_action"])("%s cannot be changed or deleted", async (table) => {
    const id = await ended("FAILED");
    const action: OperationAction = {
      operation_id: id,
      action_id: newId("oac_"),
      action: "RETRY",
      correlation_id: "corr",
      authenticated_subject: null,
      created_at: new Date().toISOString(),
    };
    await inTransaction(database, { tenantId: TENANT }, (tx) => insertAction(tx, TENANT, action));
    const where = `where operation_id = '${id}'`;
    for (const statement of [
      `update ${table} set operation_id = operation_id ${where}`,
      `delete from ${table} ${where}`,
      `truncate ${table}`,
    ]) {
      expect(await byOwner(statement), statement).toBe("42501");
    }
  });

  it("names an attempt whose worker vanished", async () => {
    const id = await acceptOperation(database);
    const claim = () =>
      inTransaction(database, { tenantId: null }, (tx) => claimDue(tx, terms, 10, new Date().toISOString()));
    await claim();
    await makeClaimable(test.adminUrl, id);
    await claim();
    expect(await endsOf(test.adminUrl, id)).toEqual(["1 WORKER_LOST"]);
  });
});

describe("a claim", () => {
  it("is made across tenants, longest due first, and leaves what is not due", async () => {
    const waiting = await acceptOperation(database, { due: "by_hand" });
    const first = await acceptOperation(database, { tenantId: "tenant-b" });
    const second = await acceptOperation(database);
    const claims = await inTransaction(database, { tenantId: null }, (tx) =>
      claimDue(tx, terms, 10, new Date().toISOString()),
    );
    expect(claims.map((claim) => [claim.tenant_id, claim.operation_id])).toEqual([
      ["tenant-b", first],
      [TENANT, second],
    ]);
    expect(await seeOperation(test.adminUrl, waiting)).toMatchObject({ status: "PENDING", attempt: 0 });
    expect(await seeOperation(test.adminUrl, first)).toMatchObject({ status: "RUNNING", attempt: 1 });
  });
});

describe("the role of the functions that claim", () => {
  /** Only a superuser can take it. */
  const asClaimer = (statement: string) =>
    withSession(test.adminUrl, async (session) => {
      await session.query("set role ballast_claimer");
      return session.query(statement);
    });

  it.each([
    "select request_text from async_operation",
    "select result_text from async_operation",
    "select rebalance_run_id from rebalance_run",
    "delete from async_operation",
  ])("may not: %s", async (statement) => {
    await expect(asClaimer(statement)).rejects.toMatchObject({ code: "42501" });
  });

  it("cannot finish an operation", async () => {
    const id = await claimed();
    const finish = asClaimer(
      `update async_operation set status = 'PENDING', lease_owner = null, started_at = null
        where operation_id = '${id}'`,
    );
    await expect(finish).rejects.toMatchObject({ code: "42501" });
  });
});

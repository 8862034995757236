import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { databaseFault } from "../../../src/platform/database/errors.ts";
import { inTransaction, type Tx } from "../../../src/platform/database/transaction.ts";
import { newId } from "../../../src/platform/ids.ts";
import { claimDue, claimPending } from "../../../src/features/operations/repository/leases.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { acceptOperation, seeOperation, TENANT } from "../../support/operations.ts";
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

async function finished(): Promise<string> {
  const operationId = await claimed();
  await inTransaction(
    database,
    { tenantId: TENANT },
    (tx) => tx`
      update async_operation
         set status = 'FAILED', claimable_at = null, error_code = 'X', error_message = 'x', finished_at = now()
       where operation_id = ${operationId}`,
  );
  return operationId;
}

describe("the table of operations", () => {
  it("keeps what was asked: not even the service may change it", async () => {
    const id = await claimed();
    const changed = (tx: Tx) => tx`update async_operation set request_text = '[]' where operation_id = ${id}`;
    expect(await refusal(changed)).toBe("not_permitted");
  });

  it("lets nobody touch a finished operation", async () => {
    const id = await finished();
    const again = (tx: Tx) => tx`
      update async_operation set status = 'PENDING', lease_owner = null, started_at = null, finished_at = null
       where operation_id = ${id}`;
    expect(await refusal(again)).toBe("async_operation_transition");
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
      const ended = (tx: Tx) => tx`
        update async_operation set status = ${status}, claimable_at = null, finished_at = now()
         where operation_id = ${id}`;
      expect(await refusal(ended)).toBe("async_operation_state");
    }
  });

  it("refuses a finish that nobody has started", async () => {
    const id = await acceptOperation(database, { due: "by_hand" });
    const ended = (tx: Tx) => tx`
      update async_operation
         set status = 'FAILED', lease_owner = 'w', error_code = 'X', error_message = 'x', claimable_at = null,
             started_at = now(), finished_at = now()
       where operation_id = ${id}`;
    expect(await refusal(ended)).toBe("async_operation_transition");
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

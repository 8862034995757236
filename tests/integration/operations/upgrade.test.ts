import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { attempt } from "../../../src/features/operations/attempt-operation.ts";
import { putBackFailed } from "../../../src/features/operations/repository/actions.ts";
import { claimDue } from "../../../src/features/operations/repository/leases.ts";
import { purge } from "../../../src/features/retention/purge-expired.ts";
import { closeDatabase } from "../../../src/platform/database/database.ts";
import { migrate } from "../../../src/platform/database/migrate.ts";
import { readMigrations } from "../../../src/platform/database/migrations.ts";
import { SCHEMA_USERS } from "../../../src/platform/database/roles.ts";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import { newId } from "../../../src/platform/ids.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { withMigrationFiles } from "../../support/migration-files.ts";
import {
  attemptDeps,
  endsOf,
  leaveTrace,
  makeClaimable,
  seeOperation,
  succeeded,
  TENANT,
} from "../../support/operations.ts";
import { urlOf, withSession } from "../../support/session.ts";

/** A database whose tables belong to a login of no other rights: row-level security is forced on it too. */
const { adminUrl, prefix } = inject("testServer");
const name = `${prefix}${randomBytes(6).toString("hex")}`;
const owner = `ballast_owner_${randomBytes(4).toString("hex")}`;
const asAdmin = urlOf(adminUrl, { database: name });
const asOwner = urlOf(adminUrl, { database: name, user: owner, password: "secret" });

/** Those of the schema, and those that its first migrations name. */
const ROLES = [...SCHEMA_USERS, "ballast_worker", "ballast_retention"];

/** Long enough ago for what is finished to be purged. */
const hourAgo = () => new Date(Date.now() - 3_600_000);

const [failed, done, waiting, running] = [newId("dop_"), newId("dop_"), newId("dop_"), newId("dop_")];

beforeAll(async () => {
  await withSession(adminUrl, async (session) => {
    await session.query(`create role ${owner} login password 'secret'`);
    for (const role of ROLES) {
      await session.query(
        `do $$ begin create role ${role} nologin noinherit; exception when duplicate_object then null; end $$`,
      );
    }
    await session.query(`grant ${ROLES.join(", ")} to ${owner}`);
    await session.query(`create database ${name} owner ${owner}`);
  });
  await withMigrationFiles(
    readMigrations().filter(({ name: step }) => step < "0011"),
    async (folder) => {
      await migrate({ url: asOwner, folder });
    },
  );
  await withSession(asAdmin, (session) =>
    session.query(`
      insert into async_operation
        (tenant_id, operation_id, operation_type, status, correlation_id, request_text, attempt, lease_owner,
         claimable_at, result_text, error_code, error_message, created_at, started_at, finished_at)
      values
        ('${TENANT}', '${failed}', 'ANALYZE_SCENARIOS', 'FAILED', 'c', '{}', 5, 'w', null, null, 'X', 'x', now(), now(), now()),
        ('${TENANT}', '${done}', 'ANALYZE_SCENARIOS', 'SUCCEEDED', 'c', '{}', 1, 'w', null, '{}', null, null, now(), now(), now() - interval '1 hour'),
        ('${TENANT}', '${waiting}', 'ANALYZE_SCENARIOS', 'PENDING', 'c', '{}', 4, null, now(), null, 'X', 'x', now(), null, null),
        ('${TENANT}', '${running}', 'ANALYZE_SCENARIOS', 'RUNNING', 'c', '{}', 4, 'w', now() + interval '1 hour', null, null, null, now(), now(), null)`),
  );
});
afterAll(async () => {
  await withSession(adminUrl, async (session) => {
    await session.query(`drop database ${name} with (force)`);
    await session.query(`drop role ${owner}`);
  });
});

test("operations of before the upgrade go on: retried, tried again beyond the fifth attempt, and purged", async () => {
  await migrate({ url: asOwner });
  expect(await endsOf(asAdmin, failed)).toEqual(["5 FAILED X"]);
  expect(await endsOf(asAdmin, done)).toEqual(["1 SUCCEEDED"]);
  expect(await endsOf(asAdmin, waiting)).toEqual([]);
  const database = openTestDatabase(asOwner);
  try {
    await inTransaction(database, { tenantId: TENANT }, (tx) => putBackFailed(tx, TENANT, failed));
    await makeClaimable(asAdmin, running);
    for (let round = 1; round <= 2; round += 1) {
      const deps = attemptDeps(
        database,
        (operation) =>
          round === 1
            ? Promise.reject(new Error("not yet"))
            : Promise.resolve(leaveTrace(operation, succeeded)),
        { clock: hourAgo },
      );
      const claims = await inTransaction(database, { tenantId: null }, (tx) =>
        claimDue(tx, deps.terms, 10, hourAgo().toISOString()),
      );
      expect(claims).toHaveLength(3);
      for (const claimed of claims) {
        expect(await attempt(deps, claimed)).toBe(round === 1 ? "put_back" : "succeeded");
        if (round === 1) await makeClaimable(asAdmin, claimed.operation_id);
      }
    }
    expect(await seeOperation(asAdmin, failed)).toMatchObject({ status: "SUCCEEDED", attempt: 7, traces: 1 });
    expect(await endsOf(asAdmin, failed)).toEqual(["5 FAILED X", "6 PUT_BACK INTERNAL_ERROR", "7 SUCCEEDED"]);
    expect(await endsOf(asAdmin, running)).toEqual([
      "4 WORKER_LOST",
      "5 PUT_BACK INTERNAL_ERROR",
      "6 SUCCEEDED",
    ]);
    await purge({
      database,
      owner: "upgraded",
      newId,
      periods: { operationsTtlSeconds: 1, runDays: 0, eventDays: 0 },
      batchSize: 10,
      onPurged: () => undefined,
      onOverruled: () => undefined,
    });
  } finally {
    await closeDatabase(database);
  }
  const { rows } = await withSession(asAdmin, (session) =>
    session.query(
      "select operation_id from async_operation union all select operation_id from operation_attempt",
    ),
  );
  expect(rows).toEqual([]);
});

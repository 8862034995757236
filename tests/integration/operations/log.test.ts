import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { openOperations } from "../../../src/background.ts";
import { attemptHooks } from "../../../src/features/operations/operations.ts";
import {
  claimDue,
  claimPending,
  type ClaimedOperation,
} from "../../../src/features/operations/repository/leases.ts";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import { createLog } from "../../../src/platform/log.ts";
import { openTestApp, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { acceptOperation, TENANT } from "../../support/operations.ts";

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

const Line = z.looseObject({ msg: z.string() });
const TERMS = { owner: "worker-of-the-log", leaseMs: 60_000 };
const NOW = "2026-01-15T09:30:00.000Z";

function openLogged() {
  const lines: z.output<typeof Line>[] = [];
  const log = createLog("info", { write: (line) => void lines.push(Line.parse(JSON.parse(line))) });
  const runtime = { ...app.runtime, log };
  return { operations: openOperations(runtime), hooks: attemptHooks(runtime), lines };
}

/** The two ways to take an operation: a worker's, across tenants, and that of a request to execute it. */
const WAYS: readonly [string, (operationId: string) => Promise<ClaimedOperation | undefined>][] = [
  [
    "by a worker",
    async () => {
      const [claim] = await inTransaction(app.database, { tenantId: null }, (tx) =>
        claimDue(tx, TERMS, 1, NOW),
      );
      return claim;
    },
  ],
  [
    "by hand",
    (operationId) =>
      inTransaction(app.database, { tenantId: TENANT }, (tx) =>
        claimPending(
          tx,
          TENANT,
          { operation_id: operationId, operation_type: "ANALYZE_SCENARIOS" },
          TERMS,
          NOW,
        ),
      ),
  ],
];

test.each(WAYS)("every line about an operation taken %s has its correlation id", async (way, take) => {
  const correlationId = `corr-of-the-log-${way.replaceAll(" ", "-")}`;
  const operationId = await acceptOperation(app.database, { correlation_id: correlationId });
  const claim = await take(operationId);
  if (claim === undefined) throw new Error("nothing was due");
  const { operations, hooks, lines } = openLogged();
  await operations.attempts.start(claim);
  hooks.onLeaseError(claim, new Error("away"));
  expect(lines.map(({ msg }) => msg)).toEqual(["operation attempted", "a lease was not renewed"]);
  const ids = { correlationId, operationId, operationType: "ANALYZE_SCENARIOS", attempt: 1 };
  for (const line of lines) expect(line).toMatchObject({ ...ids, tenantId: TENANT });
});

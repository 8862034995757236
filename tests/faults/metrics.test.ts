import { afterEach, expect, test } from "vitest";
import { startBackground } from "../../src/background.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import { openTestApp, type TestApp } from "../support/app.ts";
import { testDatabase } from "../support/database.ts";
import { acceptOperation, gate } from "../support/operations.ts";

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** A service with its background work, which is what reads the operations. */
async function openWorking(url: string): Promise<TestApp> {
  const app = await openTestApp(url);
  endings.push(app.close);
  endings.push(startBackground(app.runtime, app.works).stop);
  return app;
}

async function expectMetricsWithoutOperations(app: TestApp): Promise<void> {
  const { status, text } = await app.get("/metrics");
  expect(status).toBe(200);
  expect(text).toContain('ballast_database_pool{database="primary",state="waiting"}');
  expect(text).toContain("ballast_process_cpu_seconds_total");
  expect(text).not.toContain("ballast_operations{");
}

test("the metrics are shown while the database is away", async () => {
  const { url, drop } = await testDatabase();
  endings.push(drop);
  const nobodyThere = new URL(url);
  nobodyThere.port = "1";
  await expectMetricsWithoutOperations(await openWorking(nobodyThere.href));
});

test("the metrics are shown while every connection is taken, and whole again afterwards", async () => {
  const { url, drop } = await testDatabase();
  endings.push(drop);
  const app = await openWorking(url);
  await acceptOperation(app.database, { due: "by_hand" });
  const pending = 'ballast_operations{type="ANALYZE_SCENARIOS",status="PENDING"} 1';
  expect((await app.get("/metrics")).text).toContain(pending);
  const { promise: released, open: release } = gate();
  const taken = Array.from({ length: 30 }, () =>
    inTransaction(app.database, { tenantId: null }, async (tx) => {
      await tx`select 1`;
      await released;
    }),
  );
  await expectMetricsWithoutOperations(app);
  release();
  await Promise.all(taken);
  expect((await app.get("/metrics")).text).toContain(pending);
});

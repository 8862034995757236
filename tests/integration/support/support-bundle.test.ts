import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BatchRebalanceResult } from "../../../src/contract/rebalance.ts";
import {
  DpmAsyncAcceptedResponse,
  DpmAsyncOperationStatusResponse,
} from "../../../src/features/operations/schemas.ts";
import { inTransaction, type SqlValue, type Tx } from "../../../src/platform/database/transaction.ts";
import { DpmRunWorkflowHistoryResponse } from "../../../src/features/reviews/schemas.ts";
import {
  DpmRunArtifactResponse,
  DpmRunIdempotencyHistoryResponse,
  DpmRunLookupResponse,
} from "../../../src/features/runs/schemas.ts";
import { collectBundle, type BundleKey } from "../../../src/features/support/read-support-bundle.ts";
import { DpmLineageResponse, DpmRunSupportBundleResponse } from "../../../src/features/support/schemas.ts";
import { openTestApp, read, refusalOf, type Received, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { act, makeRun, NEEDS_REVIEW, newKey, rebalanceBody } from "../../support/runs.ts";

let db: TestDatabase;
let app: TestApp;
let transactions = 0;

beforeAll(async () => {
  db = await testDatabase();
  // Operations are done before they are answered: there is no worker in this test.
  app = await openTestApp(
    db.url,
    { DPM_ASYNC_EXECUTION_MODE: "INLINE" },
    { onWait: () => (transactions += 1) },
  );
});

afterAll(async () => {
  await app.close();
  await db.drop();
});

const bundle = (path: string, headers?: Readonly<Record<string, string>>) =>
  app.get(`/rebalance/runs/${path}`, headers);

const bundleIn = (answer: Received) => read(DpmRunSupportBundleResponse, answer);

/** An analysis that was done as an operation, and the runs that it made by scenario. */
async function makeOperation(correlationId: string) {
  const { options: _, ...inputs } = rebalanceBody();
  const accepted = await app.post("/rebalance/analyze/async", {
    key: newKey("async"),
    headers: { "x-correlation-id": correlationId },
    body: { ...inputs, scenarios: { base: {}, capped: { options: NEEDS_REVIEW } } },
  });
  const operationId = read(DpmAsyncAcceptedResponse, accepted).operation_id;
  const done = await app.get(`/rebalance/operations/${operationId}`);
  const { results } = BatchRebalanceResult.parse(read(DpmAsyncOperationStatusResponse, done).result);
  const idOf = (name: string) => results[name]?.rebalance_run_id ?? "";
  return { operationId, base: idOf("base"), capped: idOf("capped") };
}

describe("the bundle of a run", () => {
  test("holds what each look-up of its parts says, by each name of the run", async () => {
    const run = await makeRun(app);
    await act(app, run.id, "APPROVE");
    await act(app, run.id, "REJECT");
    const expected = {
      run: read(DpmRunLookupResponse, await app.get(`/rebalance/runs/${run.id}`)),
      artifact: read(DpmRunArtifactResponse, await app.get(`/rebalance/runs/${run.id}/artifact`)),
      async_operation: null,
      workflow_history: read(
        DpmRunWorkflowHistoryResponse,
        await app.get(`/rebalance/runs/${run.id}/workflow/history`),
      ),
      lineage: read(DpmLineageResponse, await app.get(`/rebalance/lineage/${run.id}`)),
      idempotency_history: read(
        DpmRunIdempotencyHistoryResponse,
        await app.get(`/rebalance/idempotency/${run.key}/history`),
      ),
    };
    expect(expected.lineage.edges).toHaveLength(2);
    expect(expected.workflow_history.decisions).toHaveLength(2);
    const texts = new Set<string>();
    for (const name of [run.id, `by-correlation/${run.correlationId}`, `idempotency/${run.key}`]) {
      const answer = await bundle(`${name}/support-bundle`);
      expect(answer.status).toBe(200);
      expect(bundleIn(answer)).toEqual(expected);
      texts.add(answer.text);
    }
    expect(texts.size).toBe(1);
  });

  test("holds the result as the very bytes that were answered", async () => {
    const key = newKey("bytes");
    const simulated = await app.post("/rebalance/simulate", { key, body: rebalanceBody() });
    const { text } = await bundle(`idempotency/${key}/support-bundle`);
    expect(text).toContain(`"result":${simulated.text}`);
  });

  test("leaves out what is not wanted", async () => {
    const { base, operationId } = await makeOperation("corr-unwanted");
    const run = await makeRun(app);
    const slim =
      "support-bundle?include_artifact=false&include_async_operation=false&include_idempotency_history=false";
    for (const path of [`${run.id}/${slim}`, `${base}/${slim}`, `by-operation/${operationId}/${slim}`]) {
      // That the run is there, with its result, is what the contract promises of a bundle.
      expect(bundleIn(await bundle(path))).toMatchObject({
        artifact: null,
        async_operation: null,
        idempotency_history: null,
      });
    }
    expect((await bundle(`${run.id}/support-bundle?include_artifact=maybe`)).status).toBe(422);
  });

  test("has no idempotency history where the run had no key", async () => {
    const { base } = await makeOperation("corr-without-key");
    expect(bundleIn(await bundle(`${base}/support-bundle`)).idempotency_history).toBeNull();
  });

  test("is not there for what is not there, and not for another tenant", async () => {
    const run = await makeRun(app);
    const { operationId } = await makeOperation("corr-foreign");
    for (const [path, code] of [
      [`rr_${"0".repeat(32)}`, "DPM_RUN_NOT_FOUND"],
      ["by-correlation/corr-of-nobody", "DPM_RUN_NOT_FOUND"],
      ["idempotency/key-of-nobody", "DPM_IDEMPOTENCY_KEY_NOT_FOUND"],
      [`by-operation/dop_${"0".repeat(32)}`, "DPM_ASYNC_OPERATION_NOT_FOUND"],
    ] as const) {
      expect(refusalOf(await bundle(`${path}/support-bundle`))).toBe(`404 ${code}`);
    }
    const foreign = { "x-tenant-id": "other" };
    for (const path of [run.id, `by-operation/${operationId}`]) {
      expect((await bundle(`${path}/support-bundle`, foreign)).status).toBe(404);
    }
  });
});

describe("the operation in a bundle", () => {
  test("is the one that made the run, whatever else shares its correlation id", async () => {
    const made = await makeOperation("corr-shared");
    const later = await makeOperation("corr-shared");
    for (const operation of [made, later]) {
      const status = read(
        DpmAsyncOperationStatusResponse,
        await app.get(`/rebalance/operations/${operation.operationId}`),
      );
      for (const runId of [operation.base, operation.capped]) {
        const { run, async_operation } = bundleIn(await bundle(`${runId}/support-bundle`));
        expect(run.rebalance_run_id).toBe(runId);
        expect(async_operation).toEqual(status);
      }
    }
  });

  test("leads to the latest of the runs that it made", async () => {
    const made = await makeOperation("corr-by-operation");
    await makeOperation("corr-by-operation");
    const byOperation = bundleIn(await bundle(`by-operation/${made.operationId}/support-bundle`));
    expect(byOperation.run.rebalance_run_id).toBe(made.capped);
    expect(byOperation.async_operation?.operation_id).toBe(made.operationId);
    expect(byOperation).toEqual(bundleIn(await bundle(`${made.capped}/support-bundle`)));
  });

  test("leads to the run with the correlation id of the operation before any of a scenario", async () => {
    const made = await makeOperation("corr-of-both");
    const run = await makeRun(app, { correlationId: "corr-of-both" });
    const found = bundleIn(await bundle(`by-operation/${made.operationId}/support-bundle`));
    expect(found.run.rebalance_run_id).toBe(run.id);
  });

  test("that has made nothing leads to the run of its correlation id, or to none", async () => {
    const waiting = await openTestApp(db.url, { DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" });
    const { options: _, ...inputs } = rebalanceBody();
    const accept = async (correlationId: string) => {
      const answer = await waiting.post("/rebalance/analyze/async", {
        key: newKey("waiting"),
        headers: { "x-correlation-id": correlationId },
        body: { ...inputs, scenarios: { base: {} } },
      });
      return read(DpmAsyncAcceptedResponse, answer).operation_id;
    };
    const run = await makeRun(app, { correlationId: "corr-related" });
    const related = await accept("corr-related");
    const alone = await accept("corr-alone");
    await waiting.close();
    const found = bundleIn(await bundle(`by-operation/${related}/support-bundle`));
    expect(found.run.rebalance_run_id).toBe(run.id);
    expect(found.async_operation).toMatchObject({ status: "PENDING", result: null });
    const none = await bundle(`by-operation/${alone}/support-bundle`);
    expect(refusalOf(none)).toBe("404 DPM_RUN_NOT_FOUND");
  });
});

describe("what a bundle costs", () => {
  /** How many statements a bundle takes. */
  async function statementsFor(key: BundleKey): Promise<number> {
    let statements = 0;
    const everything = {
      include_artifact: true,
      include_async_operation: true,
      include_idempotency_history: true,
    };
    const found = await inTransaction(app.database, { tenantId: "default", readOnly: true }, (tx) => {
      const counting: Tx = <Row extends object>(strings: TemplateStringsArray, ...values: SqlValue[]) => {
        statements += 1;
        return tx<Row>(strings, ...values);
      };
      return collectBundle(counting, "default", key, everything, new Date(0).toISOString());
    });
    expect(found.kind).toBe("found");
    return statements;
  }

  test("is one transaction and the same few statements, however much there is to show", async () => {
    const key = newKey("busy");
    const headers = { "x-policy-pack-id": "no-replay" };
    await app.send("PUT", "/rebalance/policies/catalog/no-replay", {
      body: { version: "1", idempotency_policy: { replay_enabled: false } },
    });
    let run = await makeRun(app, { key, headers });
    const counts = [await statementsFor({ by: "rebalance_run_id", value: run.id })];
    for (let at = 0; at < 5; at += 1) run = await makeRun(app, { key, headers, correlationId: "corr-busy" });
    for (let at = 0; at < 6; at += 1) await act(app, run.id, "REQUEST_CHANGES");
    const { operationId } = await makeOperation("corr-busy");
    counts.push(
      await statementsFor({ by: "rebalance_run_id", value: run.id }),
      await statementsFor({ by: "correlation_id", value: "corr-busy" }),
      await statementsFor({ by: "idempotency_key", value: key }),
    );
    expect(counts).toEqual([5, 5, 5, 5]);
    // It finds the run of the same correlation id, which was made under a key.
    expect(await statementsFor({ by: "operation_id", value: operationId })).toBe(5);
    const before = transactions;
    const found = bundleIn(await bundle(`${run.id}/support-bundle`));
    expect(transactions - before).toBe(1);
    expect(found.idempotency_history?.history).toHaveLength(6);
    expect(found.workflow_history.decisions).toHaveLength(6);
  });
});

test.each([
  ["DPM_SUPPORT_BUNDLE_APIS_ENABLED", "DPM_SUPPORT_BUNDLE_APIS_DISABLED"],
  ["DPM_SUPPORT_APIS_ENABLED", "DPM_SUPPORT_APIS_DISABLED"],
])("with %s off, every way to a bundle answers %s", async (variable, code) => {
  const run = await makeRun(app);
  const off = await openTestApp(db.url, { [variable]: "false" });
  const names = [
    run.id,
    `by-correlation/${run.correlationId}`,
    `idempotency/${run.key}`,
    "by-operation/dop_x",
  ];
  const answers = await Promise.all(names.map((name) => off.get(`/rebalance/runs/${name}/support-bundle`)));
  await off.close();
  expect(answers.map(refusalOf)).toEqual(names.map(() => `404 ${code}`));
});

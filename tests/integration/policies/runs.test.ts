import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BatchRebalanceResult, RebalanceResult } from "../../../src/contract/rebalance.ts";
import {
  DpmRunIdempotencyHistoryResponse,
  DpmRunIdempotencyLookupResponse,
  DpmRunReproduceResponse,
} from "../../../src/features/runs/schemas.ts";
import { DpmRunVerificationResponse } from "../../../src/features/support/schemas.ts";
import { openTestApp, read, type Received, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { newKey, rebalanceBody } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";

let db: TestDatabase;
let app: TestApp;
let transactions = 0;

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url, {}, { onWait: () => (transactions += 1) });
});

afterAll(async () => {
  await app.close();
  await db.drop();
});

function put(id: string, policies: Readonly<Record<string, unknown>>, version = "v1") {
  return app.send("PUT", `/rebalance/policies/catalog/${id}`, { body: { version, ...policies } });
}

function simulate(
  key: string,
  headers: Readonly<Record<string, string>> = {},
  on = app,
  body = rebalanceBody(),
) {
  return on.post("/rebalance/simulate", { key, headers, body });
}

type StoredRun = {
  policy_pack_id: string | null;
  policy_pack_version: string | null;
  policy_pack_revision: number | null;
  request_hash: string;
  input: { options: Record<string, unknown> };
  request: { options: Record<string, unknown> } | null;
};

function stored(runId: string): Promise<StoredRun> {
  return withSession(db.adminUrl, async (session) => {
    const { rows } = await session.query<StoredRun>(
      `select policy_pack_id, policy_pack_version, policy_pack_revision, request_hash,
              input_text::json as input, request_text::json as request
         from rebalance_run join run_payload using (tenant_id, rebalance_run_id) where rebalance_run_id = $1`,
      [runId],
    );
    const [row] = rows;
    if (row === undefined) throw new Error(`no run ${runId}`);
    return row;
  });
}

const runIn = (answer: Received) => read(RebalanceResult, answer);
const storedOf = (answer: Received) => stored(runIn(answer).rebalance_run_id);

async function reproduce(runId: string): Promise<boolean> {
  return read(DpmRunReproduceResponse, await app.post(`/rebalance/runs/${runId}/reproduce`, {})).reproducible;
}

async function verify(runId: string): Promise<DpmRunVerificationResponse> {
  return read(DpmRunVerificationResponse, await app.get(`/rebalance/runs/${runId}/verify`));
}

describe("a run under a policy pack", () => {
  test("is calculated with the options in force, and says which pack and version shaped it", async () => {
    await put("calm", { turnover_policy: { max_turnover_pct: "0" } }, "2026-1");
    const plain = runIn(await simulate(newKey()));
    const shaped = runIn(await simulate(newKey(), { "x-policy-pack-id": "calm" }));
    expect(plain.intents).not.toEqual([]);
    expect(shaped.intents).toEqual([]);
    const run = await stored(shaped.rebalance_run_id);
    expect(run).toMatchObject({
      policy_pack_id: "calm",
      policy_pack_version: "2026-1",
      policy_pack_revision: 1,
      input: { options: { max_turnover_pct: "0" } },
      request: { options: { max_turnover_pct: null } },
    });
    // The hash is over the body, so a pack does not tell two requests apart.
    expect(run.request_hash).toBe((await stored(plain.rebalance_run_id)).request_hash);
    expect(await stored(plain.rebalance_run_id)).toMatchObject({ policy_pack_id: null, request: null });
  });

  test("is reproduced with what was in force then, whatever became of the pack", async () => {
    await put("fickle", { turnover_policy: { max_turnover_pct: "0.05" } }, "same-name");
    const first = runIn(await simulate(newKey(), { "x-policy-pack-id": "fickle" }));
    await put("fickle", { turnover_policy: { max_turnover_pct: "0.9" } }, "same-name");
    const next = runIn(await simulate(newKey(), { "x-policy-pack-id": "fickle" }));
    await app.send("DELETE", "/rebalance/policies/catalog/fickle");
    for (const [at, { rebalance_run_id: id }] of [first, next].entries()) {
      expect(await reproduce(id)).toBe(true);
      expect(await verify(id)).toMatchObject({ valid: true, checked: { policy_packs: 1 } });
      expect((await stored(id)).policy_pack_revision).toBe(at + 1);
    }
  });

  test("that changes nothing names the pack and keeps one document", async () => {
    await put("silent", {});
    const answer = await simulate(newKey(), { "x-policy-pack-id": "silent" });
    expect(await storedOf(answer)).toMatchObject({ policy_pack_id: "silent", request: null });
  });

  test("goes on without it where packs are off, whether it exists or not, and says nothing", async () => {
    await put("off", { turnover_policy: { max_turnover_pct: "0" } });
    const off = await openTestApp(db.url, {
      DPM_POLICY_PACKS_ENABLED: "false",
      DPM_DEFAULT_POLICY_PACK_ID: "nobody",
    });
    const answers = [
      await simulate(newKey(), { "x-policy-pack-id": "off" }, off),
      await simulate(newKey(), { "x-policy-pack-id": "nobody" }, off),
    ];
    await off.close();
    for (const answer of answers) {
      expect(await storedOf(answer)).toMatchObject({ policy_pack_id: null, request: null });
      expect(runIn(answer).diagnostics.warnings).toEqual([]);
    }
  });

  test("selected by the tenant or the deployment is shaped alike", async () => {
    const headers = { "x-tenant-id": "bank-t" };
    const shaping = { turnover_policy: { max_turnover_pct: "0" } };
    await app.send("PUT", "/rebalance/policies/catalog/of-tenant", {
      headers,
      body: { version: "1", ...shaping },
    });
    await put("of-deployment", shaping);
    const other = await openTestApp(db.url, {
      DPM_TENANT_POLICY_PACK_MAP_JSON: '{"bank-t":"of-tenant"}',
      DPM_DEFAULT_POLICY_PACK_ID: "of-deployment",
    });
    const byTenant = await simulate(newKey(), headers, other);
    const byDeployment = await simulate(newKey(), {}, other);
    await other.close();
    expect((await storedOf(byTenant)).policy_pack_id).toBe("of-tenant");
    expect((await storedOf(byDeployment)).policy_pack_id).toBe("of-deployment");
  });

  test("of a batch is shaped like any other", async () => {
    await put("batch", { turnover_policy: { max_turnover_pct: "0" } });
    const { options: _, ...inputs } = rebalanceBody();
    const answer = await app.post("/rebalance/analyze", {
      headers: { "x-policy-pack-id": "batch" },
      body: { ...inputs, scenarios: { a: {}, b: { options: { max_turnover_pct: "0.5" } } } },
    });
    const { results } = read(BatchRebalanceResult, answer);
    expect(Object.keys(results)).toEqual(["a", "b"]);
    for (const { rebalance_run_id: runId } of Object.values(results)) {
      expect(await stored(runId)).toMatchObject({
        policy_pack_id: "batch",
        input: { options: { max_turnover_pct: "0" } },
      });
      expect(await reproduce(runId)).toBe(true);
    }
  });

  test("costs no transaction more than a run without", async () => {
    await put("counted", { turnover_policy: { max_turnover_pct: "0.1" } });
    const count = async (headers: Readonly<Record<string, string>>, key: string) => {
      const before = transactions;
      await simulate(key, headers);
      return transactions - before;
    };
    const key = newKey();
    const shaped = { "x-policy-pack-id": "counted" };
    expect([await count({}, newKey()), await count(shaped, key), await count(shaped, key)]).toEqual([
      2, 2, 1,
    ]);
  });
});

describe("replay", () => {
  test("ignores which pack a repetition selects: the hash is over the body", async () => {
    await put("later", { turnover_policy: { max_turnover_pct: "0" } });
    const key = newKey();
    const first = await simulate(key);
    const again = await simulate(key, { "x-policy-pack-id": "later" });
    expect(again.text).toBe(first.text);
    expect(again.headers["idempotent-replayed"]).toBe("true");
  });

  /** The runs that a key was sent for, the oldest first. */
  async function historyOf(key: string): Promise<string[]> {
    const answer = await app.get(`/rebalance/idempotency/${key}/history`);
    return read(DpmRunIdempotencyHistoryResponse, answer).history.map((item) => item.rebalance_run_id);
  }

  /** The run that a key stands for. */
  async function runOf(key: string): Promise<string> {
    const answer = await app.get(`/rebalance/runs/idempotency/${key}`);
    return read(DpmRunIdempotencyLookupResponse, answer).rebalance_run_id;
  }

  test.each([
    ["by the pack", {}, { "x-policy-pack-id": "no-replay" }],
    ["by the deployment", { DPM_IDEMPOTENCY_REPLAY_ENABLED: "false" }, {}],
  ])(
    "switched off %s: every request is a run, the key maps to the newest, the history keeps all",
    async (_, env, headers) => {
      await put("no-replay", { idempotency_policy: { replay_enabled: false } });
      const on = await openTestApp(db.url, env);
      const key = newKey("again");
      const answers = [];
      for (const quantity of ["100", "100", "101"]) {
        answers.push(await simulate(key, headers, on, rebalanceBody({}, quantity)));
      }
      await on.close();
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect(answers.every(({ headers: sent }) => sent["idempotent-replayed"] === undefined)).toBe(true);
      const ids = answers.map((answer) => runIn(answer).rebalance_run_id);
      expect(new Set(ids).size).toBe(3);
      expect((await historyOf(key)).sort()).toEqual(ids.toSorted());
      expect(await runOf(key)).toBe(ids[2]);
      // With replay on again, the key stands for its newest run.
      const replayed = await simulate(key, {}, app, rebalanceBody({}, "101"));
      expect(replayed.text).toBe(answers[2]?.text);
      expect((await simulate(key, {}, app, rebalanceBody({}, "100"))).status).toBe(409);
    },
  );

  test("switched off: of 32 at once, each is a run and the key maps to the newest of them", async () => {
    await put("no-replay", { idempotency_policy: { replay_enabled: false } });
    const key = newKey("rivals");
    const headers = { "x-policy-pack-id": "no-replay" };
    const answers = await Promise.all(Array.from({ length: 32 }, () => simulate(key, headers)));
    expect(new Set(answers.map((answer) => runIn(answer).rebalance_run_id)).size).toBe(32);
    const history = await historyOf(key);
    expect(history).toHaveLength(32);
    expect(await runOf(key)).toBe(history.at(-1));
    expect(await verify(String(history[0]))).toMatchObject({ valid: true });
  });

  test("switched on by the pack where the deployment has it off", async () => {
    await put("replay", { idempotency_policy: { replay_enabled: true } });
    const off = await openTestApp(db.url, { DPM_IDEMPOTENCY_REPLAY_ENABLED: "false" });
    const key = newKey("pack-on");
    const headers = { "x-policy-pack-id": "replay" };
    const first = await simulate(key, headers, off);
    const again = await simulate(key, headers, off);
    await off.close();
    expect(again.text).toBe(first.text);
  });
});

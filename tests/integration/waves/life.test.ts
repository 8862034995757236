import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { RebalanceResult } from "../../../src/contract/rebalance.ts";
import { DpmLineageResponse, DpmRunVerificationResponse } from "../../../src/features/support/schemas.ts";
import { DpmRunReproduceResponse } from "../../../src/features/runs/schemas.ts";
import { claimItems } from "../../../src/features/waves/repository/leases.ts";
import { startRunner } from "../../../src/features/waves/runner.ts";
import type { ClaimLoop } from "../../../src/platform/leases/claim-loop.ts";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import { totalsOf } from "../../../src/features/waves/core/totals.ts";
import {
  WaveEventListResponse,
  WaveItemListResponse,
  WaveVerificationResponse,
} from "../../../src/features/waves/schemas.ts";
import { openTestApp, read, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { newKey } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";
import {
  act,
  createWave,
  getWave,
  portfolio,
  portfolios,
  SHARED,
  tryTo,
  untilState,
  type Wave,
} from "../../support/waves.ts";

let test: TestDatabase;
let app: TestApp;
let runner: ClaimLoop | undefined;

beforeAll(async () => {
  test = await testDatabase();
  app = await openTestApp(test.url, { WORKER_POLL_MS: "50" });
});
afterEach(rest);
afterAll(async () => {
  await app.close();
  await test.drop();
});

function work(): void {
  runner = startRunner({
    ...app.works.waves,
    writes: app.runtime.writes,
    mostBatches: 3,
    pollMs: 50,
    onClaimError: (error) => expect.unreachable(String(error)),
  });
}

async function rest(): Promise<void> {
  await runner?.stop();
  await app.works.waves.batches.drain(10_000);
  runner = undefined;
}

async function itemsOf(wave: Pick<Wave, "wave_id">, query = "limit=1000") {
  return read(WaveItemListResponse, await app.get(`/rebalance/waves/${wave.wave_id}/items?${query}`)).items;
}

async function verify(wave: Pick<Wave, "wave_id">) {
  return read(WaveVerificationResponse, await app.get(`/rebalance/waves/${wave.wave_id}/verify`));
}

async function historyOf(wave: Pick<Wave, "wave_id">) {
  const { items } = read(
    WaveEventListResponse,
    await app.get(`/rebalance/waves/${wave.wave_id}/events?limit=200`),
  );
  return items.map(({ event_type, actor_id }) => `${event_type} ${String(actor_id)}`);
}

/** Runs a wave of these portfolios to its end. */
async function run(items: readonly unknown[], change: Parameters<typeof createWave>[2] = {}): Promise<Wave> {
  const wave = await createWave(app, items, change);
  await act(app, wave, "start");
  work();
  const hasFailures =
    (await itemsOf(wave)).length > 0 && items.some((item) => JSON.stringify(item).includes("nonsense"));
  const over = await untilState(app, wave, hasFailures ? "COMPLETED_WITH_FAILURES" : "COMPLETED");
  await rest();
  return over;
}

describe("a wave that runs", () => {
  it("ends by itself with a run for each portfolio, and failures with their places for those that are wrong", async () => {
    const bad = portfolio("bad", "nonsense");
    const wave = await run([...portfolios(45), bad, { item_key: "no-portfolio" }]);
    expect(wave.counts).toEqual({
      total: 47,
      items: { PENDING: 0, RUNNING: 0, SUCCEEDED: 45, FAILED: 2, CANCELLED: 0 },
      runs: { READY: 45, PENDING_REVIEW: 0, BLOCKED: 0 },
    });
    const failed = await itemsOf(wave, "status=FAILED");
    expect(
      failed.map(({ item_key, error }) => [
        item_key,
        error?.code,
        error?.errors?.map(({ loc, code }) => [loc, code]),
      ]),
    ).toEqual([
      [
        "bad",
        "VALIDATION_FAILED",
        [[["body", "portfolio_snapshot", "positions", 0, "quantity"], "NOT_A_DECIMAL"]],
      ],
      ["no-portfolio", "VALIDATION_FAILED", [[["body", "portfolio_snapshot"], "REQUIRED"]]],
    ]);
    expect(await verify(wave)).toMatchObject({ valid: true, checked: { events: 3, items: 47, runs: 45 } });
    expect(await historyOf(wave)).toEqual([
      "CREATED desk.kim",
      "STARTED desk.lee",
      "COMPLETED_WITH_FAILURES null",
    ]);
  });

  it("makes ordinary runs: in every list, hashed as if sent alone, reproducible and verified", async () => {
    const correlationId = newKey("corr");
    const wave = await run([portfolio("alone"), portfolio("other", "20")], {
      headers: { "x-correlation-id": correlationId },
    });
    const [item] = await itemsOf(wave, "item_key=alone");
    const id = item?.rebalance_run_id ?? "";
    const alone = await app.post("/rebalance/simulate", {
      key: newKey("alone"),
      body: { ...SHARED, ...portfolio("alone") },
    });
    const { lineage } = read(RebalanceResult, alone);
    const stored = await app.get(`/rebalance/runs/by-correlation/${correlationId}:alone`);
    const Run = z.object({ rebalance_run_id: z.string(), request_hash: z.string() });
    expect(Run.parse(stored.json)).toEqual({ rebalance_run_id: id, request_hash: lineage.request_hash });
    expect((await app.get(`/rebalance/runs/${id}/artifact`)).status).toBe(200);
    const again = await app.post(`/rebalance/runs/${id}/reproduce`, {});
    expect(read(DpmRunReproduceResponse, again)).toMatchObject({ reproducible: true });
    const checked = read(DpmRunVerificationResponse, await app.get(`/rebalance/runs/${id}/verify`));
    expect(checked).toMatchObject({
      valid: true,
      checked: { lineage_edges: 2, idempotency_records: 1, wave_items: 1 },
    });
    const edges = read(
      DpmLineageResponse,
      await app.get(`/rebalance/lineage/${wave.wave_id}?edge_type=WAVE_TO_RUN`),
    );
    expect(edges.edges.map(({ target_entity_id }) => target_entity_id)).toContain(id);
    expect(edges.edges).toHaveLength(2);
  });

  it("shows sums that are those of its runs", async () => {
    const wave = await run([
      ...portfolios(30),
      portfolio("eur", "10", { options: { single_position_max_weight: "0.1" } }),
    ]);
    const { rows } = await withSession(test.adminUrl, (session) =>
      session.query<{ result_text: string }>(
        `select p.result_text from wave_item i join run_payload p using (tenant_id, rebalance_run_id) where i.wave_id = $1`,
        [wave.wave_id],
      ),
    );
    const results = rows.map(({ result_text }) => RebalanceResult.parse(JSON.parse(result_text)));
    const sums = totalsOf(results);
    const sumOf = (measure: string) =>
      sums.filter((sum) => sum.measure === measure).map(({ amount }) => Number(amount));
    const { aggregates } = wave;
    expect(aggregates.turnover.map(({ amount }) => Number(amount))).toEqual(sumOf("TURNOVER"));
    expect(aggregates.cash_before.map(({ amount }) => Number(amount))).toEqual(sumOf("CASH_BEFORE"));
    expect(aggregates.cash_after.map(({ amount }) => Number(amount))).toEqual(sumOf("CASH_AFTER"));
    expect(aggregates.trades.map(({ side, count }) => [side, count])).toEqual([
      ["BUY", sums.find(({ measure }) => measure === "BUY")?.count],
    ]);
  });

  it("lets a portfolio replace single options and the model, and keeps what it shares otherwise", async () => {
    const wave = await run(
      [
        portfolio("plain"),
        portfolio("own-option", "10", { options: { cash_band_max_weight: "0.9" } }),
        portfolio("own-model", "10", {
          model_portfolio: { targets: [{ instrument_id: "EQ_1", weight: "0.1" }] },
        }),
      ],
      { body: { shared: { ...SHARED, options: { cash_band_max_weight: "0.05", max_turnover_pct: "0.5" } } } },
    );
    const { rows } = await withSession(test.adminUrl, (session) =>
      session.query<{ item_key: string; input: string }>(
        `select i.item_key, (p.input_text::json -> 'options' ->> 'cash_band_max_weight') || ' '
                  || (p.input_text::json -> 'options' ->> 'max_turnover_pct') || ' '
                  || (p.input_text::json #>> '{model_portfolio,targets,0,weight}') as input
           from wave_item i join run_payload p using (tenant_id, rebalance_run_id) where i.wave_id = $1 order by 1`,
        [wave.wave_id],
      ),
    );
    expect(rows.map(({ item_key, input }) => `${item_key}: ${input}`)).toEqual([
      "own-model: 0.05 0.5 0.1",
      "own-option: 0.9 0.5 0.6",
      "plain: 0.05 0.5 0.6",
    ]);
  });

  it("runs under the pack that was in force when it was created, whatever became of it since", async () => {
    const pack = (turnover: string) => ({
      body: { version: `v-${turnover}`, turnover_policy: { max_turnover_pct: turnover } },
    });
    await app.send("PUT", "/rebalance/policies/catalog/wave-pack", pack("0.01"));
    const wave = await createWave(app, [portfolio("packed")], {
      headers: { "x-policy-pack-id": "wave-pack" },
    });
    expect([wave.policy_pack_id, wave.policy_pack_version]).toEqual(["wave-pack", "v-0.01"]);
    await app.send("PUT", "/rebalance/policies/catalog/wave-pack", pack("0.9"));
    await act(app, wave, "start");
    work();
    await untilState(app, wave, "COMPLETED");
    const { rows } = await withSession(test.adminUrl, (session) =>
      session.query<{ policy_pack_version: string; limit: string }>(
        `select r.policy_pack_version, p.input_text::json -> 'options' ->> 'max_turnover_pct' as limit
           from rebalance_run r join run_payload p using (tenant_id, rebalance_run_id) join wave_item i using (tenant_id, rebalance_run_id)
          where i.wave_id = $1`,
        [wave.wave_id],
      ),
    );
    expect(rows).toEqual([{ policy_pack_version: "v-0.01", limit: "0.01" }]);
  });
});

describe("the rules of a wave", () => {
  const twice = [
    { currency: "USD", amount: "600" },
    { currency: "USD", amount: "400" },
  ];
  const twiceInCash = {
    portfolio_snapshot: { ...portfolio("twice").portfolio_snapshot, cash_balances: twice },
  };

  it("fail a portfolio that they cannot take, with its places, and nobody else", async () => {
    const shared = { ...SHARED, options: { rules_version: "2" } };
    const own = { ...twiceInCash, item_key: "by-rules-1", options: { rules_version: "1" } };
    const wave = await createWave(app, [portfolio("good"), twiceInCash, own], { body: { shared } });
    await act(app, wave, "start");
    work();
    await untilState(app, wave, "COMPLETED_WITH_FAILURES");
    const items = await itemsOf(wave);
    expect(items.map(({ item_key, error }) => [item_key, error?.code, error?.errors])).toEqual([
      ["by-rules-1", undefined, undefined],
      ["good", undefined, undefined],
      [
        "twice",
        "VALIDATION_FAILED",
        [
          {
            loc: ["body", "portfolio_snapshot", "cash_balances", 1, "currency"],
            msg: "is listed before",
            code: "DUPLICATE_ID",
          },
        ],
      ],
    ]);
    expect(await verify(wave)).toMatchObject({ valid: true });
  });

  it("are those of the deployment that created it, where nobody names others", async () => {
    const other = await openTestApp(test.url, { DEFAULT_RULES_VERSION: "2" });
    try {
      const wave = await createWave(other, [portfolio("p")]);
      await act(other, wave, "start");
      work();
      await untilState(app, wave, "COMPLETED");
      const [item] = await itemsOf(wave);
      const artifact = await app.get(`/rebalance/runs/${item?.rebalance_run_id ?? ""}/artifact`);
      expect(artifact.text).toContain('"rules_version":"2"');
    } finally {
      await other.close();
    }
  });
});

describe("the actions on a wave", () => {
  it("lead through its states, each once, and refuse what does not belong there", async () => {
    const wave = await createWave(app, portfolios(3));
    expect(refusalOf(await tryTo(app, wave, "pause"))).toBe("409 WAVE_INVALID_STATE");
    expect((await act(app, wave, "start")).state).toBe("RUNNING");
    expect(refusalOf(await tryTo(app, wave, "start"))).toBe("409 WAVE_INVALID_STATE");
    expect((await act(app, wave, "pause")).state).toBe("PAUSED");
    work();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await getWave(app, wave)).counts.items.PENDING).toBe(3);
    await act(app, wave, "resume");
    await untilState(app, wave, "COMPLETED");
    expect(refusalOf(await tryTo(app, wave, "retry-failed"))).toBe("409 WAVE_INVALID_STATE");
    expect(await historyOf(wave)).toEqual([
      "CREATED desk.kim",
      "STARTED desk.lee",
      "PAUSED desk.lee",
      "RESUMED desk.lee",
      "COMPLETED null",
    ]);
  });

  it("end a cancelled wave of which nothing is under way at once, with a hash over its items", async () => {
    const wave = await createWave(app, portfolios(3));
    const cancelled = await act(app, wave, "cancel");
    expect([cancelled.state, cancelled.counts.items.CANCELLED]).toEqual(["CANCELLED", 3]);
    expect(await historyOf(wave)).toEqual(["CREATED desk.kim", "CANCELLED desk.lee", "SETTLED null"]);
    expect(await verify(wave)).toMatchObject({ valid: true });
  });

  it("cancel more than fits into one transaction, by whoever runs waves", async () => {
    const wave = await createWave(app, portfolios(2_300));
    const cancelled = await act(app, wave, "cancel");
    expect(cancelled.counts.items).toMatchObject({ CANCELLED: 1_000, PENDING: 1_300 });
    work();
    await expect
      .poll(async () => (await getWave(app, wave)).counts.items.CANCELLED, { timeout: 20_000 })
      .toBe(2_300);
    await expect.poll(async () => (await historyOf(wave)).at(-1), { timeout: 5_000 }).toBe("SETTLED null");
    expect(await verify(wave)).toMatchObject({ valid: true });
  });

  it("are done once for their key, and a refusal stays one", async () => {
    const wave = await createWave(app, portfolios(1));
    const url = `/rebalance/waves/${wave.wave_id}`;
    const paused = await app.post(`${url}/pause`, { key: "pause-1", body: {} });
    expect(refusalOf(paused)).toBe("409 WAVE_INVALID_STATE");
    const first = await app.post(`${url}/start`, { key: "start-1", body: {} });
    const again = await app.post(`${url}/start`, { key: "start-1", body: {} });
    expect([again.status, again.text, again.headers["idempotent-replayed"]]).toEqual([
      200,
      first.text,
      "true",
    ]);
    expect((await app.post(`${url}/pause`, { key: "pause-1", body: {} })).text).toBe(paused.text);
    expect(refusalOf(await app.post(`${url}/start`, { key: "start-1", body: { reason: "other" } }))).toBe(
      "409 IDEMPOTENCY_KEY_CONFLICT: request hash mismatch",
    );
    await act(app, wave, "cancel");
  });

  it("need no body, and no wave gets none", async () => {
    const wave = await createWave(app, []);
    const start = `/rebalance/waves/${wave.wave_id}/start`;
    expect(refusalOf(await app.post(start, { key: newKey("start") }))).toBe("409 WAVE_EMPTY");
    const missing = `/rebalance/waves/rw_${"0".repeat(32)}`;
    expect(refusalOf(await app.post(`${missing}/start`, { key: newKey("start"), body: {} }))).toBe(
      "404 WAVE_NOT_FOUND",
    );
    for (const path of ["", "/items", "/items.csv", "/progress", "/events", "/verify"]) {
      expect([path, refusalOf(await app.get(`${missing}${path}`))]).toEqual([path, "404 WAVE_NOT_FOUND"]);
    }
  });

  it("retry what failed, and what failed for good fails again", async () => {
    const wave = await run([portfolio("good"), portfolio("bad", "nonsense")]);
    const retried = await act(app, wave, "retry-failed");
    expect(retried).toMatchObject({
      state: "RUNNING",
      counts: { items: { PENDING: 1, SUCCEEDED: 1, FAILED: 0 } },
    });
    work();
    const over = await untilState(app, wave, "COMPLETED_WITH_FAILURES");
    expect((await itemsOf(over)).map(({ item_key, attempts }) => [item_key, attempts])).toEqual([
      ["bad", 2],
      ["good", 1],
    ]);
    expect(await verify(wave)).toMatchObject({ valid: true });
  });
});

describe("a paused wave of which nothing is left", () => {
  it("stays paused, and is over as soon as it is resumed", async () => {
    const wave = await createWave(app, portfolios(2));
    await act(app, wave, "start");
    const { deps, batches } = app.works.waves;
    const items = await inTransaction(app.database, { tenantId: null }, (tx) =>
      claimItems(tx, deps.terms, 10, new Date().toISOString()),
    );
    expect((await act(app, wave, "pause")).counts.items.RUNNING).toBe(2);
    await batches.start({ tenantId: "default", waveId: wave.wave_id, items });
    expect(await getWave(app, wave)).toMatchObject({ state: "PAUSED", progress: "1" });
    expect((await act(app, wave, "resume")).state).toBe("COMPLETED");
    expect((await historyOf(wave)).slice(-2)).toEqual(["RESUMED desk.lee", "COMPLETED null"]);
  });
});

describe("the progress of a wave", () => {
  it("comes as events whose ids can be gone on from, and an end after which nothing comes", async () => {
    const wave = await run(portfolios(2));
    const url = `/rebalance/waves/${wave.wave_id}/progress`;
    const whole = await app.get(url);
    expect(whole.headers["content-type"]).toBe("text/event-stream");
    const ids = [...whole.text.matchAll(/^id: (.*)\nevent: (.*)$/gm)].map(([, id = "", event]) => ({
      id,
      event,
    }));
    expect(ids.map(({ event }) => event)).toEqual(["progress", "end"]);
    const rest = await app.get(url, { "last-event-id": ids[0]?.id ?? "" });
    expect([...rest.text.matchAll(/^event: (.*)$/gm)].map(([, event]) => event)).toEqual(["end"]);
    expect((await app.get(url, { "last-event-id": ids[1]?.id ?? "" })).status).toBe(204);
  });
});

import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  DpmRunArtifactResponse,
  DpmRunIdempotencyHistoryResponse,
  DpmRunIdempotencyLookupResponse,
  DpmRunListResponse,
  DpmRunLookupResponse,
} from "../../../src/features/runs/schemas.ts";
import { DpmLineageResponse } from "../../../src/features/support/schemas.ts";
import { openTestApp, read, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { makeRun, NEEDS_REVIEW, newKey, rebalanceBody, type MadeRun } from "../../support/runs.ts";
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

const runAt = async (url: string) => read(DpmRunLookupResponse, await app.get(url));

describe("the list of runs", () => {
  const headers = { "x-tenant-id": "bank-of-runs" };
  const runs: MadeRun[] = [];

  const page = async (query: string) =>
    read(DpmRunListResponse, await app.get(`/rebalance/runs?${query}`, headers));
  const ids = (items: readonly { readonly rebalance_run_id: string }[]) =>
    items.map(({ rebalance_run_id }) => rebalance_run_id);
  const newestFirst = () => runs.map(({ id }) => id).reverse();
  const chosen = (choose: (at: number) => boolean) =>
    runs
      .filter((_, at) => choose(at))
      .map(({ id }) => id)
      .reverse();

  async function everyPage(query: string): Promise<string[]> {
    const seen: string[] = [];
    let after: string | null = "";
    while (after !== null) {
      const { items, next_cursor } = await page(`${query}${after && `&cursor=${after}`}`);
      seen.push(...ids(items));
      after = next_cursor;
    }
    return seen;
  }

  beforeAll(async () => {
    for (let at = 0; at < 9; at += 1) {
      runs.push(await makeRun(app, { headers, options: at % 3 === 0 ? NEEDS_REVIEW : {} }));
    }
  });

  test("gives every run of the tenant once, newest first, whatever the size of a page", async () => {
    for (const limit of [1, 2, 9, 200])
      expect(await everyPage(`limit=${String(limit)}`)).toEqual(newestFirst());
    expect(ids((await page("")).items)).toEqual(newestFirst());
    expect((await page("limit=9")).next_cursor).toBeNull();
    const foreign = await app.get("/rebalance/runs", { "x-tenant-id": "bank-of-nobody" });
    expect(read(DpmRunListResponse, foreign)).toEqual({ items: [], next_cursor: null });
  });

  test("has 50 on a page where no other limit is given", async () => {
    const tenant = { "x-tenant-id": "bank-of-many-runs" };
    await Promise.all(Array.from({ length: 51 }, () => makeRun(app, { headers: tenant })));
    const { items, next_cursor } = read(DpmRunListResponse, await app.get("/rebalance/runs", tenant));
    expect(items).toHaveLength(50);
    const rest = await app.get(`/rebalance/runs?cursor=${String(next_cursor)}`, tenant);
    expect(read(DpmRunListResponse, rest).items).toHaveLength(1);
  });

  test("shows of each run what it is found by", async () => {
    const { items } = await page("limit=1");
    const last = runs.at(-1);
    const { result, ...whole } = read(
      DpmRunLookupResponse,
      await app.get(`/rebalance/runs/${last?.id ?? ""}`, headers),
    );
    expect(items).toEqual([{ ...whole, status: result.status }]);
    expect(whole).toMatchObject({
      rebalance_run_id: last?.id,
      correlation_id: last?.correlationId,
      idempotency_key: last?.key,
      portfolio_id: "pf_review",
    });
  });

  test("filters by status, request hash, portfolio and time, together too", async () => {
    const { items } = await page("");
    const middle = items[4];
    const from = `from=${String(middle?.created_at)}`;
    const to = `to=${String(middle?.created_at)}`;
    const since = items.filter(({ created_at }) => created_at >= String(middle?.created_at));
    const until = items.filter(({ created_at }) => created_at <= String(middle?.created_at));
    expect(await everyPage("limit=2&status=PENDING_REVIEW")).toEqual(chosen((at) => at % 3 === 0));
    expect(await everyPage("limit=2&status=READY")).toEqual(chosen((at) => at % 3 !== 0));
    expect(await everyPage("status=BLOCKED")).toEqual([]);
    expect(await everyPage(`limit=4&request_hash=${String(items[0]?.request_hash)}`)).toEqual(
      chosen((at) => at % 3 !== 0),
    );
    expect(await everyPage("limit=4&portfolio_id=pf_review")).toEqual(newestFirst());
    expect(await everyPage("portfolio_id=pf_of_nobody")).toEqual([]);
    expect(await everyPage(`limit=2&${from}`)).toEqual(ids(since));
    expect(await everyPage(`limit=2&${to}`)).toEqual(ids(until));
    expect(await everyPage(`limit=1&${from}&${to}&portfolio_id=pf_review`)).toContain(
      middle?.rebalance_run_id,
    );
    const ready = since.filter(({ status }) => status === "READY");
    expect(await everyPage(`limit=1&${from}&status=READY`)).toEqual(ids(ready));
  });

  test.each(["limit=0", "limit=201", "limit=x", "status=ready", "from=yesterday", "portfolio=pf_review"])(
    "refuses %s",
    async (query) => {
      expect(refusalOf(await app.get(`/rebalance/runs?${query}`, headers))).toBe("422 VALIDATION_FAILED");
    },
  );

  test("is stable while runs are added", async () => {
    const before = newestFirst();
    const first = await page("limit=4");
    runs.push(await makeRun(app, { headers }));
    const second = await page(`limit=4&cursor=${String(first.next_cursor)}`);
    runs.push(await makeRun(app, { headers }));
    const third = await page(`limit=4&cursor=${String(second.next_cursor)}`);
    expect(ids([first, second, third].flatMap(({ items }) => items))).toEqual(before);
    expect(third.next_cursor).toBeNull();
    expect(await everyPage("limit=4")).toEqual(newestFirst());
  });
});

describe("a run is found", () => {
  test("by id, with the very bytes of its result", async () => {
    const key = newKey();
    const made = await app.post("/rebalance/simulate", { key, body: rebalanceBody() });
    const { history } = read(
      DpmRunIdempotencyHistoryResponse,
      await app.get(`/rebalance/idempotency/${key}/history`),
    );
    const answer = await app.get(`/rebalance/runs/${String(history[0]?.rebalance_run_id)}`);
    expect(read(DpmRunLookupResponse, answer).idempotency_key).toBe(key);
    expect(answer.text).toContain(`"result":${made.text}`);
  });

  test("by correlation id and by request hash, the latest of those that share it", async () => {
    const correlationId = "corr-shared";
    const first = await makeRun(app, { correlationId });
    const last = await makeRun(app, { correlationId });
    await makeRun(app, { options: { min_cash_buffer_pct: "0.02" } });
    const byCorrelation = await runAt(`/rebalance/runs/by-correlation/${correlationId}`);
    expect(byCorrelation.rebalance_run_id).toBe(last.id);
    const whole = await runAt(`/rebalance/runs/${first.id}`);
    expect(whole.request_hash).toBe(byCorrelation.request_hash);
    const byHash = await runAt(`/rebalance/runs/by-request-hash/${whole.request_hash}`);
    expect(byHash).toEqual(byCorrelation);
  });

  test.each([
    "/rebalance/runs/rr_of_nobody",
    "/rebalance/runs/by-correlation/corr_of_nobody",
    "/rebalance/runs/by-request-hash/sha256:0",
    "/rebalance/runs/rr_of_nobody/artifact",
  ])("nowhere at %s", async (url) => {
    expect(refusalOf(await app.get(url))).toBe("404 DPM_RUN_NOT_FOUND");
  });

  test("by nobody of another tenant", async () => {
    const run = await makeRun(app);
    const { request_hash } = await runAt(`/rebalance/runs/${run.id}`);
    const foreign = { "x-tenant-id": "bank-of-nobody" };
    const runs = [run.id, `by-correlation/${run.correlationId}`, `by-request-hash/${request_hash}`];
    for (const name of [...runs, `${run.id}/artifact`]) {
      expect(refusalOf(await app.get(`/rebalance/runs/${name}`, foreign))).toBe("404 DPM_RUN_NOT_FOUND");
    }
    for (const url of [
      `/rebalance/runs/idempotency/${run.key}`,
      `/rebalance/idempotency/${run.key}/history`,
    ]) {
      expect(refusalOf(await app.get(url, foreign))).toBe("404 DPM_IDEMPOTENCY_KEY_NOT_FOUND");
    }
  });
});

describe("a key of simulate", () => {
  const mappingOf = async (key: string) =>
    read(DpmRunIdempotencyLookupResponse, await app.get(`/rebalance/runs/idempotency/${key}`));
  const historyOf = async (key: string) =>
    read(DpmRunIdempotencyHistoryResponse, await app.get(`/rebalance/idempotency/${key}/history`));

  test("maps to its run, which repetitions and conflicts leave alone", async () => {
    const run = await makeRun(app);
    await makeRun(app, { key: run.key });
    await app.post("/rebalance/simulate", { key: run.key, body: rebalanceBody({}, "7") });
    const { request_hash, created_at } = await runAt(`/rebalance/runs/${run.id}`);
    const mapping = await mappingOf(run.key);
    expect(mapping).toMatchObject({ idempotency_key: run.key, rebalance_run_id: run.id, request_hash });
    expect(await historyOf(run.key)).toEqual({
      idempotency_key: run.key,
      history: [{ rebalance_run_id: run.id, correlation_id: run.correlationId, request_hash, created_at }],
    });
  });

  test("maps to its newest run where it is not replayed; its history has all, oldest first", async () => {
    const unreplayed = await openTestApp(db.url, { DPM_IDEMPOTENCY_REPLAY_ENABLED: "false" });
    const key = newKey();
    const made: MadeRun[] = [];
    for (let at = 0; at < 3; at += 1) {
      made.push(await makeRun(unreplayed, { key, correlationId: `corr-unreplayed-${String(at)}` }));
    }
    await unreplayed.close();
    expect((await mappingOf(key)).rebalance_run_id).toBe(made[2]?.id);
    const { history } = await historyOf(key);
    expect(history.map((item) => [item.rebalance_run_id, item.correlation_id])).toEqual(
      made.map(({ id, correlationId }) => [id, correlationId]),
    );
  });

  test("that led to more runs than one answer shows: its newest 1,000, oldest first; lineage pages through all", async () => {
    const key = newKey("busy");
    await withSession(db.adminUrl, (session) =>
      session.query(`
        set session_replication_role = replica;
        create temporary view run as
          select 'rr_' || lpad(n::text, 32, '0') as id, timestamptz '2026-01-01T00:00:00Z' + n * interval '1 s' as made_at
            from generate_series(1, 1003) n;
        insert into idempotency_history
          (tenant_id, idempotency_key, rebalance_run_id, correlation_id, request_hash, created_at)
        select 'default', '${key}', id, 'corr-busy', 'sha256:0', made_at from run;
        insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
        select 'default', '${key}', 'IDEMPOTENCY_TO_RUN', id, made_at, '{}' from run;`),
    );
    const all = Array.from({ length: 1003 }, (_, at) => `rr_${String(at + 1).padStart(32, "0")}`);
    const { history } = await historyOf(key);
    expect(history.map(({ rebalance_run_id }) => rebalance_run_id)).toEqual(all.slice(3));

    const paged: string[] = [];
    let cursor = "";
    do {
      const page = read(DpmLineageResponse, await app.get(`/rebalance/lineage/${key}?limit=200${cursor}`));
      paged.push(...page.edges.map(({ target_entity_id }) => target_entity_id));
      cursor = page.next_cursor === null ? "" : `&cursor=${page.next_cursor}`;
    } while (cursor !== "");
    expect(paged).toEqual(all);
  });

  test("that was never used is not found", async () => {
    for (const url of ["/rebalance/runs/idempotency/nobodys", "/rebalance/idempotency/nobodys/history"]) {
      expect(refusalOf(await app.get(url))).toBe("404 DPM_IDEMPOTENCY_KEY_NOT_FOUND");
    }
  });

  test("that was refused, or used for something else, is not found", async () => {
    const [refused, elsewhere] = [newKey(), newKey()];
    await app.post("/rebalance/simulate", { key: refused, body: {} });
    const { options, ...inputs } = rebalanceBody();
    const body = { ...inputs, scenarios: { as_is: { options } } };
    expect((await app.post("/rebalance/analyze", { key: elsewhere, body })).status).toBe(200);
    for (const key of [refused, elsewhere]) {
      const answer = await app.get(`/rebalance/runs/idempotency/${key}`);
      expect(refusalOf(answer)).toBe("404 DPM_IDEMPOTENCY_KEY_NOT_FOUND");
    }
  });
});

test("the artifact of a run has the SHA-256 of its canonical JSON without the hash itself", async () => {
  const run = await makeRun(app);
  const answer = await app.get(`/rebalance/runs/${run.id}/artifact`);
  const artifact = read(DpmRunArtifactResponse, answer);
  expect(artifact).toMatchObject({ artifact_version: "1.0", rebalance_run_id: run.id });
  expect(artifact.artifact_id).toMatch(/^dra_/);
  const { result, request_snapshot, before_summary, after_summary } = artifact;
  expect([before_summary, after_summary]).toEqual([result.before, result.after_simulated]);
  expect(request_snapshot).toMatchObject({
    portfolio_id: artifact.portfolio_id,
    request_hash: result.lineage.request_hash,
    inputs: { portfolio_snapshot: { portfolio_id: artifact.portfolio_id } },
  });
  const { artifact_hash, ...hashes } = artifact.evidence.hashes;
  const without = { ...artifact, evidence: { ...artifact.evidence, hashes } };
  const digest = createHash("sha256")
    .update(String(canonicalize(without)))
    .digest("hex");
  expect(artifact_hash).toBe(`sha256:${digest}`);
  expect((await app.get(`/rebalance/runs/${run.id}/artifact`)).text).toBe(answer.text);
});

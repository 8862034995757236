import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { simulateBody } from "../../scripts/bench/portfolio.ts";
import { closeDatabase } from "../../src/platform/database/database.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { openTestDatabase } from "../support/databases.ts";
import {
  addVersions,
  largeSimulateBody as largeProposalBody,
  newProposal,
  proposalDeps,
  simulateBody as proposalBody,
  TENANT,
} from "../support/proposals.ts";
import { serviceEnv, startService, type RunningService } from "../support/service.ts";
import { withSession } from "../support/session.ts";

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.drop());

async function withService(
  env: Record<string, string>,
  work: (service: RunningService) => Promise<void>,
): Promise<void> {
  const service = await startService({ env: { ...serviceEnv(db), ...env } });
  try {
    await work(service);
  } finally {
    await service.stop();
  }
}

type Reply = { readonly status: number; readonly text: string; readonly retryAfter: string | null };

async function post(
  url: string,
  path: string,
  body: unknown,
  more: Record<string, string> = {},
): Promise<Reply> {
  const headers = { "content-type": "application/json", "idempotency-key": randomUUID(), ...more };
  const response = await fetch(new URL(path, url), { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, text, retryAfter: response.headers.get("retry-after") };
}

/** Twenty scenarios of a thousand positions: the largest batch that is answered at once. */
function largestBatch(more: object = {}) {
  const { options, ...inputs } = simulateBody(1_000);
  const scenario = { options: { ...options, ...more } };
  const names = Array.from({ length: 20 }, (_, at) => `scenario-${at}`);
  return { ...inputs, scenarios: Object.fromEntries(names.map((name) => [name, scenario])) };
}

/** Health checks, one after the other and with pauses that leave the processors to others, until something happens. */
async function healthChecksUntil(url: string, event: Promise<unknown>): Promise<number> {
  const over = new AbortController();
  void event.finally(() => over.abort());
  for (let answered = 0; ; answered += 1) {
    const { status } = await fetch(new URL("/health/live", url));
    if (over.signal.aborted) return answered;
    expect(status).toBe(200);
    await delay(20);
  }
}

test("while the largest batch is calculated, the service answers others", async () => {
  await withService({ REQUEST_DEADLINE_MS: "120000" }, async ({ url }) => {
    const batch = post(url, "/rebalance/analyze", largestBatch());
    const answered = await healthChecksUntil(url, batch);
    const { status, text } = await batch;
    expect(status, text.slice(0, 500)).toBe(200);
    expect(answered).toBeGreaterThan(20);
  });
});

test("a large body is read apart from the others too: its faults come back as if it were small", async () => {
  await withService({}, async ({ url }) => {
    const body = simulateBody(1_000);
    const wrong = { ...body, portfolio_snapshot: { ...body.portfolio_snapshot, base_currency: 1 }, more: 1 };
    const { status, text } = await post(url, "/rebalance/simulate", wrong);
    expect(status).toBe(422);
    expect(JSON.parse(text)).toMatchObject({
      detail: "VALIDATION_FAILED",
      errors: expect.arrayContaining([
        expect.objectContaining({ loc: ["body", "more"], code: "UNKNOWN_FIELD" }),
        expect.objectContaining({ loc: ["body", "portfolio_snapshot", "base_currency"] }),
      ]) as unknown,
    });
  });
});

test("calculations beyond the bound of the queue are refused with 503, the others are made", async () => {
  const env = { CALCULATION_THREADS: "1", CALCULATION_QUEUE_MAX: "1", REQUEST_DEADLINE_MS: "120000" };
  await withService(env, async ({ url }) => {
    const calls = Array.from({ length: 8 }, () => post(url, "/rebalance/simulate", simulateBody(1_000)));
    const replies = await Promise.all(calls);
    const refused = replies.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(8);
    for (const { status, text, retryAfter } of refused) {
      expect([status, retryAfter]).toEqual([503, "1"]);
      expect(JSON.parse(text)).toMatchObject({ detail: "OVERLOADED" });
    }
    // Small ones need no thread.
    expect((await post(url, "/rebalance/simulate", simulateBody(5))).status).toBe(200);
  });
});

describe("a calculation whose time is up", () => {
  test("is ended: it writes nothing, and the thread is there for the next", async () => {
    await withService({ CALCULATION_THREADS: "1", REQUEST_DEADLINE_MS: "1000" }, async ({ url }) => {
      await post(url, "/rebalance/simulate", simulateBody(300)); // the thread is there
      const longBatch = largestBatch({ target_method: "SOLVER", compare_target_methods: true });
      const batches = Array.from({ length: 4 }, () =>
        post(url, "/rebalance/analyze", longBatch, { "x-correlation-id": "too-late" }),
      );
      const replies = await Promise.all(batches);
      for (const { status, retryAfter } of replies) expect([status, retryAfter]).toEqual([503, "1"]);
      // One has the thread until its time is up; what would wait behind it for too long is refused at once.
      const codes = replies.map(({ text }) => /"detail":"(\w+)"/.exec(text)?.[1] ?? "");
      expect(codes).toContain("DEADLINE_EXCEEDED");
      expect(["DEADLINE_EXCEEDED", "OVERLOADED"]).toEqual(expect.arrayContaining(codes));
      // Four batches take a thread for many times that long: only an end of them lets this one in.
      let reply = await post(url, "/rebalance/simulate", simulateBody(300));
      for (let tries = 0; reply.status === 503 && tries < 5; tries += 1) {
        reply = await post(url, "/rebalance/simulate", simulateBody(300));
      }
      expect(reply.status).toBe(200);
    });
    const { rows } = await withSession(db.adminUrl, (session) =>
      session.query("select from rebalance_run where correlation_id like 'too-late:%'"),
    );
    expect(rows).toEqual([]);
  });
});

describe("a proposal of many versions is verified within its deadline, while the service answers others:", () => {
  test.each([
    ["1,000 versions", 1_000, proposalBody()],
    ["6 versions of 500 KiB", 6, largeProposalBody(2_500)],
  ])("%s", { timeout: 120_000 }, async (_what, versions, simulate_request) => {
    const id = await fillProposal(versions, simulate_request);
    await withService({ CALCULATION_THREADS: "1" }, async ({ url }) => {
      const path = new URL(`/rebalance/proposals/${id}/verify`, url);
      const verified = fetch(path, { headers: { "X-Tenant-Id": TENANT } });
      const answered = await healthChecksUntil(url, verified);
      expect(await (await verified).json()).toEqual({
        checked: { approvals: 0, events: versions, versions },
        failures: [],
        valid: true,
      });
      expect(answered).toBeGreaterThan(20);
    });
  });
});

async function fillProposal(versions: number, simulate_request: object): Promise<string> {
  const database = openTestDatabase(db.url);
  try {
    const deps = proposalDeps(database);
    const { proposal } = await newProposal(deps, { simulate_request });
    await addVersions(deps, proposal.proposal_id, versions - 1, { simulate_request });
    return proposal.proposal_id;
  } finally {
    await closeDatabase(database);
  }
}

test("an accepted batch is calculated beside its lease, whose heartbeat goes on", async () => {
  const env = { WORKER_LEASE_MS: "1000", CALCULATION_THREADS: "1", REQUEST_DEADLINE_MS: "120000" };
  await withService(env, async ({ url }) => {
    const accepted = await post(url, "/rebalance/analyze/async", largestBatch());
    expect(accepted.status).toBe(202);
    const { status_url } = JSON.parse(accepted.text) as { status_url: string };
    let status = "PENDING";
    while (status === "PENDING" || status === "RUNNING") {
      const response = await fetch(new URL(status_url, url));
      ({ status } = (await response.json()) as { status: string });
    }
    expect(status).toBe("SUCCEEDED");
    const { rows } = await withSession(db.adminUrl, (session) =>
      session.query<{ attempt: number }>("select attempt from async_operation"),
    );
    expect(rows).toEqual([{ attempt: 1 }]);
  });
});

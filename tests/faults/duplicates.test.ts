import type pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ProposalCreateResponse } from "../../src/features/proposals/schemas.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { simulateBody } from "../support/proposals.ts";
import { rebalanceBody } from "../support/runs.ts";
import { serviceEnv, startService, type RunningService } from "../support/service.ts";
import { withSession } from "../support/session.ts";

const PATIENCE = { timeout: 20_000, interval: 20 };

let db: TestDatabase;
/** Two processes: what the one does under a key, the other learns from the database alone. */
let patient: RunningService;
let hasty: RunningService;

/** Whoever stores an answer under a slow key stands at a gate with it: all is written, nothing committed. */
const GATE = `
  create function stand_at_gate() returns trigger language plpgsql as $$
  begin
    perform pg_advisory_xact_lock(1);
    return null;
  end $$;
  create trigger gate after insert on idempotency_record
    for each row when (starts_with(new.idempotency_key, 'slow-')) execute function stand_at_gate()`;

beforeAll(async () => {
  db = await testDatabase();
  await withSession(db.adminUrl, (session) => session.query(GATE));
  [patient, hasty] = await Promise.all([start("60000"), start("300")]);
});

/** A service that waits so long for a lock, and longer for everything else. */
function start(lockTimeoutMs: string): Promise<RunningService> {
  return startService({
    env: {
      ...serviceEnv(db),
      MIGRATE_ON_START: "false",
      DATABASE_LOCK_TIMEOUT_MS: lockTimeoutMs,
      DATABASE_STATEMENT_TIMEOUT_MS: "60000",
      REQUEST_DEADLINE_MS: "60000",
    },
  });
}

afterAll(async () => {
  await Promise.all([patient.stop(), hasty.stop()]);
  await db.drop();
});

async function post({ url }: RunningService, path: string, key: string, body: unknown) {
  const response = await fetch(new URL(path, url), {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(body),
  });
  const [replayed, retryAfter] = ["idempotent-replayed", "retry-after"].map((name) =>
    response.headers.get(name),
  );
  return { status: response.status, replayed, retryAfter, text: await response.text() };
}

/** Closes the gate while `work` runs. */
async function withGateClosed<T>(work: (session: pg.Client) => Promise<T>): Promise<T> {
  return withSession(db.adminUrl, async (session) => {
    await session.query("select pg_advisory_lock(1)");
    try {
      return await work(session);
    } finally {
      await session.query("select pg_advisory_unlock(1)");
    }
  });
}

const AT_GATE = "locktype = 'advisory' and objid = 1";
/** Behind another transaction's row: its unique key is not decided yet. */
const BEHIND_A_TWIN = "locktype = 'transactionid'";

async function someoneWaits(session: pg.Client, where: string): Promise<void> {
  await vi.waitUntil(async () => {
    const { rowCount } = await session.query(
      `select 1 from pg_locks join pg_stat_activity using (pid)
        where datname = current_database() and ${where} and not granted`,
    );
    return rowCount === 1;
  }, PATIENCE);
}

async function newProposal(): Promise<string> {
  const body = { created_by: "maker", simulate_request: simulateBody() };
  const { text } = await post(patient, "/rebalance/proposals", "for-its-transition", body);
  return ProposalCreateResponse.parse(JSON.parse(text)).proposal.proposal_id;
}

test.each<[string, () => Promise<string>, unknown]>([
  ["simulation", () => Promise.resolve("/rebalance/simulate"), rebalanceBody()],
  [
    "proposal",
    () => Promise.resolve("/rebalance/proposals"),
    { created_by: "slow", simulate_request: simulateBody() },
  ],
  [
    "transition",
    async () => `/rebalance/proposals/${await newProposal()}/transitions`,
    { event_type: "CANCELLED", actor_id: "maker", expected_state: "DRAFT" },
  ],
])(
  "a duplicate %s in another process is told to come back when it has waited as long as for any lock",
  async (what, pathOf, body) => {
    const [path, key] = [await pathOf(), `slow-${what}`];
    const first = await withGateClosed(async (session) => {
      const answer = post(patient, path, key, body);
      await someoneWaits(session, AT_GATE);
      for (let again = 0; again < 2; again += 1) {
        const { text, ...head } = await post(hasty, path, key, body);
        expect(head).toEqual({ status: 409, replayed: null, retryAfter: "1" });
        expect(JSON.parse(text)).toMatchObject({ status: 409, detail: "IDEMPOTENCY_IN_PROGRESS" });
      }
      return { answer };
    });
    const { text, ...head } = await first.answer;
    expect(head).toEqual({ status: 200, replayed: null, retryAfter: null });
    expect(await post(hasty, path, key, body)).toEqual({
      status: 200,
      replayed: "true",
      retryAfter: null,
      text,
    });
  },
);

test("a duplicate that waits in another process carries on as the first where the first dies", async () => {
  const doomed = await start("60000");
  const body = { created_by: "orphaned", simulate_request: simulateBody() };
  const [path, key] = ["/rebalance/proposals", "slow-orphaned"];
  const second = await withGateClosed(async (session) => {
    const lost = post(doomed, path, key, body).catch(() => "lost");
    await someoneWaits(session, AT_GATE);
    const answer = post(patient, path, key, body);
    await someoneWaits(session, BEHIND_A_TWIN);
    await doomed.kill();
    expect(await lost).toBe("lost");
    return { answer };
  });
  expect(await second.answer).toMatchObject({ status: 200, replayed: null });
  const { rows } = await withSession(db.adminUrl, (session) =>
    session.query("select count(*)::int as made from proposal where created_by = 'orphaned'"),
  );
  expect(rows).toEqual([{ made: 1 }]);
});

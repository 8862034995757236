import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { RebalanceResult } from "../../src/contract/rebalance.ts";
import { ANALYZE_EXAMPLE, SIMULATE_EXAMPLE } from "../../src/features/rebalance/examples.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { serviceEnv, startService, type RunningService } from "../support/service.ts";
import { withSession } from "../support/session.ts";

/** Sets the wall clock of a process forward, as that of a machine may be. */
const AHEAD_40_DAYS = `
  const { now } = Date;
  const ahead = 40 * 86_400_000;
  Date.now = () => now() + ahead;
  globalThis.Date = new Proxy(Date, {
    construct: (target, given) => Reflect.construct(target, given.length === 0 ? [Date.now()] : given),
  });`;

let db: TestDatabase;
let healthy: RunningService;
let ahead: RunningService;

beforeAll(async () => {
  db = await testDatabase();
  const env = {
    ...serviceEnv(db),
    DPM_SUPPORTABILITY_RETENTION_DAYS: "30",
    RETENTION_INTERVAL_MS: "1000",
  };
  healthy = await startService({ env });
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(AHEAD_40_DAYS)}`;
  ahead = await startService({ env: { ...env, NODE_OPTIONS } });
});
afterAll(async () => {
  await Promise.all([healthy.stop(), ahead.stop()]);
  await db.drop();
});

function post(service: RunningService, path: string, body: object, key: string): Promise<Response> {
  return fetch(`${service.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(body),
  });
}

async function rowsOf<Row extends object>(query: string): Promise<Row[]> {
  return withSession(db.adminUrl, async (session) => (await session.query<Row>(query)).rows);
}

const STORED = `select (select count(*)::int from rebalance_run) as runs,
                       (select count(*)::int from async_operation where finished_at is not null) as operations,
                       (select count(*)::int from idempotency_record where expires_at is not null) as refusals`;

test("a process whose clock is 40 days ahead purges nothing of a healthy one, and stamps the database's time", async () => {
  const simulated = await post(healthy, "/rebalance/simulate", SIMULATE_EXAMPLE, "run-of-healthy");
  const { rebalance_run_id: runId } = RebalanceResult.parse(await simulated.json());
  // A run that needs no review refuses one: a refusal that is stored with its key.
  const decision = { action: "APPROVE", actor_id: "reviewer", reason_code: "REVIEWED" };
  const refused = await post(healthy, `/rebalance/runs/${runId}/workflow/actions`, decision, "refused");
  expect(refused.status).toBe(409);
  expect((await post(ahead, "/rebalance/simulate", SIMULATE_EXAMPLE, "run-of-ahead")).status).toBe(200);
  expect((await post(ahead, "/rebalance/analyze/async", ANALYZE_EXAMPLE, "operation")).status).toBe(202);
  const all = [{ runs: 4, operations: 1, refusals: 1 }];
  await vi.waitFor(async () => expect(await rowsOf(STORED)).toEqual(all), { timeout: 30_000 });
  const [{ seen_until: since } = { seen_until: "" }] = await rowsOf<{ seen_until: string }>(
    "select clock_timestamp()::text as seen_until",
  );
  // Both processes have begun two more purges: the first of them is over.
  const passes = `select set_by from retention_setting where kind = 'RUN' and seen_at > timestamptz '${since}' + interval '2 s'`;
  await vi.waitFor(async () => expect(await rowsOf(passes)).toHaveLength(2), { timeout: 30_000 });
  expect(await rowsOf(STORED)).toEqual(all);
  const stamps = await rowsOf<{ is_now: boolean }>(`
    select stamp between now() - interval '5 minutes' and now() as is_now
      from (select created_at from rebalance_run
            union all select created_at from idempotency_record
            union all select expires_at - interval '31 days' from idempotency_record where expires_at is not null
            union all select unnest(array[created_at, started_at, finished_at]) from async_operation
            union all select created_at from lineage_edge) as written (stamp)`);
  expect(stamps.length).toBeGreaterThan(10);
  expect(stamps.filter(({ is_now }) => !is_now)).toEqual([]);
});

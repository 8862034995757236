import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RebalanceBody, type RebalanceDocument } from "../../../src/features/rebalance/bodies.ts";
import { documentOf } from "../../support/documents.ts";
import { contentHash } from "../../../src/platform/hash.ts";
import { newId } from "../../../src/platform/ids.ts";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { parseConfig } from "../../../src/config/config.ts";
import {
  simulateRebalance,
  type RebalanceRuntime,
} from "../../../src/features/rebalance/simulate-rebalance.ts";
import { createLog } from "../../../src/platform/log.ts";
import { createMetrics } from "../../../src/platform/metrics.ts";
import { wholeText } from "../../../src/platform/text-parts.ts";
import { createRuntime } from "../../../src/runtime.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { withSession } from "../../support/session.ts";

let db: TestDatabase;
let here: Database;
let elsewhere: Database;

beforeAll(async () => {
  db = await testDatabase();
  here = openTestDatabase(db.url);
  elsewhere = openTestDatabase(db.url);
});

afterAll(async () => {
  await closeDatabase(here);
  await closeDatabase(elsewhere);
  await db.drop();
});

/** A service process of its own as far as idempotency goes: nothing is shared but the database. */
function processOn(
  database: Database,
  env: Readonly<Record<string, string>> = {},
): RebalanceRuntime & { simulations: () => number } {
  let simulations = 0;
  const runtime = createRuntime({
    config: parseConfig(env),
    log: createLog("silent"),
    metrics: createMetrics(),
    database,
  });
  return {
    ...runtime,
    newId: (prefix) => {
      if (prefix === "rr_") simulations += 1;
      return newId(prefix);
    },
    simulations: () => simulations,
  };
}

function request(quantity = "100"): RebalanceDocument {
  return documentOf(RebalanceBody, {
    portfolio_snapshot: {
      portfolio_id: "pf_1",
      base_currency: "USD",
      positions: [{ instrument_id: "EQ_1", quantity }],
      cash_balances: [{ currency: "USD", amount: "1000" }],
    },
    market_data_snapshot: { prices: [{ instrument_id: "EQ_1", price: "10", currency: "USD" }] },
    model_portfolio: { targets: [{ instrument_id: "EQ_1", weight: "0.8" }] },
    shelf_entries: [{ instrument_id: "EQ_1", status: "APPROVED" }],
    options: {},
  });
}

function caller(idempotencyKey: string, tenantId = "default") {
  return {
    tenantId,
    correlationId: "corr_test",
    idempotencyKey,
    selection: { id: null, isRequired: false },
    caller: null,
  };
}

/** What a key left behind, read as the owner of the tables. */
async function effects(key: string): Promise<Record<string, number>> {
  return withSession(db.adminUrl, async (session) => {
    const { rows } = await session.query<Record<string, string>>(
      `select (select count(*) from rebalance_run where idempotency_key = $1) as runs,
              (select count(*) from run_payload p join rebalance_run r using (tenant_id, rebalance_run_id)
                where r.idempotency_key = $1) as payloads,
              (select count(*) from idempotency_record where idempotency_key = $1) as records,
              (select count(*) from idempotency_history where idempotency_key = $1) as history,
              (select count(*) from lineage_edge where source_entity_id = $1) as edges`,
      [key],
    );
    return Object.fromEntries(Object.entries(rows[0] ?? {}).map(([name, count]) => [name, Number(count)]));
  });
}

const ONE_OF_EACH = { runs: 1, payloads: 1, records: 1, history: 1, edges: 1 };

describe("simulate under one key", () => {
  test("64 callers at two processes leave one run and get the same bytes", async () => {
    const processes = [processOn(here), processOn(elsewhere)];
    const outcomes = await Promise.all(
      Array.from({ length: 64 }, (_, at) => {
        const process = processes[at % 2] ?? processOn(here);
        return simulateRebalance(process, caller("race-64"), request());
      }),
    );
    const answered = outcomes.flatMap((outcome) => (outcome.kind === "answered" ? [outcome] : []));
    expect(answered).toHaveLength(64);
    expect(new Set(answered.map(({ answer }) => answer.body)).size).toBe(1);
    expect(answered.filter(({ isReplayed }) => !isReplayed)).toHaveLength(1);
    expect(await effects("race-64")).toEqual(ONE_OF_EACH);
    // Each process simulates at most once: its other callers share the outcome of the first.
    expect(processes.every((process) => process.simulations() <= 1)).toBe(true);
  });

  test("a repetition is answered with the stored bytes and simulates nothing", async () => {
    const first = await simulateRebalance(processOn(here), caller("again"), request());
    const later = processOn(elsewhere);
    const second = await simulateRebalance(later, caller("again"), request("1e2"));
    expect(second).toEqual({ ...first, made: null, isReplayed: true });
    expect(later.simulations()).toBe(0);
  });

  test("the stored hash is that of the bytes that were sent", async () => {
    const outcome = await simulateRebalance(processOn(here), caller("hash"), request());
    const [row] = await withSession(db.adminUrl, async (session) => {
      const { rows } = await session.query<{ result_hash: string }>(
        "select result_hash from rebalance_run where idempotency_key = 'hash'",
      );
      return rows;
    });
    expect(outcome.kind === "answered" && contentHash(wholeText(outcome.answer.body))).toBe(row?.result_hash);
  });

  test("another payload under the same key is a conflict and changes nothing", async () => {
    await simulateRebalance(processOn(here), caller("other"), request());
    const outcome = await simulateRebalance(processOn(here), caller("other"), request("101"));
    expect(outcome).toEqual({ kind: "conflict" });
    expect(await effects("other")).toEqual(ONE_OF_EACH);
  });

  test("racing payloads under one key leave one run; every loser is told of the conflict", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        simulateRebalance(
          processOn(at % 2 === 0 ? here : elsewhere),
          caller("rivals"),
          request(String(100 + at)),
        ),
      ),
    );
    expect(outcomes.filter(({ kind }) => kind === "answered")).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === "conflict")).toHaveLength(19);
    expect(await effects("rivals")).toEqual(ONE_OF_EACH);
  });

  test("tenants do not meet: the same key is another key", async () => {
    const one = await simulateRebalance(processOn(here), caller("shared", "bank-a"), request());
    const two = await simulateRebalance(processOn(here), caller("shared", "bank-b"), request("7"));
    expect([one.kind, two.kind]).toEqual(["answered", "answered"]);
    expect(await effects("shared")).toEqual({ runs: 2, payloads: 2, records: 2, history: 2, edges: 2 });
  });

  test("a key whose run is gone is reported as inconsistent, not run again", async () => {
    await simulateRebalance(processOn(here), caller("gone"), request());
    await withSession(db.adminUrl, async (session) => {
      await session.query("set session_replication_role = replica");
      await session.query(
        "delete from run_payload where rebalance_run_id in (select rebalance_run_id from rebalance_run where idempotency_key = 'gone')",
      );
    });
    const later = processOn(here);
    expect(await simulateRebalance(later, caller("gone"), request())).toEqual({ kind: "inconsistent" });
    expect(later.simulations()).toBe(0);
  });

  test("every call is a run of its own where replay is switched off, and the key maps to the newest", async () => {
    const process = processOn(here, { DPM_IDEMPOTENCY_REPLAY_ENABLED: "false" });
    const bodies = new Set<string>();
    for (let call = 0; call < 3; call += 1) {
      const outcome = await simulateRebalance(process, caller("unreplayed"), request());
      bodies.add(outcome.kind === "answered" ? wholeText(outcome.answer.body) : outcome.kind);
    }
    expect(bodies.size).toBe(3);
    expect(await effects("unreplayed")).toEqual({ runs: 3, payloads: 3, records: 1, history: 3, edges: 3 });
  });
});

describe("what was written", () => {
  test.each(["rebalance_run", "run_payload", "idempotency_history", "lineage_edge"])(
    "%s refuses change, even from its owner",
    async (table) => {
      await simulateRebalance(processOn(here), caller(`append-${table}`), request());
      await withSession(db.adminUrl, async (session) => {
        await expect(session.query(`update ${table} set tenant_id = 'x'`)).rejects.toMatchObject({
          code: "42501",
        });
        await expect(session.query(`delete from ${table}`)).rejects.toMatchObject({ code: "42501" });
        await expect(session.query(`truncate ${table} cascade`)).rejects.toMatchObject({ code: "42501" });
      });
    },
  );

  test("the service's login reads nothing and writes nothing without a tenant", async () => {
    await simulateRebalance(processOn(here), caller("fenced"), request());
    await withSession(db.url, async (session) => {
      await session.query("set role ballast_service");
      const { rows } = await session.query("select * from rebalance_run");
      expect(rows).toEqual([]);
      const stray = session.query(
        `insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
         values ('default', 'a', 'CORRELATION_TO_RUN', 'b', now(), '{}')`,
      );
      await expect(stray).rejects.toMatchObject({ code: "42501" });
    });
  });
});

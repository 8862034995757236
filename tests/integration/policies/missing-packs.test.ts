import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BatchRebalanceResult, RebalanceResult } from "../../../src/contract/rebalance.ts";
import {
  DpmAsyncAcceptedResponse,
  DpmAsyncOperationStatusResponse,
} from "../../../src/features/operations/schemas.ts";
import { DpmRunReproduceResponse } from "../../../src/features/runs/schemas.ts";
import { DpmRunVerificationResponse } from "../../../src/features/support/schemas.ts";
import { Problem } from "../../../src/contract/problem.ts";
import { openTestApp, read, refusalOf, type Received, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { makeRun, newKey, rebalanceBody } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";

const NOBODY = { "x-policy-pack-id": "nobody" };
const WARNING = "POLICY_PACK_NOT_FOUND";
const NO_TRADES = { turnover_policy: { max_turnover_pct: "0" } };

let db: TestDatabase;
/** What it accepts waits to be executed by hand. */
let app: TestApp;
const others: TestApp[] = [];

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url, { DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" });
});

afterAll(async () => {
  for (const other of [...others, app]) await other.close();
  await db.drop();
});

/** Another deployment on the same database. */
async function deployment(env: Record<string, string>): Promise<TestApp> {
  const other = await openTestApp(db.url, { DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY", ...env });
  others.push(other);
  return other;
}

const pack = (id: string) => `/rebalance/policies/catalog/${id}`;
const put = (id: string, policies = {}) => app.send("PUT", pack(id), { body: { version: "1", ...policies } });

const { options: _, ...inputs } = rebalanceBody();
const batchBody = { ...inputs, scenarios: { base: {}, calm: { options: { max_turnover_pct: "0" } } } };

type Headers = Readonly<Record<string, string>>;
type Entry = (on: TestApp, key: string, headers: Headers) => Promise<Received>;

const simulate: Entry = (on, key, headers) =>
  on.post("/rebalance/simulate", { key, headers, body: rebalanceBody() });
const analyze: Entry = (on, key, headers) => on.post("/rebalance/analyze", { key, headers, body: batchBody });
const analyzeLater: Entry = (on, key, headers) =>
  on.post("/rebalance/analyze/async", { key, headers, body: batchBody });

const ENTRIES: [name: string, entry: Entry][] = [
  ["simulate", simulate],
  ["analyze", analyze],
  ["analyze/async", analyzeLater],
];

async function counts(): Promise<unknown> {
  return withSession(db.adminUrl, async (session) => {
    const { rows } = await session.query<Record<string, string>>(
      `select (select count(*) from rebalance_run) as runs, (select count(*) from async_operation) as operations,
              (select count(*) from idempotency_record) as keys`,
    );
    return rows[0];
  });
}

const runsIn = (answer: Received) => Object.values(read(BatchRebalanceResult, answer).results);

/** The runs of an operation that was accepted, and is executed now. */
async function execute(accepted: Received, on = app): Promise<RebalanceResult[]> {
  const { operation_id } = read(DpmAsyncAcceptedResponse, accepted);
  const done = await on.post(`/rebalance/operations/${operation_id}/execute`, {});
  const { status, result } = read(DpmAsyncOperationStatusResponse, done);
  expect(status).toBe("SUCCEEDED");
  return Object.values(BatchRebalanceResult.parse(result).results);
}

async function isReproducible(id: string): Promise<boolean> {
  return read(DpmRunReproduceResponse, await app.post(`/rebalance/runs/${id}/reproduce`, {})).reproducible;
}

async function failuresOf(id: string) {
  return read(DpmRunVerificationResponse, await app.get(`/rebalance/runs/${id}/verify`)).failures;
}

describe.each(ENTRIES)("a request to %s that names a pack which does not exist", (_name, send) => {
  test("is refused at the header, writes nothing and leaves its key free", async () => {
    const key = newKey("unknown");
    const before = await counts();
    const refused = await send(app, key, { "x-policy-pack-id": "not-yet" });
    expect(refusalOf(refused)).toBe("422 DPM_POLICY_PACK_UNKNOWN");
    expect(read(Problem, refused).errors?.map(({ loc, code }) => ({ loc, code }))).toEqual([
      { loc: ["header", "X-Policy-Pack-Id"], code: "DPM_POLICY_PACK_UNKNOWN" },
    ]);
    expect(await counts()).toEqual(before);
    await put("not-yet");
    const served = await send(app, key, { "x-policy-pack-id": "not-yet" });
    expect(served.headers["idempotent-replayed"]).toBeUndefined();
    expect(served.status).toBeLessThan(300);
    await app.send("DELETE", pack("not-yet"));
  });

  test("is told what else is wrong with it first", async () => {
    const answer = await send(app, "no key at all", NOBODY);
    expect(refusalOf(answer)).toBe("422 IDEMPOTENCY_KEY_INVALID");
  });

  test("is answered what is stored under its key", async () => {
    await put("short-lived", NO_TRADES);
    const headers = { "x-policy-pack-id": "short-lived" };
    const key = newKey("replayed");
    const first = await send(app, key, headers);
    await app.send("DELETE", pack("short-lived"));
    for (const selected of [headers, NOBODY]) {
      const again = await send(app, key, selected);
      expect([again.status, again.text]).toEqual([first.status, first.text]);
      expect(again.headers["idempotent-replayed"]).toBe("true");
    }
  });

  test("is served without one where that is ignored, or where packs are off", async () => {
    for (const env of [{ UNKNOWN_POLICY_PACK: "ignore" }, { DPM_POLICY_PACKS_ENABLED: "false" }]) {
      const answer = await send(await deployment(env), newKey("ignored"), NOBODY);
      expect(answer.status).toBeLessThan(300);
    }
  });
});

test("a key that stands for another payload is a conflict, whatever the pack", async () => {
  const key = newKey("conflict");
  await simulate(app, key, {});
  const answer = await app.post("/rebalance/simulate", {
    key,
    headers: NOBODY,
    body: rebalanceBody({}, "7"),
  });
  expect(refusalOf(answer)).toBe("409 IDEMPOTENCY_KEY_CONFLICT: request hash mismatch");
});

test("where keys are not replayed, a pack that does not exist is refused all the same", async () => {
  const on = await deployment({ DPM_IDEMPOTENCY_REPLAY_ENABLED: "false" });
  const key = newKey("no-replay");
  expect((await simulate(on, key, {})).status).toBe(200);
  expect(refusalOf(await simulate(on, key, NOBODY))).toBe("422 DPM_POLICY_PACK_UNKNOWN");
});

describe("a default that does not exist", () => {
  const WAYS: [name: string, env: Record<string, string>, headers: Headers][] = [
    ["of the deployment", { DPM_DEFAULT_POLICY_PACK_ID: "nobody" }, {}],
    ["of the tenant, by the map", { DPM_TENANT_POLICY_PACK_MAP_JSON: '{"default":"nobody"}' }, {}],
    ["of the tenant, by the header", {}, { "x-tenant-policy-pack-id": "nobody" }],
    ["of nobody but the request, where that is ignored", { UNKNOWN_POLICY_PACK: "ignore" }, NOBODY],
  ];

  test.each(WAYS)(
    "%s is a warning in each run, which is reproduced and verified with it",
    async (_way, env, headers) => {
      const on = await deployment(env);
      const runs = [
        read(RebalanceResult, await simulate(on, newKey("warned"), headers)),
        ...runsIn(await analyze(on, newKey("warned"), headers)),
        ...(await execute(await analyzeLater(on, newKey("warned"), headers), on)),
      ];
      expect(runs).toHaveLength(5);
      for (const { diagnostics, rebalance_run_id: id } of runs) {
        expect(diagnostics.warnings[0]).toBe(WARNING);
        expect(diagnostics.warnings.filter((warning) => warning === WARNING)).toHaveLength(1);
        expect(await isReproducible(id)).toBe(true);
        expect(await failuresOf(id)).toEqual([]);
      }
    },
  );

  test("changes nothing else of the result", async () => {
    const on = await deployment({ DPM_DEFAULT_POLICY_PACK_ID: "nobody" });
    const warned = read(RebalanceResult, await simulate(on, newKey("same"), {}));
    const plain = read(RebalanceResult, await simulate(app, newKey("same"), {}));
    expect(warned.diagnostics).toEqual({ ...plain.diagnostics, warnings: [WARNING] });
    expect(warned.intents).toEqual(plain.intents);
    expect(warned.after_simulated).toEqual(plain.after_simulated);
  });

  test("warns of nothing where it exists", async () => {
    await put("there");
    const on = await deployment({ DPM_DEFAULT_POLICY_PACK_ID: "there" });
    const { diagnostics, rebalance_run_id: id } = read(RebalanceResult, await simulate(on, newKey(), {}));
    expect(diagnostics.warnings).toEqual([]);
    expect(await failuresOf(id)).toEqual([]);
  });
});

describe("an analysis that was accepted", () => {
  const isCalm = ({ intents }: RebalanceResult) => intents.length === 0;
  const base = (runs: RebalanceResult[]) => runs.slice(0, 1);

  test("is done under the pack that was in force then, though it was changed or deleted since", async () => {
    await put("accepted", NO_TRADES);
    const headers = { "x-policy-pack-id": "accepted" };
    const [first, second] = [
      await analyzeLater(app, newKey("then"), headers),
      await analyzeLater(app, newKey("then"), headers),
    ];
    await new Promise((resolve) => setTimeout(resolve, 5)); // another millisecond than that of the acceptance
    await put("accepted", { turnover_policy: { max_turnover_pct: "0.9" } });
    const changed = base(await execute(first));
    await app.send("DELETE", pack("accepted"));
    const deleted = base(await execute(second));
    for (const run of [...changed, ...deleted]) {
      expect(isCalm(run)).toBe(true);
      expect(run.diagnostics.warnings).not.toContain(WARNING);
      expect(await failuresOf(run.rebalance_run_id)).toEqual([]);
    }
  });

  test("is done without the default that did not exist then, though it does by now", async () => {
    const on = await deployment({ DPM_DEFAULT_POLICY_PACK_ID: "late" });
    const accepted = await analyzeLater(on, newKey("late"), {});
    await new Promise((resolve) => setTimeout(resolve, 5));
    await put("late", NO_TRADES);
    const [run] = base(await execute(accepted, on));
    expect(run?.diagnostics.warnings).toContain(WARNING);
    expect(run?.intents).not.toEqual([]);
  });

  test("is not before its pack came into force, by whichever clock", async () => {
    await put("ahead", NO_TRADES);
    await withSession(db.adminUrl, (session) =>
      session.query(
        `alter table policy_pack_version disable trigger user;
         update policy_pack_version set valid_from = date_trunc('milliseconds', now() + interval '1 minute') where policy_pack_id = 'ahead';
         alter table policy_pack_version enable trigger user`,
      ),
    );
    const accepted = await analyzeLater(app, newKey("ahead"), { "x-policy-pack-id": "ahead" });
    const [run] = base(await execute(accepted));
    expect(run?.intents).toEqual([]);
    expect(run?.diagnostics.warnings).not.toContain(WARNING);
  });
});

describe("verification names", () => {
  /** Puts the warning into a stored result, with its hash beside it. */
  async function alterWarning(id: string): Promise<void> {
    await withSession(db.adminUrl, (session) =>
      session.query(
        `begin; set local session_replication_role = replica;
         update run_payload set result_text = replace(result_text, '"warnings":[', '"warnings":["${WARNING}"')
          where rebalance_run_id = '${id}';
         update rebalance_run r
            set result_hash = 'sha256:' || encode(sha256(convert_to(p.result_text, 'UTF8')), 'hex')
           from run_payload p
          where p.rebalance_run_id = r.rebalance_run_id and r.rebalance_run_id = '${id}';
         commit`,
      ),
    );
  }

  test("a run that its pack shaped and whose result says that it was missing", async () => {
    await put("present", { turnover_policy: { max_turnover_pct: "1" } });
    const headers = { "x-policy-pack-id": "present" };
    const { id } = await makeRun(app, { headers, options: {} });
    expect(await failuresOf(id)).toEqual([]);
    await alterWarning(id);
    expect((await failuresOf(id)).map(({ kind, reason }) => `${kind}: ${reason}`)).toContain(
      "policy_pack: shaped the run, whose result says that it was missing",
    );
  });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Problem } from "../../../src/contract/problem.ts";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import {
  DpmEffectivePolicyPackResolution,
  DpmPolicyPackCatalogResponse,
  DpmPolicyPackDefinition,
  DpmPolicyPackMutationResponse,
} from "../../../src/features/policies/schemas.ts";
import { openTestApp, read, refusalOf, type Received, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { outcomeOf } from "../../support/faults.ts";
import { withSession } from "../../support/session.ts";

let db: TestDatabase;
let here: TestApp;
let elsewhere: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  here = await openTestApp(db.url);
  elsewhere = await openTestApp(db.url);
});

afterAll(async () => {
  await here.close();
  await elsewhere.close();
  await db.drop();
});

const path = (id: string) => `/rebalance/policies/catalog/${id}`;

function put(app: TestApp, id: string, version: string, headers: Readonly<Record<string, string>> = {}) {
  const body = { version, turnover_policy: { max_turnover_pct: "0.10" } };
  return app.send("PUT", path(id), { body, headers });
}

const versionIn = (answer: Received) => read(DpmPolicyPackDefinition, answer).version;
const catalogueIn = (answer: Received) => read(DpmPolicyPackCatalogResponse, answer);
const resolutionIn = (answer: Received) => read(DpmEffectivePolicyPackResolution, answer);

function revisions(id: string): Promise<{ revision: number; version: string | null }[]> {
  return withSession(db.adminUrl, async (session) => {
    const { rows } = await session.query<{ revision: number; version: string | null }>(
      "select revision, version from policy_pack_version where policy_pack_id = $1 order by revision",
      [id],
    );
    return rows;
  });
}

describe("a pack", () => {
  test("is put, read with its defaults, listed, deleted and gone; every version is kept", async () => {
    const made = await put(here, "growth", "v1");
    expect(made.status).toBe(200);
    const item = {
      policy_pack_id: "growth",
      version: "v1",
      turnover_policy: { max_turnover_pct: "0.1" },
      tax_policy: { enable_tax_awareness: null, max_realized_capital_gains: null },
      settlement_policy: { enable_settlement_awareness: null, settlement_horizon_days: null },
      constraint_policy: { single_position_max_weight: null, group_constraints: {} },
      workflow_policy: {
        enable_workflow_gates: null,
        workflow_requires_client_consent: null,
        client_consent_already_obtained: null,
      },
      idempotency_policy: { replay_enabled: null },
    };
    expect(read(DpmPolicyPackMutationResponse, made)).toEqual({ item });
    const found = await elsewhere.get(path("growth"));
    expect(read(DpmPolicyPackDefinition, found)).toEqual(item);
    expect(found.headers["etag"]).toBe(made.headers["etag"]);
    await put(here, "growth", "v2");
    const catalogue = await elsewhere.get("/rebalance/policies/catalog", { "x-policy-pack-id": "growth" });
    expect(catalogueIn(catalogue)).toEqual({
      enabled: true,
      total: 1,
      selected_policy_pack_id: "growth",
      selected_policy_pack_present: true,
      selected_policy_pack_source: "REQUEST",
      items: [{ ...item, version: "v2" }],
    });
    const deleted = await here.send("DELETE", path("growth"));
    expect([deleted.status, deleted.text]).toEqual([204, ""]);
    for (const gone of [await here.get(path("growth")), await here.send("DELETE", path("growth"))]) {
      expect(refusalOf(gone)).toBe("404 DPM_POLICY_PACK_NOT_FOUND");
    }
    await put(here, "growth", "v3");
    expect(await revisions("growth")).toEqual([
      { revision: 1, version: "v1" },
      { revision: 2, version: "v2" },
      { revision: 3, version: null },
      { revision: 4, version: "v3" },
    ]);
  });

  test("put again as it is changes nothing: a retry adds no version", async () => {
    const first = await put(here, "retried", "v1");
    const again = await put(elsewhere, "retried", "v1");
    expect([again.status, again.text, again.headers["etag"]]).toEqual([
      200,
      first.text,
      first.headers["etag"],
    ]);
    expect(await revisions("retried")).toHaveLength(1);
  });

  test("is read as it was at a moment", async () => {
    const before = new Date(Date.now() - 1).toISOString();
    await put(here, "history", "v1");
    const [first] = await validFrom("history");
    await untilLaterThan(first ?? "");
    await put(here, "history", "v2");
    await untilLaterThan((await validFrom("history"))[1] ?? "");
    await here.send("DELETE", path("history"));
    const [, second, third] = await validFrom("history");
    const at = async (moment: string | undefined) => {
      const answer = await here.get(`${path("history")}?as_of=${encodeURIComponent(moment ?? "")}`);
      return answer.status === 200 ? versionIn(answer) : refusalOf(answer);
    };
    expect(await at(before)).toBe("404 DPM_POLICY_PACK_NOT_FOUND");
    expect(await at(first)).toBe("v1");
    expect(await at(second)).toBe("v2");
    expect(await at(third)).toBe("404 DPM_POLICY_PACK_NOT_FOUND");
    expect((await here.get(`${path("history")}?as_of=yesterday`)).status).toBe(422);
  });

  /** The moments from which the revisions hold, as this service writes them. */
  function validFrom(id: string): Promise<string[]> {
    return withSession(db.adminUrl, async (session) => {
      const { rows } = await session.query<{ valid_from: Date }>(
        "select valid_from from policy_pack_version where policy_pack_id = $1 order by revision",
        [id],
      );
      return rows.map(({ valid_from }) => valid_from.toISOString());
    });
  }

  /** The clock has a step of one millisecond: what comes next must be told apart. */
  async function untilLaterThan(moment: string): Promise<void> {
    while (new Date().toISOString() <= moment) await new Promise(setImmediate);
  }

  test("is written under the tag it was read with, else 412 and nothing is changed", async () => {
    const first = await put(here, "guarded", "v1", { "if-none-match": "*" });
    expect(first.status).toBe(200);
    const tag = String(first.headers["etag"]);
    const second = await put(here, "guarded", "v2", { "if-match": tag });
    expect(second.status).toBe(200);
    for (const refused of [
      await put(here, "guarded", "v3", { "if-match": tag }),
      await put(here, "guarded", "v3", { "if-none-match": "*" }),
      await put(here, "unknown-pack", "v1", { "if-match": "*" }),
      await here.send("DELETE", path("guarded"), { headers: { "if-match": tag } }),
    ]) {
      expect(refusalOf(refused)).toBe("412 PRECONDITION_FAILED");
    }
    expect(await revisions("guarded")).toHaveLength(2);
    const deleted = await here.send("DELETE", path("guarded"), {
      headers: { "if-match": String(second.headers["etag"]) },
    });
    expect(deleted.status).toBe(204);
  });

  test("of 32 writers with one tag, one wins and 31 are refused", async () => {
    const tag = String((await put(here, "contended", "v0")).headers["etag"]);
    const answers = await Promise.all(
      Array.from({ length: 32 }, (_, at) =>
        put(at % 2 === 0 ? here : elsewhere, "contended", `w${String(at)}`, { "if-match": tag }),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort((a, b) => a - b);
    expect(statuses).toEqual([200, ...Array.from({ length: 31 }, () => 412)]);
    expect(await revisions("contended")).toHaveLength(2);
  });

  test("of 32 writers without one, each leaves its version, numbered without gaps", async () => {
    const answers = await Promise.all(
      Array.from({ length: 32 }, (_, at) => put(at % 2 === 0 ? here : elsewhere, "busy", `w${String(at)}`)),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const stored = await revisions("busy");
    expect(stored.map(({ revision }) => revision)).toEqual(Array.from({ length: 32 }, (_, at) => at + 1));
    expect(new Set(stored.map(({ version }) => version)).size).toBe(32);
  });

  test("is judged like options, every fault at its place", async () => {
    const refused = await here.send("PUT", path("wrong"), {
      body: {
        turnover_policy: { max_turnover_pct: "1.5" },
        settlement_policy: { settlement_horizon_days: 11 },
        constraint_policy: { group_constraints: { sector: { max_weight: "0.1" } } },
        tax_policy: { max_gains: "1" },
      },
    });
    expect(refusalOf(refused)).toBe("422 VALIDATION_FAILED");
    expect(
      read(Problem, refused)
        .errors?.map(({ loc }) => loc.join("."))
        .sort(),
    ).toEqual([
      "body.constraint_policy.group_constraints",
      "body.settlement_policy.settlement_horizon_days",
      "body.tax_policy.max_gains",
      "body.turnover_policy.max_turnover_pct",
      "body.version",
    ]);
    expect((await here.get(path("wrong"))).status).toBe(404);
  });

  test("belongs to its tenant", async () => {
    const headers = { "x-tenant-id": "bank-b" };
    await put(here, "shared-name", "of-a");
    await put(here, "shared-name", "of-b", headers);
    expect(versionIn(await here.get(path("shared-name")))).toBe("of-a");
    expect(versionIn(await here.get(path("shared-name"), headers))).toBe("of-b");
    expect(catalogueIn(await here.get("/rebalance/policies/catalog", headers)).total).toBe(1);
  });

  test("cannot be changed or lose a revision, whoever writes", async () => {
    await put(here, "fixed", "v1");
    const write = (statement: (tx: Parameters<Parameters<typeof inTransaction>[2]>[0]) => Promise<unknown>) =>
      outcomeOf(inTransaction(here.database, { tenantId: "default" }, statement));
    expect(await write((tx) => tx`update policy_pack_version set version = 'x'`)).toBe("not_permitted");
    expect(await write((tx) => tx`delete from policy_pack_version`)).toBe("not_permitted");
    const insert = (revision: number) =>
      write(
        (tx) => tx`
          insert into policy_pack_version (tenant_id, policy_pack_id, revision, valid_from, correlation_id)
          values ('default', 'fixed', ${revision}, now(), 'c')`,
      );
    expect(await insert(3)).toBe("constraint_violation");
    expect(await insert(1)).toBe("constraint_violation");
  });
});

describe("which pack is in effect", () => {
  test("follows request, tenant and deployment", async () => {
    for (const id of ["p", "global"]) await put(here, id, "v1");
    for (const id of ["t", "mapped"]) await put(here, id, "v1", { "x-tenant-id": "bank-m" });
    const app = await openTestApp(db.url, {
      DPM_DEFAULT_POLICY_PACK_ID: "global",
      DPM_TENANT_POLICY_PACK_MAP_JSON: '{"bank-m":"mapped"}',
    });
    const effective = async (headers: Readonly<Record<string, string>>) =>
      resolutionIn(await app.get("/rebalance/policies/effective", headers));
    const tenant = { "x-tenant-id": "bank-m" };
    expect(await effective({ "x-policy-pack-id": "p", "x-tenant-policy-pack-id": "t" })).toEqual({
      enabled: true,
      selected_policy_pack_id: "p",
      source: "REQUEST",
    });
    expect(await effective({ ...tenant, "x-tenant-policy-pack-id": "t" })).toEqual({
      enabled: true,
      selected_policy_pack_id: "t",
      source: "TENANT_DEFAULT",
    });
    expect(await effective(tenant)).toEqual({
      enabled: true,
      selected_policy_pack_id: "mapped",
      source: "TENANT_DEFAULT",
    });
    expect(await effective({})).toEqual({
      enabled: true,
      selected_policy_pack_id: "global",
      source: "GLOBAL_DEFAULT",
    });
    for (const id of ["t", "mapped"]) await here.send("DELETE", path(id), { headers: tenant });
    const catalogue = await app.get("/rebalance/policies/catalog", tenant);
    expect(catalogueIn(catalogue)).toMatchObject({
      selected_policy_pack_id: "mapped",
      selected_policy_pack_present: false,
      total: 0,
      items: [],
    });
    await app.close();
    expect(resolutionIn(await here.get("/rebalance/policies/effective"))).toEqual({
      enabled: true,
      selected_policy_pack_id: null,
      source: "NONE",
    });
  });

  test("is refused where the request names none that exists; a default that does not exist is a warning", async () => {
    const strict = await openTestApp(db.url, { DPM_DEFAULT_POLICY_PACK_ID: "nobody" });
    const lenient = await openTestApp(db.url, { UNKNOWN_POLICY_PACK: "ignore" });
    const effective = (app: TestApp, headers: Readonly<Record<string, string>>) =>
      app.get("/rebalance/policies/effective", headers);
    const refused = await effective(strict, { "x-policy-pack-id": "nobody" });
    const warned = [
      await effective(strict, {}),
      await effective(strict, { "x-tenant-policy-pack-id": "nobody" }),
      await effective(lenient, { "x-policy-pack-id": "nobody" }),
    ];
    // Another tenant's pack is nobody's here.
    await put(here, "of-default", "v1");
    const foreign = { "x-policy-pack-id": "of-default", "x-tenant-id": "other" };
    const elsewhere = await effective(strict, foreign);
    await strict.close();
    await lenient.close();
    expect(refusalOf(refused)).toBe("422 DPM_POLICY_PACK_UNKNOWN");
    expect(refusalOf(elsewhere)).toBe("422 DPM_POLICY_PACK_UNKNOWN");
    expect(read(Problem, refused).errors).toEqual([
      {
        loc: ["header", "X-Policy-Pack-Id"],
        msg: "names no policy pack in force",
        code: "DPM_POLICY_PACK_UNKNOWN",
      },
    ]);
    const sources = ["GLOBAL_DEFAULT", "TENANT_DEFAULT", "REQUEST"];
    expect(warned.map(resolutionIn)).toEqual(
      sources.map((source) => ({
        enabled: true,
        selected_policy_pack_id: "nobody",
        source,
        warnings: ["POLICY_PACK_NOT_FOUND"],
      })),
    );
  });

  test("is none where packs are switched off; the catalogue is still there", async () => {
    await put(here, "kept", "v1");
    const app = await openTestApp(db.url, { DPM_POLICY_PACKS_ENABLED: "false" });
    const headers = { "x-policy-pack-id": "kept" };
    const effective = await app.get("/rebalance/policies/effective", headers);
    const catalogue = await app.get("/rebalance/policies/catalog", headers);
    await app.close();
    expect(resolutionIn(effective)).toEqual({
      enabled: false,
      selected_policy_pack_id: null,
      source: "DISABLED",
    });
    expect(catalogueIn(catalogue)).toMatchObject({
      enabled: false,
      selected_policy_pack_id: null,
      selected_policy_pack_present: false,
      selected_policy_pack_source: "DISABLED",
    });
    expect(catalogueIn(catalogue).total).toBeGreaterThan(0);
  });

  test("tenant resolution can be switched off", async () => {
    const app = await openTestApp(db.url, {
      DPM_TENANT_POLICY_PACK_MAP_JSON: '{"bank-m":"mapped"}',
      DPM_TENANT_POLICY_PACK_RESOLUTION_ENABLED: "false",
    });
    const effective = await app.get("/rebalance/policies/effective", { "x-tenant-id": "bank-m" });
    await app.close();
    expect(resolutionIn(effective).source).toBe("NONE");
  });
});

test("administration is behind its switch; what is in effect stays readable", async () => {
  await put(here, "administered", "v1");
  const off = await openTestApp(db.url, { DPM_POLICY_PACK_ADMIN_APIS_ENABLED: "false" });
  for (const answer of [
    await put(off, "administered", "v2"),
    await off.send("DELETE", path("administered")),
    await off.get(path("administered")),
  ]) {
    expect(refusalOf(answer)).toBe("404 DPM_POLICY_PACK_ADMIN_APIS_DISABLED");
  }
  expect((await off.get("/rebalance/policies/effective")).status).toBe(200);
  expect((await off.get("/rebalance/policies/catalog")).status).toBe(200);
  await off.close();
  expect(versionIn(await here.get(path("administered")))).toBe("v1");
});

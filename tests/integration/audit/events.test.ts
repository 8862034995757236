import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { appendEvent, recordEvent } from "../../../src/features/audit/append-event.ts";
import { DEPLOYMENT } from "../../../src/features/audit/chain.ts";
import type { AuditEntry } from "../../../src/features/audit/event.ts";
import { recordRetention } from "../../../src/features/audit/record-retention.ts";
import { recordStart } from "../../../src/features/audit/record-start.ts";
import { listEvents } from "../../../src/features/audit/repository.ts";
import { AuditEventListResponse, AuditVerificationResponse } from "../../../src/features/audit/schemas.ts";
import { purge, type RetentionPeriods } from "../../../src/features/retention/purge-expired.ts";
import { inTransaction, type Tx } from "../../../src/platform/database/transaction.ts";
import { newId } from "../../../src/platform/ids.ts";
import { auditEntry, storedChain } from "../../support/audit.ts";
import { openTestApp, read, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { plansOf } from "../../support/plans.ts";
import { newKey as newIdempotencyKey, NEEDS_REVIEW, rebalanceBody } from "../../support/runs.ts";
import { simulateBody } from "../../support/proposals.ts";
import { withSession } from "../../support/session.ts";
import {
  bearer,
  newKey,
  startIssuer,
  tokenEnv,
  type SigningKey,
  type TestIssuer,
} from "../../support/tokens.ts";

let db: TestDatabase;
let issuer: TestIssuer;
let key: SigningKey;
let app: TestApp;
/** The same service where no token is asked for. */
let open: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  key = await newKey("key_1");
  issuer = await startIssuer([key]);
  app = await openTestApp(db.url, tokenEnv(issuer));
  open = await openTestApp(db.url);
});
afterAll(async () => {
  await app.close();
  await open.close();
  await issuer.close();
  await db.drop();
});

let tenants = 0;
const newTenant = () => `tenant-${String((tenants += 1))}`;

const as = (tenant_id: string, scopes: readonly string[], sub = "advisor_1") =>
  bearer(key, scopes, { tenant_id, sub, jti: "t_1" });

async function events(tenantId: string, query = "") {
  return read(
    AuditEventListResponse,
    await app.get(`/audit/events${query}`, await as(tenantId, ["audit:read"])),
  );
}

/** All pages of a list, one event after the other. */
async function allEvents(tenantId: string, query: string) {
  const items = [];
  for (let next: string | null = ""; next !== null;) {
    const cursor = next === "" ? "" : `&cursor=${next}`;
    const page: AuditEventListResponse = await events(tenantId, `?${query}${cursor}`);
    items.push(...page.items);
    next = page.next_cursor;
  }
  return items;
}

const record = (tenantId: string, change: Partial<AuditEntry> = {}) =>
  recordEvent(app.runtime.writes, tenantId, auditEntry({ details_text: REFUSAL, ...change }));

const REFUSAL = JSON.stringify({
  code: "FORBIDDEN",
  idempotency_key: null,
  method: "GET",
  path: "/x",
  required_scopes: null,
  token_id: null,
});

describe("the list", () => {
  test("has the newest first, in pages that stay as they are while events are added", async () => {
    const tenantId = newTenant();
    for (let made = 0; made < 7; made += 1) await record(tenantId);
    const whole = (await events(tenantId, "?action=REQUEST_REFUSED")).items;
    expect(whole.map(({ event_no }) => event_no)).toEqual([7, 6, 5, 4, 3, 2, 1]);
    const first = await events(tenantId, "?action=REQUEST_REFUSED&limit=3");
    await record(tenantId);
    const query = `?action=REQUEST_REFUSED&limit=3&cursor=${String(first.next_cursor)}`;
    const second = await events(tenantId, query);
    expect([...first.items, ...second.items]).toEqual(whole.slice(0, 6));
    expect((await allEvents(tenantId, "limit=2&action=REQUEST_REFUSED")).slice(1)).toEqual(whole);
  });

  test("is cut by actor, action and time", async () => {
    const tenantId = newTenant();
    await record(tenantId, { actor_id: "anna" });
    await record(tenantId, { actor_id: "bert" });
    const at = (await events(tenantId, "?actor=anna")).items[0]?.occurred_at ?? "";
    const numbers = async (query: string) =>
      (await events(tenantId, query)).items.filter(({ chain }) => chain === "TENANT").map((e) => e.actor_id);
    expect(await numbers("?actor=anna")).toEqual(["anna"]);
    expect(await numbers("?action=REQUEST_REFUSED")).toEqual(["bert", "anna"]);
    expect(await numbers("?action=POLICY_PACK_PUT")).toEqual([]);
    expect(await numbers(`?to=${at}&actor=anna`)).toEqual(["anna"]);
    expect(await numbers("?from=2999-01-01")).toEqual([]);
    expect(await numbers("?to=2000-01-01")).toEqual([]);
    const wrong = await app.get("/audit/events?action=NONE", await as(tenantId, ["audit:read"]));
    expect(refusalOf(wrong)).toBe("422 VALIDATION_FAILED");
  });

  test("takes its own tenant's cursors alone", async () => {
    const [tenantId, other] = [newTenant(), newTenant()];
    for (let made = 0; made < 2; made += 1) await record(tenantId);
    const { next_cursor: cursor } = await events(tenantId, "?limit=1");
    const answer = await app.get(`/audit/events?cursor=${String(cursor)}`, await as(other, ["audit:read"]));
    expect(refusalOf(answer)).toBe("422 CURSOR_INVALID");
  });

  test("shows a tenant its own events and those of the deployment, none of another's", async () => {
    const [tenantId, other] = [newTenant(), newTenant()];
    await record(tenantId);
    await record(other);
    const started = auditEntry({
      action: "PROCESS_STARTED",
      actor_id: "host-1",
      details_text: JSON.stringify({
        program: "worker",
        version: "1",
        started_at: "2026-01-01T00:00:00.000Z",
        variables: {},
      }),
    });
    await recordEvent(app.runtime.writes, DEPLOYMENT, started);
    await record(tenantId);
    const [second, middle, first] = await allEvents(tenantId, "limit=1");
    const own = (await storedChain(db.adminUrl, tenantId)).map(({ event_id }) => event_id);
    expect([first?.event_id, second?.event_id]).toEqual(own);
    expect([middle?.event_id, middle?.chain]).toEqual([started.event_id, "DEPLOYMENT"]);
  });

  test("is for who has the scope, and that somebody else asked is in it", async () => {
    const tenantId = newTenant();
    for (const path of ["/audit/events", "/audit/verify"]) {
      expect(refusalOf(await app.get(path))).toBe("401 UNAUTHENTICATED");
      const refused = await app.get(path, await as(tenantId, ["rebalance:read"]));
      expect(refusalOf(refused)).toBe("403 FORBIDDEN");
    }
    const found = await events(tenantId, "?actor=advisor_1");
    expect(found.items).toMatchObject([
      {
        actor_id: "advisor_1",
        authenticated_subject: "advisor_1",
        details: { path: "/audit/verify", required_scopes: ["audit:read"], token_id: "t_1" },
      },
      { details: { path: "/audit/events", code: "FORBIDDEN" } },
    ]);
    const verification = await app.get("/audit/verify", await as(tenantId, ["audit:read"]));
    expect(read(AuditVerificationResponse, verification)).toMatchObject({ valid: true, failures: [] });
  });

  test("cannot be asked in the name of the deployment", async () => {
    const named = await open.get("/audit/events", { "x-tenant-id": DEPLOYMENT });
    expect(named.status).toBe(422);
    const token = await bearer(key, ["audit:read"], { tenant_id: DEPLOYMENT });
    expect(refusalOf(await app.get("/audit/events", token))).toBe("401 TOKEN_INVALID");
  });
});

describe("a refusal", () => {
  const codesIn = async (tenantId: string) =>
    (await storedChain(db.adminUrl, tenantId)).map(({ details }) => details["code"]);

  test("of an actor, of duties that are not divided, by a stored answer or not, is recorded once for its key", async () => {
    const tenantId = newTenant();
    const scopes = ["proposals:write", "proposals:approve:risk", "rebalance:run", "rebalance:review"];
    const headers = await as(tenantId, scopes);
    const created = await app.post("/rebalance/proposals", {
      key: newIdempotencyKey(),
      headers,
      body: { created_by: "advisor_1", simulate_request: simulateBody() },
    });
    const { proposal } = created.json as { proposal: { proposal_id: string } };
    const path = `/rebalance/proposals/${proposal.proposal_id}`;
    const submit = { event_type: "SUBMITTED_FOR_RISK_REVIEW", expected_state: "DRAFT" };
    const run = await app.post("/rebalance/simulate", {
      key: newIdempotencyKey(),
      headers,
      body: rebalanceBody(NEEDS_REVIEW),
    });
    const { rebalance_run_id: id } = run.json as { rebalance_run_id: string };
    await app.post(`${path}/transitions`, {
      key: newIdempotencyKey(),
      headers,
      body: { ...submit, actor_id: "advisor_1" },
    });
    const refused = [
      [`${path}/transitions`, { ...submit, actor_id: "somebody" }, "ACTOR_MISMATCH"],
      [
        `${path}/approvals`,
        { approval_type: "RISK", approved: true, expected_state: "RISK_REVIEW" },
        "SEGREGATION_OF_DUTIES",
      ],
      [
        `/rebalance/runs/${id}/workflow/actions`,
        { action: "APPROVE", reason_code: "FINE" },
        "SEGREGATION_OF_DUTIES",
      ],
    ] as const;
    for (const [url, body, code] of refused) {
      const sent = { key: newIdempotencyKey(), headers, body };
      for (let times = 0; times < 10; times += 1)
        expect(refusalOf(await app.post(url, sent))).toBe(`403 ${code}`);
    }
    expect(await codesIn(tenantId)).toEqual(refused.map(([, , code]) => code));
  });

  test("without a key is recorded each time; with one, for each method, path, key, subject and code", async () => {
    const tenantId = newTenant();
    const headers = await as(tenantId, []);
    for (let times = 0; times < 3; times += 1) await app.get("/rebalance/runs", headers);
    expect(await codesIn(tenantId)).toHaveLength(3);
    const other = await as(tenantId, [], "advisor_2");
    const posing = { ...headers, "x-tenant-id": "other" };
    for (let times = 0; times < 2; times += 1) {
      await app.send("POST", "/rebalance/runs", { key: "k_1", headers: posing, body: {} });
      await app.send("GET", "/rebalance/runs", { key: "k_1", headers });
      await app.send("GET", "/rebalance/runs?limit=1", { key: "k_1", headers });
      await app.send("GET", "/rebalance/runs", { key: "k_2", headers });
      await app.send("GET", "/rebalance/operations", { key: "k_1", headers });
      await app.send("GET", "/rebalance/runs", { key: "k_1", headers: other });
      await app.send("GET", "/rebalance/runs", { key: "k_1", headers: posing });
    }
    expect(await codesIn(tenantId)).toHaveLength(3 + 6);
  });

  test("of a request with a long path, key and token id has a bounded row", async () => {
    const tenantId = newTenant();
    const headers = await bearer(key, [], { tenant_id: tenantId, jti: '"'.repeat(255) });
    const answer = await app.send("GET", `/rebalance/runs/${"x".repeat(700)}`, {
      key: '"'.repeat(255),
      headers,
    });
    expect(refusalOf(answer)).toBe("403 FORBIDDEN");
    const [event] = await storedChain(db.adminUrl, tenantId);
    expect(String(event?.details["path"])).toHaveLength(255);
  });

  test("that cannot be recorded is answered 503 and told to nobody", async () => {
    const tenantId = newTenant();
    await record(tenantId);
    const headers = await as(tenantId, []);
    await withSession(db.adminUrl, async (session) => {
      await session.query("begin");
      await session.query("select from audit_head where tenant_id = $1 for update", [tenantId]);
      const answer = await app.get("/rebalance/runs", headers);
      expect(refusalOf(answer)).toBe("503 DATABASE_BUSY");
      expect(answer.headers).toMatchObject({ "retry-after": "1" });
      expect(answer.headers["www-authenticate"]).toBeUndefined();
      expect(answer.text).not.toContain("required_scopes");
      await session.query("rollback");
    });
    expect(refusalOf(await app.get("/rebalance/runs", headers))).toBe("403 FORBIDDEN");
    expect(await codesIn(tenantId)).toEqual(["FORBIDDEN", "FORBIDDEN"]);
  });

  test("of nobody that is known, and no refusal at all, are not stored", async () => {
    const before = await count();
    expect((await app.get("/rebalance/runs")).status).toBe(401);
    expect((await open.get("/rebalance/runs", { origin: "https://evil.example" })).status).toBe(403);
    expect((await app.get("/rebalance/runs", await as(newTenant(), ["rebalance:read"]))).status).toBe(200);
    expect(await count()).toBe(before);
  });

  async function count(): Promise<number> {
    const { rows } = await withSession(db.adminUrl, (session) =>
      session.query<{ count: number }>("select count(*)::int as count from audit_event"),
    );
    return rows[0]?.count ?? NaN;
  }
});

describe("a change of a policy pack", () => {
  const pack = "/rebalance/policies/catalog/growth";

  test("is recorded with it: who put or deleted which revision; what changes nothing is no change", async () => {
    const tenantId = newTenant();
    const headers = await as(tenantId, ["policies:admin"]);
    const put = (version: string) => app.send("PUT", pack, { headers, body: { version } });
    for (const version of ["v1", "v1", "v2"]) expect((await put(version)).status).toBe(200);
    expect((await app.send("DELETE", pack, { headers })).status).toBe(204);
    expect((await app.send("DELETE", pack, { headers })).status).toBe(404);
    const found = (await storedChain(db.adminUrl, tenantId)).map(({ action, actor_id, details }) => [
      action,
      actor_id,
      details["policy_pack_id"],
      details["revision"],
      details["version"],
    ]);
    expect(found).toEqual([
      ["POLICY_PACK_PUT", "advisor_1", "growth", 1, "v1"],
      ["POLICY_PACK_PUT", "advisor_1", "growth", 2, "v2"],
      ["POLICY_PACK_DELETED", "advisor_1", "growth", 3, null],
    ]);
  });

  test("is recorded without a name where no token is asked for", async () => {
    const headers = { "x-tenant-id": newTenant() };
    await open.send("PUT", pack, { headers, body: { version: "v1" } });
    expect(await storedChain(db.adminUrl, headers["x-tenant-id"])).toMatchObject([
      { action: "POLICY_PACK_PUT", actor_id: null, authenticated_subject: null },
    ]);
  });

  test("does not happen where it cannot be recorded", async () => {
    const headers = { "x-tenant-id": newTenant() };
    await withSession(db.adminUrl, (session) =>
      session.query(
        `alter table audit_event add constraint refuse_v9 check (details_text not like '%"version":"v9"%')`,
      ),
    );
    expect((await open.send("PUT", pack, { headers, body: { version: "v9" } })).status).toBe(500);
    expect((await open.get(pack, headers)).status).toBe(404);
  });
});

describe("the retention", () => {
  test("is recorded when another one rules, and when a process begins with another one", async () => {
    const pass = (owner: string, periods: RetentionPeriods) =>
      purge({
        database: open.database,
        owner,
        newId,
        periods,
        batchSize: 10,
        onPurged: () => undefined,
        onOverruled: () => undefined,
      });
    const days = (runDays: number) => ({ operationsTtlSeconds: 60, runDays, eventDays: 30 });
    for (let times = 0; times < 2; times += 1) {
      await pass("process-a", days(30));
      await pass("process-b", days(60));
      await pass("process-c", days(10));
    }
    await pass("process-d", days(10));
    await withSession(db.adminUrl, (session) =>
      session.query("delete from retention_setting where set_by <> 'process-d'"),
    );
    await pass("process-d", days(10));
    const DAY = 86_400;
    const found = (await storedChain(db.adminUrl, DEPLOYMENT)).filter(
      ({ action }) => action === "RETENTION_SET",
    );
    const of = (who: string, configured: number, ruling: number) => ({
      actor_id: who,
      details: {
        configured: { RUN: configured * DAY, OPERATION: 60, EVENT: 30 * DAY },
        ruling: { RUN: ruling * DAY, OPERATION: 60, EVENT: 30 * DAY },
      },
    });
    expect(found).toMatchObject([
      of("process-a", 30, 30),
      of("process-b", 60, 60),
      of("process-c", 10, 60),
      of("process-d", 10, 10),
    ]);
  });
});

test("a retention that processes say at the same moment is recorded once", async () => {
  const seconds = { RUN: 11, OPERATION: 12, EVENT: 13 };
  const details = { configured: seconds, ruling: seconds };
  const { clock, database } = open.runtime;
  await Promise.all(
    ["process-1", "process-2", "process-3", "process-4"].map((process) =>
      inTransaction(database, { tenantId: DEPLOYMENT }, (tx) =>
        recordRetention(tx, { newId, clock }, { process, isFirst: false, details }),
      ),
    ),
  );
  const recorded = (await storedChain(db.adminUrl, DEPLOYMENT)).filter(
    (event) =>
      JSON.stringify(event.details["configured"]) === JSON.stringify({ EVENT: 13, OPERATION: 12, RUN: 11 }),
  );
  expect(recorded).toHaveLength(1);
});

describe("a start", () => {
  const started = async () =>
    (await storedChain(db.adminUrl, DEPLOYMENT)).filter(({ action }) => action === "PROCESS_STARTED");

  test("is recorded once, with the variables in force and without a secret, also of several at once", async () => {
    const before = (await started()).length;
    const env = {
      ...tokenEnv(issuer),
      JWT_JWKS_URL: "https://user:hush-1@issuer.example/keys?token=hush-2",
      DATABASE_READ_URL: "postgres://user:hush-3@127.0.0.1:1/none",
      DPM_TENANT_POLICY_PACK_MAP_JSON: '{"hush-4":"pack"}',
      ALLOWED_HOSTS: Array.from({ length: 100 }, (_, at) => `host-${String(at)}.example`).join(","),
      PROPOSAL_ALLOW_BLOCKED_VERSIONS: "true",
    };
    const { runtime, close } = await openTestApp(db.url, env);
    const names = Array.from({ length: 8 }, (_, at) => `host-1-${String(at)}`);
    const records = await Promise.all(
      names.map((process) => recordStart(runtime, { program: "service", process })),
    );
    await Promise.all(records.map(({ stop }) => stop()));
    await close();
    const found = (await started()).slice(before);
    expect(found.map(({ actor_id }) => actor_id).sort()).toEqual(names);
    expect(found[0]?.details).toMatchObject({
      program: "service",
      version: runtime.engineVersion,
      variables: {
        AUTH_MODE: "jwt",
        ALLOWED_HOSTS: expect.stringMatching(/^sha256:/) as string,
        DATABASE_READ_URL: "set",
        DATABASE_URL: "set",
        DPM_TENANT_POLICY_PACK_MAP_JSON: expect.stringMatching(/^sha256:/) as string,
        JWT_JWKS_URL: "https://issuer.example/keys",
        METRICS_PUBLIC: true,
        MIGRATION_DATABASE_URL: null,
        PROPOSAL_ALLOW_BLOCKED_VERSIONS: true,
        SHUTDOWN_DRAIN_MS: 0,
      },
    });
    expect(JSON.stringify(found)).not.toMatch(/hush|user|127\.0\.0\.1:1/);
  });

  test("does not wait for ever where it cannot be recorded, and is recorded as soon as it can", async () => {
    const before = (await started()).length;
    const asOwner = (statement: string) => withSession(db.adminUrl, (session) => session.query(statement));
    await asOwner("alter table audit_event add constraint refuse_slow check (actor_id <> 'slow')");
    const record = await recordStart(open.runtime, { program: "worker", process: "slow", waitMs: 1_000 });
    await asOwner("alter table audit_event drop constraint refuse_slow");
    await expect.poll(started, { timeout: 20_000 }).toHaveLength(before + 1);
    await record.stop();
  });
});

describe("each statement of the list", () => {
  beforeAll(async () => {
    await inTransaction(app.database, { tenantId: "full", deadlineMs: 60_000 }, async (tx) => {
      for (let made = 0; made < 1_500; made += 1) {
        const actor_id = `actor-${String(made % 50)}`;
        await appendEvent(tx, "full", auditEntry({ actor_id }), app.runtime.clock);
      }
    });
    await withSession(db.adminUrl, (session) => session.query("analyze audit_event"));
  });

  test.each([
    ["without a filter", {}, "audit_event_newest"],
    ["by actor", { actor: "actor-7" }, "audit_event_by_actor"],
    ["by action", { action: "POLICY_PACK_PUT" }, "audit_event_by_action"],
  ] as const)("%s reads its page by an index", async (_what, filters, index) => {
    const after = { occurred_at: "2999-01-01T00:00:00.000Z", event_no: 700, event_id: "aev_0" };
    const page = { tenantId: "full", after, limit: 20 };
    const plan = await plansOf(app.database, "full", (tx: Tx) => listEvents(tx, "full", filters, page));
    expect(plan).toContain(index);
    expect(plan).not.toContain("Sort");
  });
});

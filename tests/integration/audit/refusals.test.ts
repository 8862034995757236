import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildApp } from "../../../src/app.ts";
import { openOperations } from "../../../src/background.ts";
import { parseConfig } from "../../../src/config/config.ts";
import { Problem } from "../../../src/contract/problem.ts";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { SCOPES, type Scope } from "../../../src/platform/http/auth/scopes.ts";
import { createLog } from "../../../src/platform/log.ts";
import { createMetrics } from "../../../src/platform/metrics.ts";
import { createRuntime } from "../../../src/runtime.ts";
import { storedChain } from "../../support/audit.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { documentedRoutes } from "../../support/routes.ts";
import {
  bearer,
  newKey,
  startIssuer,
  tokenEnv,
  type SigningKey,
  type TestIssuer,
} from "../../support/tokens.ts";

let db: TestDatabase;
let database: Database;
let key: SigningKey;
let issuer: TestIssuer;
let app: FastifyInstance;

beforeAll(async () => {
  db = await testDatabase();
  key = await newKey("key_1");
  issuer = await startIssuer([key]);
  database = openTestDatabase(db.url);
  const config = parseConfig({ ...tokenEnv(issuer), METRICS_PUBLIC: "false", DOCS_PUBLIC: "false" });
  const log = createLog("silent");
  const runtime = createRuntime({ config, log, metrics: createMetrics(), database });
  const operations = openOperations(runtime);
  app = await buildApp({ runtime, operations, lifecycle: { isStopping: false } });
  await app.ready();
});
afterAll(async () => {
  await app.close();
  await closeDatabase(database);
  await issuer.close();
  await db.drop();
});

/** Each test is of a tenant of its own, so that its chain holds what the test made. */
let tenants = 0;
const newTenant = () => `tenant-${String((tenants += 1))}`;
const refusalsIn = async (tenantId: string) =>
  (await storedChain(db.adminUrl, tenantId)).map(({ action, actor_id, authenticated_subject, details }) => ({
    action,
    actor_id,
    authenticated_subject,
    ...details,
  }));

type Sent = { readonly headers: Readonly<Record<string, string>>; readonly payload?: unknown };

async function send(method: "GET" | "POST", url: string, { headers, payload = {} }: Sent) {
  const answer = await app.inject({
    method,
    url,
    headers: { "content-type": "application/json", ...headers },
    payload: JSON.stringify(payload),
  });
  const problem = Problem.safeParse(answer.body === "" ? {} : JSON.parse(answer.body));
  return { status: answer.statusCode, headers: answer.headers, problem: problem.data };
}

const allBut = (scopes: readonly string[]) => SCOPES.filter((scope) => !scopes.includes(scope));

/** What is recorded of a refusal without a key. */
const recorded = (method: string, path: string, code: string, scopes: readonly string[] | null) => ({
  action: "REQUEST_REFUSED",
  actor_id: "advisor_1",
  authenticated_subject: "advisor_1",
  code,
  idempotency_key: null,
  method,
  path,
  required_scopes: scopes,
  token_id: "t_1",
});

describe("every route that is not public", () => {
  test("refuses a token without its scope, and the audit has each refusal once", async () => {
    const tenant_id = newTenant();
    const closed = documentedRoutes(app).filter(({ scopes }) => scopes.length > 0);
    expect(closed.length).toBeGreaterThan(80);
    const expected = [];
    for (const { name, url, method, hasBody, scopes } of closed) {
      const token = await bearer(key, allBut(scopes), { tenant_id, jti: "t_1" });
      const { status, headers, problem } = await send(method, url, { headers: token });
      const said = hasBody ? ["FORBIDDEN", scopes] : [undefined, undefined];
      expect([name, status, problem?.detail, problem?.required_scopes]).toEqual([name, 403, ...said]);
      expect(headers["www-authenticate"]).toContain(
        `error="insufficient_scope", scope="${scopes.join(" ")}"`,
      );
      expected.push(recorded(method, url, "FORBIDDEN", scopes));
    }
    expect(await refusalsIn(tenant_id)).toEqual(expected);
  });

  test("has it once too where the request has a key and is sent ten times", async () => {
    const tenant_id = newTenant();
    const expected = [];
    for (const { url, method, scopes } of documentedRoutes(app)) {
      if (scopes.length === 0) continue;
      const token = await bearer(key, allBut(scopes), { tenant_id, jti: "t_1" });
      const sent = { headers: { ...token, "idempotency-key": "k_1" } };
      const answers = await Promise.all(Array.from({ length: 10 }, () => send(method, url, sent)));
      expect([url, ...new Set(answers.map(({ status }) => status))]).toEqual([url, 403]);
      expected.push({ ...recorded(method, url, "FORBIDDEN", scopes), idempotency_key: "k_1" });
    }
    expect(await refusalsIn(tenant_id)).toEqual(expected);
  });

  test("refuses another tenant's token with this tenant's header, in the audit of the token's tenant", async () => {
    const tenant_id = newTenant();
    const headers = { ...(await bearer(key, SCOPES, { tenant_id, jti: "t_1" })), "x-tenant-id": "other" };
    const expected = [];
    for (const { name, url, method, isPublic } of documentedRoutes(app)) {
      if (isPublic && !/^.(docs|openapi)/.test(url)) continue; // health alone: here, the documentation is not
      const { status } = await send(method, url, { headers });
      expect([name, status]).toEqual([name, 403]);
      expected.push(recorded(method, url, "TENANT_MISMATCH", null));
    }
    const unknown = await send("GET", "/no/such/route?with=query", { headers });
    expect([unknown.status, unknown.problem?.detail]).toEqual([403, "TENANT_MISMATCH"]);
    expected.push(recorded("GET", "/no/such/route", "TENANT_MISMATCH", null));
    expect(await refusalsIn(tenant_id)).toEqual(expected);
    expect(await refusalsIn("other")).toEqual([]);
  });
});

describe("the scope of an event", () => {
  const RISK = "proposals:approve:risk";
  const COMPLIANCE = "proposals:approve:compliance";
  const CONSENT = "proposals:approve:consent";
  const rejected = (state: string | null) => ({ event_type: "REJECTED", expected_state: state });

  test.each<[string, object, Scope[]]>([
    ["transitions", { event_type: "SUBMITTED_FOR_RISK_REVIEW" }, ["proposals:write"]],
    ["transitions", { event_type: "SUBMITTED_FOR_COMPLIANCE_REVIEW" }, ["proposals:write"]],
    ["transitions", { event_type: "CANCELLED" }, ["proposals:write"]],
    ["transitions", { event_type: "EXPIRED" }, ["proposals:write"]],
    ["transitions", { event_type: "CREATED" }, ["proposals:write"]],
    ["transitions", { event_type: "RISK_APPROVED" }, [RISK]],
    ["transitions", { event_type: "COMPLIANCE_APPROVED" }, [COMPLIANCE]],
    ["transitions", { event_type: "CLIENT_CONSENT_RECORDED" }, [CONSENT]],
    ["transitions", { event_type: "EXECUTED" }, ["proposals:execute"]],
    ["transitions", rejected("RISK_REVIEW"), [RISK]],
    ["transitions", rejected("COMPLIANCE_REVIEW"), [COMPLIANCE]],
    ["transitions", rejected("AWAITING_CLIENT_CONSENT"), [CONSENT]],
    ["transitions", rejected("DRAFT"), [RISK, COMPLIANCE, CONSENT]],
    ["transitions", rejected(null), [RISK, COMPLIANCE, CONSENT]],
    ["approvals", { approval_type: "RISK", approved: true }, [RISK]],
    ["approvals", { approval_type: "RISK", approved: false }, [RISK]],
    ["approvals", { approval_type: "COMPLIANCE", approved: true }, [COMPLIANCE]],
    ["approvals", { approval_type: "CLIENT_CONSENT", approved: false }, [CONSENT]],
  ])("%s %j needs %j, and its refusal is recorded", async (path, body, scopes) => {
    const tenant_id = newTenant();
    const url = `/rebalance/proposals/p/${path}`;
    for (const missing of scopes) {
      const token = await bearer(key, allBut([missing]), { tenant_id, jti: "t_1" });
      const payload = { actor_id: "advisor_1", ...body };
      const sent = await send("POST", url, { headers: { ...token, "idempotency-key": missing }, payload });
      expect([sent.status, sent.problem?.detail, sent.problem?.required_scopes]).toEqual([
        403,
        "FORBIDDEN",
        scopes,
      ]);
    }
    expect(await refusalsIn(tenant_id)).toEqual(
      scopes.map((missing) => ({
        ...recorded("POST", url, "FORBIDDEN", scopes),
        idempotency_key: missing,
      })),
    );
  });
});

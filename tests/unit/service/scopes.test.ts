import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { buildApp } from "../../../src/app.ts";
import { openOperations } from "../../../src/background.ts";
import { Problem } from "../../../src/contract/problem.ts";
import { SCOPES, type Scope } from "../../../src/platform/http/auth/scopes.ts";
import { registeredRoutes } from "../../support/routes.ts";
import { runtimeWithoutDatabase } from "../../support/runtime.ts";
import {
  bearer,
  newKey,
  startIssuer,
  tokenEnv,
  type SigningKey,
  type TestIssuer,
} from "../../support/tokens.ts";

/** Who may do what, operation by operation. What is not here is not served. */
const READS_RUNS = `listOperations getOperation getOperationByCorrelation listRuns getRun getRunByCorrelation
  getRunByRequestHash getRunByIdempotencyKey reproduceRun getRunArtifact getIdempotencyHistory getRunReview
  getRunReviewByCorrelation getRunReviewByIdempotencyKey getRunReviewHistory getRunReviewHistoryByCorrelation
  getRunReviewHistoryByIdempotencyKey listReviewDecisions listReviewDecisionsByCorrelation getLineage
  getSupportabilitySummary getSupportBundle getSupportBundleByCorrelation getSupportBundleByIdempotencyKey
  getSupportBundleByOperation verifyRun`;
const READS_PROPOSALS = `listProposals getProposal getProposalVersion listProposalEvents listProposalApprovals
  getProposalLineage verifyProposal getProposalByIdempotencyKey getProposalConfig getProposalOperation
  getProposalOperationByCorrelation`;
const BY_SCOPE: Readonly<Record<string, string>> = {
  "rebalance:run": "simulateRebalance analyzeScenarios analyzeScenariosAsync",
  "rebalance:read": READS_RUNS,
  "rebalance:review": "actOnRunReview actOnRunReviewByCorrelation actOnRunReviewByIdempotencyKey",
  "proposals:write": `simulateProposal packageProposal createProposal createProposalVersion createProposalAsync
    createProposalVersionAsync`,
  "proposals:read": READS_PROPOSALS,
  "proposals:approve:risk proposals:approve:compliance proposals:approve:consent": "decideProposalApproval",
  "proposals:write proposals:approve:risk proposals:approve:compliance proposals:approve:consent proposals:execute":
    "transitionProposal",
  "policies:read": "getEffectivePolicyPack listPolicyPacks getPolicyPack",
  "policies:admin": "putPolicyPack deletePolicyPack",
  "operations:manage": `retryOperation cancelOperation executeOperation retryProposalOperation
    cancelProposalOperation`,
  "metrics:read": "getMetrics",
  "any token": "getCapabilities",
  none: "getHealth getLiveness getReadiness",
};

const Documented = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        operationId: z.string(),
        security: z.array(z.object({ bearerAuth: z.array(z.string()) })),
        responses: z.record(z.string(), z.unknown()),
      }),
    ),
  ),
});

let key: SigningKey;
let issuer: TestIssuer;
let app: FastifyInstance;

async function build(env: Record<string, string> = {}): Promise<FastifyInstance> {
  const runtime = runtimeWithoutDatabase({ ...tokenEnv(issuer), METRICS_PUBLIC: "false", ...env });
  const lifecycle = { isStopping: false };
  const built = await buildApp({ runtime, operations: openOperations(runtime), lifecycle });
  await built.ready();
  return built;
}

beforeAll(async () => {
  key = await newKey("key_1");
  issuer = await startIssuer([key]);
  app = await build();
});
afterAll(async () => {
  await app.close();
  await issuer.close();
});

function operations() {
  const { paths } = Documented.parse(app.swagger());
  return Object.values(paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId, security }) => ({
      name: operationId,
      scopes: security.flatMap(({ bearerAuth }) => bearerAuth),
      isPublic: security.length === 0,
    })),
  );
}

/** The only routes that the document leaves out. */
const DOCS = /^\/(docs|openapi\.json)(\/|$)/;

/** All that the application routes, with the scopes that the document tells of. */
function routes() {
  const { paths } = Documented.parse(app.swagger());
  return registeredRoutes(app).map(({ method, url }) => {
    const path = url.replaceAll(/:(\w+)/g, "{$1}");
    const operation = paths[path]?.[method === "HEAD" ? "get" : method.toLowerCase()];
    return {
      name: `${method} ${url}`,
      method: method as "GET",
      url: url.replaceAll(/:\w+/g, "x"),
      scopes: operation?.security.flatMap(({ bearerAuth }) => bearerAuth) ?? [],
      isPublic: operation === undefined ? DOCS.test(url) : operation.security.length === 0,
      hasBody: method !== "HEAD",
      statuses: Object.keys(operation?.responses ?? {}),
    };
  });
}

const BODY = { headers: { "content-type": "application/json", "idempotency-key": "k" }, payload: "{}" };

async function send(url: string, method: "GET" | "POST", headers: Record<string, string>, payload?: unknown) {
  const answer = await app.inject({
    ...BODY,
    method,
    url,
    headers: { ...BODY.headers, ...headers },
    ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
  });
  const problem = Problem.safeParse(answer.body === "" ? {} : JSON.parse(answer.body));
  return { status: answer.statusCode, headers: answer.headers, problem: problem.data };
}

const allBut = (scopes: readonly string[]) => SCOPES.filter((scope) => !scopes.includes(scope));

describe("scopes", () => {
  test("of every operation are as the table says, in the document too", () => {
    const served = operations().map(({ name, scopes, isPublic }) => [
      name,
      isPublic ? "none" : scopes.join(" ") || "any token",
    ]);
    const table = Object.entries(BY_SCOPE).flatMap(([scope, names]) =>
      names.split(/\s+/).map((name) => [name, scope]),
    );
    expect(new Map(served.map(([name = "", scope]) => [name, scope]))).toEqual(
      new Map(table.map(([name = "", scope]) => [name, scope])),
    );
  });

  test("no route answers without a token, unless it is public", async () => {
    const closed = routes().filter(({ isPublic }) => !isPublic);
    expect(closed.length).toBeGreaterThan(80);
    for (const { name, url, method, hasBody, statuses } of closed) {
      const { status, headers, problem } = await send(url, method, {});
      const detail = hasBody ? "UNAUTHENTICATED" : undefined;
      expect([name, status, problem?.detail]).toEqual([name, 401, detail]);
      expect(headers["www-authenticate"]).toBe('Bearer realm="ballast"');
      expect(statuses).toEqual(expect.arrayContaining(["401", "403"]));
    }
  });

  test("no route answers to a token without its scope", async () => {
    for (const { name, url, method, hasBody, scopes } of routes()) {
      if (scopes.length === 0) continue;
      const { status, headers, problem } = await send(url, method, await bearer(key, allBut(scopes)));
      const said = hasBody ? ["FORBIDDEN", scopes] : [undefined, undefined];
      expect([name, status, problem?.detail, problem?.required_scopes]).toEqual([name, 403, ...said]);
      expect(headers["www-authenticate"]).toContain(
        `error="insufficient_scope", scope="${scopes.join(" ")}"`,
      );
    }
  });

  test("no route answers to another tenant's token with this tenant's header", async () => {
    for (const { name, url, method, hasBody, isPublic } of routes()) {
      if (isPublic) continue;
      const headers = { ...(await bearer(key, SCOPES)), "x-tenant-id": "other" };
      const { status, problem } = await send(url, method, headers);
      expect([name, status, problem?.detail]).toEqual([name, 403, hasBody ? "TENANT_MISMATCH" : undefined]);
    }
  });

  test("the door comes ahead of a body that is none", async () => {
    const answer = await app.inject({ method: "POST", url: "/rebalance/simulate", payload: "{" });
    expect(answer.statusCode).toBe(401);
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
  ])("%s %j needs %j", async (path, body, scopes) => {
    for (const missing of scopes) {
      const headers = await bearer(key, allBut([missing]));
      const sent = await send(`/rebalance/proposals/p/${path}`, "POST", headers, {
        actor_id: "advisor_1",
        ...body,
      });
      expect([sent.status, sent.problem?.detail, sent.problem?.required_scopes]).toEqual([
        403,
        "FORBIDDEN",
        scopes,
      ]);
    }
  });
});

describe("public", () => {
  test("are health and, unless switched off, the documentation", async () => {
    expect((await app.inject("/health")).statusCode).toBe(200);
    for (const url of ["/docs", "/docs/json", "/openapi.json"])
      expect([url, (await app.inject(url)).statusCode]).toEqual([url, 200]);
    const closed = await build({ DOCS_PUBLIC: "false" });
    for (const url of ["/docs", "/docs/json", "/docs/static/index.html", "/openapi.json"]) {
      expect([url, (await closed.inject(url)).statusCode]).toEqual([url, 401]);
    }
    const headers = await bearer(key, []);
    expect((await closed.inject({ url: "/openapi.json", headers })).statusCode).toBe(200);
    await closed.close();
  });

  test("are metrics, where it is said", async () => {
    expect(
      (await app.inject({ url: "/metrics", headers: await bearer(key, ["metrics:read"]) })).statusCode,
    ).toBe(200);
    const open = await build({ METRICS_PUBLIC: "true" });
    expect((await open.inject("/metrics")).statusCode).toBe(200);
    await open.close();
  });
});

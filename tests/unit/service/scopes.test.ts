import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildApp } from "../../../src/app.ts";
import { openOperations } from "../../../src/background.ts";
import { Problem } from "../../../src/contract/problem.ts";
import { documentedOperations, documentedRoutes } from "../../support/routes.ts";
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
  getRunByRequestHash getRunByIdempotencyKey reproduceRun getRunArtifact getRunReport getIdempotencyHistory getRunReview
  getRunReviewByCorrelation getRunReviewByIdempotencyKey getRunReviewHistory getRunReviewHistoryByCorrelation
  getRunReviewHistoryByIdempotencyKey listReviewDecisions listReviewDecisionsByCorrelation getLineage
  getSupportabilitySummary getSupportBundle getSupportBundleByCorrelation getSupportBundleByIdempotencyKey
  getSupportBundleByOperation verifyRun`;
const READS_PROPOSALS = `listProposals getProposal getProposalVersion listProposalEvents listProposalApprovals
  getProposalLineage getProposalReport verifyProposal getProposalByIdempotencyKey getProposalConfig getProposalOperation
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
  "audit:read": "listAuditEvents verifyAudit",
  "events:read": "listEvents streamEvents",
  "waves:run": `createWave addWavePortfolios startWave pauseWave resumeWave cancelWave retryFailedWaveItems`,
  "waves:read": `listWaves getWave listWaveItems exportWaveItems watchWave listWaveEvents verifyWave
    getWaveReport`,
  "metrics:read": "getMetrics",
  "any token": "getCapabilities",
  none: "getHealth getLiveness getReadiness",
};

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

const BODY = { headers: { "content-type": "application/json", "idempotency-key": "k" }, payload: "{}" };

/** As it is sent without a token. */
async function send(url: string, method: "GET") {
  const answer = await app.inject({ ...BODY, method, url });
  const problem = Problem.safeParse(answer.body === "" ? {} : JSON.parse(answer.body));
  return { status: answer.statusCode, headers: answer.headers, problem: problem.data };
}

describe("scopes", () => {
  test("of every operation are as the table says, in the document too", () => {
    const served = documentedOperations(app).map(({ name, scopes, isPublic }) => [
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
    const closed = documentedRoutes(app).filter(({ isPublic }) => !isPublic);
    expect(closed.length).toBeGreaterThan(80);
    for (const { name, url, method, hasBody, statuses } of closed) {
      const { status, headers, problem } = await send(url, method);
      const detail = hasBody ? "UNAUTHENTICATED" : undefined;
      expect([name, status, problem?.detail]).toEqual([name, 401, detail]);
      expect(headers["www-authenticate"]).toBe('Bearer realm="ballast"');
      expect(statuses).toEqual(expect.arrayContaining(["401", "403"]));
    }
  });

  test("a refusal that cannot be recorded is told to nobody", async () => {
    const answer = await app.inject({
      ...BODY,
      method: "POST",
      url: "/rebalance/simulate",
      headers: await bearer(key, ["rebalance:read"]),
    });
    const { detail, required_scopes: scopes } = Problem.parse(JSON.parse(answer.body));
    expect([answer.statusCode, detail, scopes]).toEqual([503, "DATABASE_UNAVAILABLE", undefined]);
    expect(answer.headers).toMatchObject({ "retry-after": "5" });
    expect(answer.headers["www-authenticate"]).toBeUndefined();
  });

  test("the door comes ahead of a body that is none", async () => {
    const answer = await app.inject({ method: "POST", url: "/rebalance/simulate", payload: "{" });
    expect(answer.statusCode).toBe(401);
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

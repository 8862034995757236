import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildApp } from "../../../src/app.ts";
import { openOperations } from "../../../src/background.ts";
import { documentedOperations } from "../../support/documented.ts";
import { runtimeWithoutDatabase } from "../../support/runtime.ts";

let app: FastifyInstance;
/** The same with every group switched off. */
let off: FastifyInstance;

const SWITCHES = [
  "DPM_SUPPORT_APIS_ENABLED",
  "DPM_ARTIFACTS_ENABLED",
  "DPM_ASYNC_OPERATIONS_ENABLED",
  "DPM_LINEAGE_APIS_ENABLED",
  "DPM_IDEMPOTENCY_HISTORY_APIS_ENABLED",
  "DPM_SUPPORTABILITY_SUMMARY_APIS_ENABLED",
  "DPM_WORKFLOW_ENABLED",
  "DPM_POLICY_PACK_ADMIN_APIS_ENABLED",
  "PROPOSAL_WORKFLOW_LIFECYCLE_ENABLED",
];

async function build(env: Readonly<Record<string, string>>): Promise<FastifyInstance> {
  const runtime = runtimeWithoutDatabase(env);
  const lifecycle = { isStopping: false };
  return buildApp({ runtime, operations: openOperations(runtime), lifecycle });
}

beforeAll(async () => {
  app = await build({});
  off = await build(Object.fromEntries(SWITCHES.map((name) => [name, "false"])));
});
afterAll(async () => {
  await app.close();
  await off.close();
});

type Refused = {
  readonly status: number;
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Record<string, string>;
  readonly payload?: string;
};

const JSON_TYPE = { "content-type": "application/json" };
const EMPTY = { headers: JSON_TYPE, payload: "{}" };
const MANY_LINES = Object.fromEntries(Array.from({ length: 201 }, (_, at) => [`x-line-${String(at)}`, "1"]));

/** What is refused ahead of every route. */
function refusals(method: string, url: string): Refused[] {
  const asked = { method, url: url.replaceAll(/:\w+/g, "x") };
  const ofAll: Refused[] = [
    { status: 400, ...asked, url: `${asked.url}?limit=%FF` },
    { status: 405, ...asked, method: "PATCH" },
    { status: 417, ...asked, headers: { expect: "the best" } },
    { status: 431, ...asked, headers: MANY_LINES },
  ];
  // Whoever probes the service is answered, whatever else is sent.
  const isProbe = url.startsWith("/health") || url === "/metrics";
  const notInContract = { ...asked, url: `${asked.url}?unheard_of=1`, ...(method === "GET" ? {} : EMPTY) };
  const ofContract: Refused[] = isProbe ? [] : [{ status: 422, ...notInContract }];
  const long = url.replaceAll(/:\w+/g, "x".repeat(766));
  const ofNames: Refused[] = url.includes(":") ? [{ status: 414, ...asked, url: long }] : [];
  // What is wrong in a body that its route reads itself shows when all else is right.
  const isStreamed = url === "/rebalance/waves" || url.endsWith("/portfolios");
  const ofRead: Refused[] = [
    { status: 400, ...asked, headers: JSON_TYPE, payload: "{" },
    { status: 413, ...asked, headers: JSON_TYPE, payload: " ".repeat(1_048_577) },
  ];
  const ofBodies: Refused[] = [
    ...(isStreamed ? [] : ofRead),
    { status: 415, ...asked, headers: { "content-type": "text/plain" }, payload: "x" },
  ];
  return [...ofAll, ...ofContract, ...ofNames, ...(method === "GET" ? [] : ofBodies)];
}

describe.each(documentedOperations)("$method $url", ({ method, url, statuses }) => {
  test("documents what is refused ahead of it", async () => {
    for (const { status, ...request } of refusals(method, url)) {
      const answer = await app.inject({ ...request, method: (request.method ?? method) as "GET" });
      expect(answer.statusCode, `${JSON.stringify(request).slice(0, 200)}: ${answer.body}`).toBe(status);
      expect([...statuses], String(status)).toContain(String(status));
    }
    expect([...statuses]).toEqual(expect.arrayContaining(["408", "500", "503"]));
  });

  test("documents that its group may be switched off, where it may", async () => {
    const answer = await off.inject({ method: method as "GET", url: url.replaceAll(/:\w+/g, "x") });
    if (answer.statusCode !== 404) return;
    expect(answer.body).toMatch(/"detail":"[A-Z_]+_DISABLED"/);
    expect([...statuses]).toContain("404");
  });
});

test("a name, a body and a switch are documented only where they can be refused", () => {
  const withStatus = (status: string) =>
    documentedOperations
      .filter(({ statuses }) => statuses.has(status))
      .map(({ url, method }) => ({ url, method }));
  expect(withStatus("414").every(({ url }) => url.includes(":"))).toBe(true);
  expect(withStatus("415").every(({ method }) => method !== "GET")).toBe(true);
  expect(withStatus("404").some(({ url }) => url.startsWith("/health"))).toBe(false);
});

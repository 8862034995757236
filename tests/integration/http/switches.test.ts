import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { RebalanceResult } from "../../../src/contract/rebalance.ts";
import { Problem } from "../../../src/contract/problem.ts";
import { ProposalResult } from "../../../src/contract/proposal.ts";
import { SIMULATE_EXAMPLE as PROPOSAL_EXAMPLE } from "../../../src/features/proposals/examples.ts";
import { Capabilities } from "../../../src/features/service/schemas.ts";
import { openTestApp, read, refusalOf, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { newKey, rebalanceBody } from "../../support/runs.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await testDatabase();
});

afterAll(async () => {
  await db.drop();
});

async function withDeployment<T>(
  env: Readonly<Record<string, string>>,
  work: (app: TestApp) => Promise<T>,
): Promise<T> {
  const app = await openTestApp(db.url, env);
  try {
    return await work(app);
  } finally {
    await app.close();
  }
}

const METHODS = z.enum(["get", "post", "put", "delete"]);
const Published = z.object({ paths: z.record(z.string(), z.partialRecord(METHODS, z.unknown())) });

/** What a deployment answers on each operation that it publishes, by method and path. */
async function answersOf(app: TestApp): Promise<Map<string, { status: number; detail: string | undefined }>> {
  const { paths } = read(Published, await app.get("/openapi.json"));
  const answers = new Map<string, { status: number; detail: string | undefined }>();
  for (const [path, operations] of Object.entries(paths)) {
    for (const verb of METHODS.options.filter((each) => operations[each] !== undefined)) {
      const method = z.enum(["GET", "POST", "PUT", "DELETE"]).parse(verb.toUpperCase());
      const hasBody = method === "POST" || method === "PUT";
      const answer = await app.send(method, path.replaceAll(/\{\w+\}/g, "x"), {
        // Of no stream, so that none begins, as it would not end.
        headers: { "last-event-id": "x" },
        ...(hasBody ? { body: {} } : {}),
      });
      const detail = Problem.safeParse(answer.json).data?.detail;
      answers.set(`${method} ${path}`, { status: answer.status, detail });
    }
  }
  return answers;
}

async function capabilitiesOff(app: TestApp): Promise<string[]> {
  const { features, workflows } = read(Capabilities, await app.get("/integration/capabilities"));
  return [
    ...features.flatMap(({ key, enabled }) => (enabled ? [] : [key])),
    ...workflows.flatMap(({ workflow_key, enabled }) => (enabled ? [] : [workflow_key])),
  ];
}

const RUNS = "/rebalance/runs";
const BY = ["{rebalance_run_id}", "by-correlation/{correlation_id}", "idempotency/{idempotency_key}"];
const PROPOSALS = "/rebalance/proposals";
const OPERATIONS = "/rebalance/operations";
const PACK = "/rebalance/policies/catalog/{policy_pack_id}";

const BUNDLES = [...BY, "by-operation/{operation_id}"].map((by) => `GET ${RUNS}/${by}/support-bundle`);
const PROPOSAL_SUPPORT = [
  ...["workflow-events", "approvals", "lineage", "verify"].map(
    (part) => `GET ${PROPOSALS}/{proposal_id}/${part}`,
  ),
  `GET ${PROPOSALS}/idempotency/{idempotency_key}`,
];
const PROPOSAL_ASYNC = [
  `POST ${PROPOSALS}/async`,
  `POST ${PROPOSALS}/{proposal_id}/versions/async`,
  `GET ${PROPOSALS}/operations/{operation_id}`,
  `GET ${PROPOSALS}/operations/by-correlation/{correlation_id}`,
  `POST ${PROPOSALS}/operations/{operation_id}/retry`,
  `POST ${PROPOSALS}/operations/{operation_id}/cancel`,
];

type Group = {
  readonly code: string;
  readonly routes: readonly string[];
  /** What is no longer offered, as the capabilities tell. */
  readonly capabilities?: readonly string[];
};

/** The switches that turn a group off, and what is in the group. */
const GROUPS: Readonly<Record<string, Group>> = {
  DPM_SUPPORT_APIS_ENABLED: {
    code: "DPM_SUPPORT_APIS_DISABLED",
    routes: [
      `GET ${RUNS}`,
      ...BY.map((by) => `GET ${RUNS}/${by}`),
      `GET ${RUNS}/by-request-hash/{request_hash}`,
      `POST ${RUNS}/{rebalance_run_id}/reproduce`,
      `GET ${RUNS}/{rebalance_run_id}/verify`,
      ...BUNDLES,
    ],
    capabilities: ["dpm.support.run_apis"],
  },
  DPM_ARTIFACTS_ENABLED: {
    code: "DPM_ARTIFACTS_DISABLED",
    routes: [`GET ${RUNS}/{rebalance_run_id}/artifact`, `GET ${RUNS}/{rebalance_run_id}/report`],
  },
  DPM_ASYNC_OPERATIONS_ENABLED: {
    code: "DPM_ASYNC_OPERATIONS_DISABLED",
    routes: [
      "POST /rebalance/analyze/async",
      `GET ${OPERATIONS}`,
      `GET ${OPERATIONS}/{operation_id}`,
      `GET ${OPERATIONS}/by-correlation/{correlation_id}`,
      `POST ${OPERATIONS}/{operation_id}/retry`,
      `POST ${OPERATIONS}/{operation_id}/cancel`,
      `POST ${OPERATIONS}/{operation_id}/execute`,
    ],
    capabilities: ["dpm.analysis.async", "rebalance_async_analysis"],
  },
  DPM_ASYNC_MANUAL_EXECUTION_ENABLED: {
    code: "DPM_ASYNC_MANUAL_EXECUTION_DISABLED",
    routes: [`POST ${OPERATIONS}/{operation_id}/execute`],
  },
  DPM_LINEAGE_APIS_ENABLED: {
    code: "DPM_LINEAGE_APIS_DISABLED",
    routes: ["GET /rebalance/lineage/{entity_id}"],
  },
  DPM_IDEMPOTENCY_HISTORY_APIS_ENABLED: {
    code: "DPM_IDEMPOTENCY_HISTORY_APIS_DISABLED",
    routes: ["GET /rebalance/idempotency/{idempotency_key}/history"],
  },
  DPM_SUPPORTABILITY_SUMMARY_APIS_ENABLED: {
    code: "DPM_SUPPORTABILITY_SUMMARY_APIS_DISABLED",
    routes: ["GET /rebalance/supportability/summary"],
  },
  DPM_SUPPORT_BUNDLE_APIS_ENABLED: { code: "DPM_SUPPORT_BUNDLE_APIS_DISABLED", routes: BUNDLES },
  DPM_WORKFLOW_ENABLED: {
    code: "DPM_WORKFLOW_DISABLED",
    routes: [
      ...BY.flatMap((by) => [
        `GET ${RUNS}/${by}/workflow`,
        `GET ${RUNS}/${by}/workflow/history`,
        `POST ${RUNS}/${by}/workflow/actions`,
      ]),
      "GET /rebalance/workflow/decisions",
      "GET /rebalance/workflow/decisions/by-correlation/{correlation_id}",
    ],
    capabilities: ["dpm.workflow.approval_gates", "proposal_approval_flow"],
  },
  DPM_POLICY_PACK_ADMIN_APIS_ENABLED: {
    code: "DPM_POLICY_PACK_ADMIN_APIS_DISABLED",
    routes: [`GET ${PACK}`, `PUT ${PACK}`, `DELETE ${PACK}`],
  },
  PROPOSAL_WORKFLOW_LIFECYCLE_ENABLED: {
    code: "PROPOSAL_WORKFLOW_LIFECYCLE_DISABLED",
    routes: [
      `POST ${PROPOSALS}`,
      `GET ${PROPOSALS}`,
      `GET ${PROPOSALS}/{proposal_id}`,
      `GET ${PROPOSALS}/{proposal_id}/versions/{version_no}`,
      `GET ${PROPOSALS}/{proposal_id}/report`,
      ...["versions", "transitions", "approvals"].map((part) => `POST ${PROPOSALS}/{proposal_id}/${part}`),
      ...PROPOSAL_SUPPORT,
      ...PROPOSAL_ASYNC,
    ],
    capabilities: ["dpm.proposals.lifecycle", "proposal_lifecycle", "proposal_approval_flow"],
  },
  PROPOSAL_SUPPORT_APIS_ENABLED: {
    code: "PROPOSAL_SUPPORT_APIS_DISABLED",
    routes: PROPOSAL_SUPPORT,
  },
  PROPOSAL_ASYNC_OPERATIONS_ENABLED: {
    code: "PROPOSAL_ASYNC_OPERATIONS_DISABLED",
    routes: PROPOSAL_ASYNC,
  },
};

describe("a group that is switched off answers 404 with its name, and its neighbours go on", () => {
  test.each(Object.entries(GROUPS))("%s", async (name, { code, routes, capabilities = [] }) => {
    await withDeployment({ [name]: "false" }, async (app) => {
      const answers = await answersOf(app);
      const off = [...answers].flatMap(([route, { detail }]) => (detail === code ? [route] : []));
      expect(off.toSorted()).toEqual(routes.toSorted());
      const others = [...answers].filter(([route]) => !routes.includes(route));
      expect(others.length).toBeGreaterThan(30);
      for (const [route, { status, detail = "" }] of others) {
        expect(detail, route).not.toMatch(/_DISABLED$/);
        expect(status, route).toBeLessThan(500);
      }
      for (const route of routes) expect(answers.get(route)).toEqual({ status: 404, detail: code });
      expect(await capabilitiesOff(app)).toEqual(capabilities);
    });
  });

  test("with every switch as it is by default, nothing is off", async () => {
    await withDeployment({}, async (app) => {
      for (const [route, { status, detail = "" }] of await answersOf(app)) {
        expect(detail, route).not.toMatch(/_DISABLED$/);
        expect(status, route).toBeLessThan(500);
      }
      expect(await capabilitiesOff(app)).toEqual([]);
    });
  });

  test("with everything off, simulation goes on", async () => {
    const everything = Object.fromEntries(Object.keys(GROUPS).map((name) => [name, "false"]));
    await withDeployment(everything, async (app) => {
      const rebalance = await app.post("/rebalance/simulate", { key: newKey(), body: rebalanceBody() });
      expect(read(RebalanceResult, rebalance).status).toBe("READY");
      const proposal = await app.post(`${PROPOSALS}/simulate`, { key: newKey(), body: PROPOSAL_EXAMPLE });
      expect(read(ProposalResult, proposal).status).toBe("READY");
      const { features } = read(Capabilities, await app.get("/integration/capabilities"));
      expect(features.flatMap(({ key, enabled }) => (enabled ? [key] : []))).toEqual([
        "dpm.execution.stateless_inline_bundle",
      ]);
    });
  });
});

describe("UNKNOWN_FIELDS", () => {
  const body = rebalanceBody();
  const surplus = {
    ...body,
    comment: "not of the contract",
    portfolio_snapshot: { ...body.portfolio_snapshot, positons: [] },
  };

  test("ignore takes a request with and without them for one request", async () => {
    await withDeployment({ UNKNOWN_FIELDS: "ignore" }, async (app) => {
      const [key, other] = [newKey("more"), newKey("less")];
      const first = await app.post("/rebalance/simulate", { key, body: surplus });
      expect(first.status).toBe(200);
      const again = await app.post("/rebalance/simulate", { key, body });
      expect([again.text, again.headers["idempotent-replayed"]]).toEqual([first.text, "true"]);
      const plain = await app.post("/rebalance/simulate", { key: other, body });
      const repeated = await app.post("/rebalance/simulate", { key: other, body: surplus });
      expect([repeated.text, repeated.headers["idempotent-replayed"]]).toEqual([plain.text, "true"]);
      const hashes = [first, plain].map((answer) => read(RebalanceResult, answer).lineage.request_hash);
      expect(hashes[0]).toBe(hashes[1]);
    });
  });

  test("ignore reaches the options of a scenario", async () => {
    await withDeployment({ UNKNOWN_FIELDS: "ignore" }, async (app) => {
      const { options: _, ...inputs } = body;
      const batch = (options: object) => ({ ...inputs, scenarios: { base: { options } } });
      const key = newKey("batch");
      const first = await app.post("/rebalance/analyze", { key, body: batch({ max_turnover: "0.1" }) });
      expect(first.json).toMatchObject({ failed_scenarios: {}, results: { base: { status: "READY" } } });
      const again = await app.post("/rebalance/analyze", { key, body: batch({}) });
      expect([again.text, again.headers["idempotent-replayed"]]).toEqual([first.text, "true"]);
    });
  });

  test("refuse, the default, names each with its place and the nearest that is known", async () => {
    await withDeployment({}, async (app) => {
      const answer = await app.post("/rebalance/simulate", { key: newKey(), body: surplus });
      expect(refusalOf(answer)).toBe("422 VALIDATION_FAILED");
      const { errors = [] } = read(Problem, answer);
      expect(errors.map(({ loc }) => loc)).toEqual(
        expect.arrayContaining([
          ["body", "comment"],
          ["body", "portfolio_snapshot", "positons"],
        ]),
      );
      expect(errors.find(({ loc }) => loc.at(-1) === "positons")?.msg).toContain("positions");
    });
  });
});

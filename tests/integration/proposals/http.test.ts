import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ProposalApprovalsResponse,
  ProposalDetailResponse,
  ProposalIdempotencyLookupResponse,
  ProposalLineageResponse,
  ProposalListResponse,
  ProposalSupportabilityConfigResponse,
  ProposalVerificationResponse,
  ProposalWorkflowTimelineResponse,
} from "../../../src/features/proposals/read-schemas.ts";
import {
  ProposalCreateResponse,
  ProposalStateTransitionResponse,
  ProposalVersionDetail,
} from "../../../src/features/proposals/schemas.ts";
import { ProposalArtifact } from "../../../src/contract/artifact.ts";
import { Problem } from "../../../src/contract/problem.ts";
import { ProposalResult } from "../../../src/contract/proposal.ts";
import { openTestApp, refusalOf, type Received, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { simulateBody } from "../../support/proposals.ts";
import { withSession } from "../../support/session.ts";

let db: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  app = await openTestApp(db.url);
});

afterAll(async () => {
  await app.close();
  await db.drop();
});

let keys = 0;
function newKey(): string {
  keys += 1;
  return `http-key-${String(keys)}`;
}

function create(change: Record<string, unknown> = {}, key = newKey(), to = app): Promise<Received> {
  const body = { created_by: "maker", simulate_request: simulateBody(), ...change };
  return to.post("/rebalance/proposals", { key, body });
}

function created({ json }: Received): ProposalCreateResponse {
  return ProposalCreateResponse.parse(json);
}

async function newId(change: Record<string, unknown> = {}): Promise<string> {
  return created(await create(change)).proposal.proposal_id;
}

async function walk(id: string): Promise<void> {
  const steps = [
    [
      "transitions",
      { event_type: "SUBMITTED_FOR_COMPLIANCE_REVIEW", actor_id: "maker", expected_state: "DRAFT" },
    ],
    [
      "approvals",
      { approval_type: "COMPLIANCE", approved: true, actor_id: "c", expected_state: "COMPLIANCE_REVIEW" },
    ],
    ["versions", { created_by: "maker", simulate_request: simulateBody({ quantity: "12" }) }],
  ] as const;
  for (const [to, body] of steps) {
    const { status } = await app.post(`/rebalance/proposals/${id}/${to}`, { key: newKey(), body });
    expect(status).toBe(200);
  }
}

describe("simulate and artifact", () => {
  test("answer one key from one simulation, whichever comes first", async () => {
    const body = simulateBody();
    for (const order of [
      ["simulate", "artifact"],
      ["artifact", "simulate"],
    ]) {
      const key = newKey();
      const answers = new Map<string, Received>();
      for (const [at, path] of order.entries()) {
        const answer = await app.post(`/rebalance/proposals/${path}`, { key, body });
        expect(answer.headers["idempotent-replayed"]).toBe(at === 0 ? undefined : "true");
        answers.set(path, answer);
      }
      const result = ProposalResult.parse(answers.get("simulate")?.json);
      const artifact = ProposalArtifact.parse(answers.get("artifact")?.json);
      expect(artifact.evidence_bundle.engine_outputs.proposal_result).toEqual(result);
      for (const path of order) {
        const again = await app.post(`/rebalance/proposals/${path}`, { key, body });
        expect(again.text).toBe(answers.get(path)?.text);
        expect(again.headers["idempotent-replayed"]).toBe("true");
      }
      const other = simulateBody({ quantity: "11" });
      for (const path of order) {
        const conflict = await app.post(`/rebalance/proposals/${path}`, { key, body: other });
        expect(refusalOf(conflict)).toBe("409 IDEMPOTENCY_KEY_CONFLICT: request hash mismatch");
      }
    }
  });

  test("give equal requests equal artifact hashes, under any key and in a proposal too", async () => {
    const spelled = JSON.parse(JSON.stringify(simulateBody()).replace('"1000"', '"1000.00"')) as unknown;
    const hashes = new Set<string>();
    for (const body of [simulateBody(), spelled]) {
      const answer = await app.post("/rebalance/proposals/artifact", { key: newKey(), body });
      hashes.add(ProposalArtifact.parse(answer.json).evidence_bundle.hashes.artifact_hash);
    }
    hashes.add(created(await create()).version.artifact_hash);
    expect(hashes.size).toBe(1);
  });

  test("demand the flag and the key", async () => {
    for (const path of ["simulate", "artifact"]) {
      const body = simulateBody({ flag: false });
      const url = `/rebalance/proposals/${path}`;
      expect(refusalOf(await app.post(url, { key: newKey(), body }))).toBe(
        "422 PROPOSAL_SIMULATION_DISABLED: set options.enable_proposal_simulation=true",
      );
      expect(refusalOf(await app.post(url, { body: simulateBody() }))).toBe("422 IDEMPOTENCY_KEY_REQUIRED");
    }
  });

  test("demand the key of whoever creates, also where the deployment serves older callers", async () => {
    const older = await openTestApp(db.url, { REQUIRE_IDEMPOTENCY_KEY: "create" });
    const creation = { created_by: "keyless", simulate_request: simulateBody() };
    for (const [path, body] of [
      ["/simulate", simulateBody()],
      ["/artifact", simulateBody()],
      ["", creation],
      ["/async", creation],
    ] as const) {
      const answer = await older.post(`/rebalance/proposals${path}`, { body });
      expect(refusalOf(answer)).toBe("422 IDEMPOTENCY_KEY_REQUIRED");
    }
    await older.close();
  });
});

describe("without a key, where the deployment serves older callers", () => {
  let older: TestApp;
  beforeAll(async () => {
    older = await openTestApp(db.url, { REQUIRE_IDEMPOTENCY_KEY: "create" });
  });
  afterAll(() => older.close());

  test("versions, transitions and approvals are done with every call that the state allows", async () => {
    const id = created(await create()).proposal.proposal_id;
    const post = (what: string, body: unknown) => older.post(`/rebalance/proposals/${id}/${what}`, { body });
    const version = { created_by: "maker", simulate_request: simulateBody() };
    const submission = {
      event_type: "SUBMITTED_FOR_RISK_REVIEW",
      actor_id: "maker",
      expected_state: "DRAFT",
    };
    const approval = {
      approval_type: "RISK",
      approved: true,
      actor_id: "officer",
      expected_state: "RISK_REVIEW",
    };
    const versions = [await post("versions", version), await post("versions", version)];
    expect(versions.map((answer) => created(answer).version.version_no)).toEqual([2, 3]);
    for (const [what, body] of [
      ["transitions", submission],
      ["approvals", approval],
    ] as const) {
      expect((await post(what, body)).status).toBe(200);
      expect(refusalOf(await post(what, body))).toBe("409 STATE_CONFLICT: expected_state mismatch");
    }
    expect((await older.get(`/rebalance/proposals/${id}/verify`)).json).toMatchObject({
      valid: true,
      checked: { versions: 3, events: 5, approvals: 1 },
    });
  });

  test("a key is honoured all the same when it is sent", async () => {
    const id = created(await create()).proposal.proposal_id;
    const body = { event_type: "CANCELLED", actor_id: "maker", expected_state: "DRAFT" };
    const key = newKey();
    const [first, second] = [
      await older.post(`/rebalance/proposals/${id}/transitions`, { key, body }),
      await older.post(`/rebalance/proposals/${id}/transitions`, { key, body }),
    ];
    expect([first.status, second.text]).toEqual([200, first.text]);
    expect(second.headers["idempotent-replayed"]).toBe("true");
  });
});

describe("every answer", () => {
  test("has the shape of the contract", async () => {
    const key = newKey();
    const id = created(await create({ metadata: { title: "t", mandate_id: "m", advisor_notes: "n" } }, key))
      .proposal.proposal_id;
    await walk(id);
    const shapes = [
      [id, ProposalDetailResponse],
      [`${id}/versions/2`, ProposalVersionDetail],
      [`${id}/workflow-events`, ProposalWorkflowTimelineResponse],
      [`${id}/approvals`, ProposalApprovalsResponse],
      [`${id}/lineage`, ProposalLineageResponse],
      [`${id}/verify`, ProposalVerificationResponse],
      [`idempotency/${key}`, ProposalIdempotencyLookupResponse],
      ["supportability/config", ProposalSupportabilityConfigResponse],
    ] as const;
    for (const [path, shape] of shapes) {
      const answer = await app.get(`/rebalance/proposals/${path}`);
      expect(answer.status, path).toBe(200);
      expect(shape.safeParse(answer.json).error, path).toBeUndefined();
    }
    const transition = await app.post(`/rebalance/proposals/${id}/transitions`, {
      key: newKey(),
      body: {
        event_type: "CANCELLED",
        actor_id: "x",
        expected_state: "DRAFT",
        reason: { a: [1.5] },
      },
    });
    const parsed = ProposalStateTransitionResponse.parse(transition.json);
    expect(parsed).toMatchObject({ current_state: "CANCELLED", approval: null });
    expect(parsed.latest_workflow_event.reason).toEqual({ a: [1.5] });
  });

  test("that is not there is 404 with its own code", async () => {
    const id = await newId();
    const nowhere = `pp_${"0".repeat(32)}`;
    for (const path of ["", "/versions/1", "/workflow-events", "/approvals", "/lineage", "/verify"]) {
      const missing = path === "/versions/1" ? "PROPOSAL_VERSION_NOT_FOUND" : "PROPOSAL_NOT_FOUND";
      expect(refusalOf(await app.get(`/rebalance/proposals/${nowhere}${path}`))).toBe(`404 ${missing}`);
      const foreign = await app.get(`/rebalance/proposals/${id}${path}`, { "x-tenant-id": "another" });
      expect(refusalOf(foreign)).toBe(`404 ${missing}`);
    }
    for (const version of ["2", "2147483647"]) {
      expect(refusalOf(await app.get(`/rebalance/proposals/${id}/versions/${version}`))).toBe(
        "404 PROPOSAL_VERSION_NOT_FOUND",
      );
    }
    for (const version of ["0", "-1", "x", "01", "2147483648", "99999999999999"]) {
      expect(refusalOf(await app.get(`/rebalance/proposals/${id}/versions/${version}`))).toBe(
        "422 VALIDATION_FAILED",
      );
    }
    expect(refusalOf(await app.get("/rebalance/proposals/idempotency/never-used"))).toBe(
      "404 PROPOSAL_IDEMPOTENCY_KEY_NOT_FOUND",
    );
    expect(refusalOf(await app.get(`/rebalance/proposals/${id}?as_of=2020-01-01T00:00:00Z`))).toBe(
      "404 PROPOSAL_NOT_FOUND",
    );
  });

  test.each(["no", "off", "0", "False"])("leaves the evidence out for %s, as for false", async (word) => {
    const id = await newId();
    const answers = [`?include_evidence=${word}`, "?include_evidence=false"].map((query) =>
      app.get(`/rebalance/proposals/${id}${query}`),
    );
    const [asWord, asFalse] = await Promise.all(answers);
    expect([asWord?.status, asWord?.text]).toEqual([200, asFalse?.text]);
    expect((await app.get(`/rebalance/proposals/${id}?include_evidence=maybe`)).status).toBe(422);
  });

  test("tells in its first event, and in that of each version, which request asked for it", async () => {
    const headers = { "x-correlation-id": "corr-of-the-draft" };
    const body = { created_by: "maker", simulate_request: simulateBody() };
    const created = await app.post("/rebalance/proposals", { key: "key-of-the-draft", headers, body });
    const { latest_workflow_event, proposal } = ProposalCreateResponse.parse(created.json);
    const reason = {
      correlation_id: "corr-of-the-draft",
      idempotency_key: "key-of-the-draft",
      idempotency_request_hash: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
    };
    expect(latest_workflow_event.reason).toEqual(reason);
    const versions = `/rebalance/proposals/${proposal.proposal_id}/versions`;
    const next = await app.post(versions, { key: "key-of-the-version", headers, body });
    expect(ProposalCreateResponse.parse(next.json).latest_workflow_event.reason).toEqual({
      ...reason,
      idempotency_key: "key-of-the-version",
    });
    const verdict = await app.get(`/rebalance/proposals/${proposal.proposal_id}/verify`);
    expect(verdict.json).toMatchObject({ valid: true });
  });

  test("leaves the evidence out where it is not wanted", async () => {
    const id = await newId();
    const versionAt = async (query: string): Promise<ProposalVersionDetail[]> => {
      const whole = await app.get(`/rebalance/proposals/${id}${query}`);
      const version = await app.get(`/rebalance/proposals/${id}/versions/1${query}`);
      return [
        ProposalDetailResponse.parse(whole.json).current_version,
        ProposalVersionDetail.parse(version.json),
      ];
    };
    const [whole] = await versionAt("");
    expect(Object.keys(whole?.evidence_bundle ?? {}).length).toBeGreaterThan(0);
    expect(await versionAt("")).toEqual([whole, whole]);
    const lean = { ...whole, evidence_bundle: {} };
    expect(await versionAt("?include_evidence=false")).toEqual([lean, lean]);
  });
});

describe("a refusal that was kept", () => {
  test("comes back with its status and its bytes, marked as replayed", async () => {
    const id = await newId();
    const url = `/rebalance/proposals/${id}/transitions`;
    const sent = { key: newKey(), body: { event_type: "EXECUTED", actor_id: "a", expected_state: "DRAFT" } };
    const first = await app.post(url, sent);
    const again = await app.post(url, { ...sent, headers: { "x-correlation-id": "another" } });
    expect(refusalOf(first)).toBe("422 INVALID_TRANSITION");
    expect(refusalOf(again)).toBe("422 INVALID_TRANSITION");
    expect(again.text).toBe(first.text);
    expect(first.headers["idempotent-replayed"]).toBeUndefined();
    expect(again.headers["idempotent-replayed"]).toBe("true");
  });

  test("expires a month later; an answer does not", async () => {
    const id = await newId();
    const keys = [newKey(), newKey()] as const;
    const url = `/rebalance/proposals/${id}/transitions`;
    await app.post(url, {
      key: keys[0],
      body: { event_type: "EXECUTED", actor_id: "a", expected_state: "DRAFT" },
    });
    await app.post(url, {
      key: keys[1],
      body: { event_type: "CANCELLED", actor_id: "a", expected_state: "DRAFT" },
    });
    const { rows } = await withSession(db.adminUrl, (session) =>
      session.query(
        `select extract(day from expires_at - created_at)::int as days from idempotency_record
          where idempotency_key = any($1) order by idempotency_key`,
        [keys],
      ),
    );
    expect(rows).toEqual([{ days: 31 }, { days: null }]);
  });
});

describe("the lookup of a key", () => {
  test("prefers what the key created, and finds the newest version added under it", async () => {
    const key = newKey();
    const id = await newId();
    const body = { created_by: "maker", simulate_request: simulateBody() };
    await app.post(`/rebalance/proposals/${id}/versions`, { key, body });
    const byVersion = await app.get(`/rebalance/proposals/idempotency/${key}`);
    expect(byVersion.json).toMatchObject({ idempotency_key: key, proposal_id: id, proposal_version_no: 2 });
    const { proposal } = created(await create({}, key));
    const byCreate = await app.get(`/rebalance/proposals/idempotency/${key}`);
    expect(byCreate.json).toMatchObject({
      proposal_id: proposal.proposal_id,
      proposal_version_no: 1,
    });
  });

  test("that points to nothing is 503, for the lookup and for the retry", async () => {
    const key = newKey();
    const id = created(await create({}, key)).proposal.proposal_id;
    await withSession(db.adminUrl, async (session) => {
      await session.query("set session_replication_role = replica");
      await session.query("delete from proposal_version where proposal_id = $1", [id]);
    });
    const expected = "503 PROPOSAL_IDEMPOTENCY_STORE_INCONSISTENT";
    expect(refusalOf(await app.get(`/rebalance/proposals/idempotency/${key}`))).toBe(expected);
    const retry = await create({}, key);
    expect(refusalOf(retry)).toBe(expected);
    expect(retry.headers["retry-after"]).toBe("1");
  });
});

describe("the list", () => {
  const TENANT = { "x-tenant-id": "lister" };
  const all: string[] = [];

  beforeAll(async () => {
    for (let at = 0; at < 25; at += 1) {
      const answer = await app.post("/rebalance/proposals", {
        key: newKey(),
        headers: TENANT,
        body: {
          created_by: at % 5 === 0 ? "rare" : "maker",
          simulate_request: simulateBody({ portfolioId: at % 2 === 0 ? "even" : "odd" }),
        },
      });
      all.unshift(created(answer).proposal.proposal_id);
    }
    for (const id of all.slice(0, 3)) {
      await app.post(`/rebalance/proposals/${id}/transitions`, {
        key: newKey(),
        headers: TENANT,
        body: { event_type: "CANCELLED", actor_id: "a", expected_state: "DRAFT" },
      });
    }
  });

  async function pageOf(query: string): Promise<ProposalListResponse> {
    return ProposalListResponse.parse((await app.get(`/rebalance/proposals?${query}`, TENANT)).json);
  }

  async function pages(query: string): Promise<string[]> {
    const ids: string[] = [];
    let cursor: string | null = null;
    do {
      const at: string = cursor === null ? "" : `&cursor=${cursor}`;
      const page = await pageOf(`${query}${at}`);
      ids.push(...page.items.map(({ proposal_id }) => proposal_id));
      cursor = page.next_cursor;
    } while (cursor !== null);
    return ids;
  }

  test("gives every proposal once, newest first, whatever the size of a page", async () => {
    expect(await pages("limit=100")).toEqual(all);
    expect(await pages("limit=1")).toEqual(all);
    expect(await pages("limit=7")).toEqual(all);
    expect((await pageOf("")).items.length).toBe(20);
  });

  test("is stable while proposals are added", async () => {
    const first = await pageOf("limit=5");
    const extra = await app.post("/rebalance/proposals", {
      key: newKey(),
      headers: TENANT,
      body: { created_by: "late", simulate_request: simulateBody() },
    });
    const next = await pageOf(`limit=5&cursor=${String(first.next_cursor)}`);
    expect(next.items.map(({ proposal_id }) => proposal_id)).toEqual(all.slice(5, 10));
    all.unshift(created(extra).proposal.proposal_id);
  });

  test("filters by portfolio, state, maker and time, together too", async () => {
    const { items } = await pageOf("limit=100");
    const odd = items.filter(({ portfolio_id }) => portfolio_id === "odd").map((item) => item.proposal_id);
    expect(await pages("portfolio_id=odd&limit=3")).toEqual(odd);
    expect(await pages("state=CANCELLED&limit=2")).toEqual(all.slice(1, 4));
    expect((await pages("created_by=rare&limit=2")).length).toBe(5);
    expect(await pages("created_by=rare&portfolio_id=odd&state=EXECUTED")).toEqual([]);
    const middle = items[10]?.created_at ?? "";
    expect(await pages(`created_from=${middle}&limit=4`)).toEqual(
      items.filter(({ created_at }) => created_at >= middle).map((item) => item.proposal_id),
    );
    expect(await pages(`created_to=${middle}&limit=4`)).toEqual(
      items.filter(({ created_at }) => created_at <= middle).map((item) => item.proposal_id),
    );
  });

  test("refuses a cursor that it did not make, a state that is none and a page that is too large", async () => {
    expect(refusalOf(await app.get("/rebalance/proposals?cursor=bm9uZQ"))).toBe("422 CURSOR_INVALID");
    const runs = Buffer.from(JSON.stringify([1, "runs", { createdAt: "2026-01-01T00:00:00Z", id: "rr_1" }]));
    expect(refusalOf(await app.get(`/rebalance/proposals?cursor=${runs.toString("base64url")}`))).toBe(
      "422 CURSOR_INVALID",
    );
    for (const query of ["state=draft", "limit=101", "limit=0", "created_from=yesterday", "colour=red"]) {
      expect(refusalOf(await app.get(`/rebalance/proposals?${query}`))).toBe("422 VALIDATION_FAILED");
    }
  });
});

describe("a body that cannot be taken", () => {
  test.each([
    ["no actor", "transitions", { event_type: "CANCELLED" }, ["body", "actor_id"]],
    ["an unknown event", "transitions", { event_type: "APPROVED", actor_id: "a" }, ["body", "event_type"]],
    [
      "an unknown field",
      "transitions",
      { event_type: "CANCELLED", actor_id: "a", expected: 1 },
      ["body", "expected"],
    ],
    [
      "a state that is none",
      "approvals",
      { approval_type: "RISK", approved: true, actor_id: "a", expected_state: "Draft" },
      ["body", "expected_state"],
    ],
    [
      "approved as a text",
      "approvals",
      { approval_type: "RISK", approved: "yes", actor_id: "a" },
      ["body", "approved"],
    ],
    [
      "a version that is no number",
      "approvals",
      { approval_type: "RISK", approved: true, actor_id: "a", related_version_no: "1" },
      ["body", "related_version_no"],
    ],
    ["no maker", "versions", { simulate_request: simulateBody() }, ["body", "created_by"]],
    [
      "a fault deep inside",
      "versions",
      { created_by: "m", simulate_request: { ...simulateBody(), shelf_entries: [{}] } },
      ["body", "simulate_request", "shelf_entries", 0, "instrument_id"],
    ],
  ])("%s", async (_title, path, body, loc) => {
    const id = await newId();
    const key = newKey();
    const refused = await app.post(`/rebalance/proposals/${id}/${path}`, { key, body });
    expect(refusalOf(refused)).toBe("422 VALIDATION_FAILED");
    expect(Problem.parse(refused.json).errors?.map((entry) => entry.loc)).toContainEqual(loc);
    const timeline = await app.get(`/rebalance/proposals/${id}/workflow-events`);
    expect(timeline.json).toMatchObject({ current_state: "DRAFT", events: [{ event_type: "CREATED" }] });
  });

  test("is not kept: its key is free for the right one", async () => {
    const id = await newId();
    const key = newKey();
    const url = `/rebalance/proposals/${id}/transitions`;
    await app.post(url, { key, body: { event_type: "CANCELLED", expected_state: "DRAFT" } });
    const right = { event_type: "CANCELLED", actor_id: "a", expected_state: "DRAFT" };
    expect((await app.post(url, { key, body: right })).status).toBe(200);
  });
});

describe("what is switched off", () => {
  test("the lifecycle answers 404 with its name, simulation and configuration go on", async () => {
    const without = await openTestApp(db.url, { PROPOSAL_WORKFLOW_LIFECYCLE_ENABLED: "false" });
    const id = await newId();
    const gone = "404 PROPOSAL_WORKFLOW_LIFECYCLE_DISABLED";
    expect(refusalOf(await create({}, newKey(), without))).toBe(gone);
    for (const path of ["", `/${id}`, `/${id}/versions/1`, `/${id}/lineage`, `/${id}/verify`]) {
      expect(refusalOf(await without.get(`/rebalance/proposals${path}`))).toBe(gone);
    }
    const simulated = await without.post("/rebalance/proposals/simulate", {
      key: newKey(),
      body: simulateBody(),
    });
    expect(simulated.status).toBe(200);
    expect((await without.get("/rebalance/proposals/supportability/config")).json).toMatchObject({
      lifecycle_enabled: false,
      backend_ready: true,
      backend_init_error: null,
      store_backend: "POSTGRES",
    });
    await without.close();
  });

  test("the support group answers 404 with its name, the lifecycle goes on", async () => {
    const without = await openTestApp(db.url, { PROPOSAL_SUPPORT_APIS_ENABLED: "false" });
    const id = await newId();
    for (const path of ["workflow-events", "approvals", "lineage", "verify"]) {
      expect(refusalOf(await without.get(`/rebalance/proposals/${id}/${path}`))).toBe(
        "404 PROPOSAL_SUPPORT_APIS_DISABLED",
      );
    }
    expect(refusalOf(await without.get("/rebalance/proposals/idempotency/k"))).toBe(
      "404 PROPOSAL_SUPPORT_APIS_DISABLED",
    );
    expect((await without.get(`/rebalance/proposals/${id}`)).status).toBe(200);
    await without.close();
  });

  test("the configuration tells of every switch", async () => {
    const other = await openTestApp(db.url, {
      PROPOSAL_STORE_EVIDENCE_BUNDLE: "false",
      PROPOSAL_REQUIRE_EXPECTED_STATE: "false",
      PROPOSAL_REQUIRE_SIMULATION_FLAG: "false",
      PROPOSAL_ALLOW_PORTFOLIO_CHANGE_ON_NEW_VERSION: "true",
      PROPOSAL_ASYNC_OPERATIONS_ENABLED: "false",
      PROPOSAL_REQUIRE_SEGREGATION_OF_DUTIES: "false",
    });
    expect((await other.get("/rebalance/proposals/supportability/config")).json).toEqual({
      store_backend: "POSTGRES",
      backend_ready: true,
      backend_init_error: null,
      lifecycle_enabled: true,
      support_apis_enabled: true,
      async_operations_enabled: false,
      store_evidence_bundle: false,
      require_expected_state: false,
      allow_portfolio_id_change_on_new_version: true,
      require_proposal_simulation_flag: false,
    });
    const unflagged = { simulate_request: simulateBody({ flag: false }) };
    const { proposal, version } = created(await create(unflagged, newKey(), other));
    expect(version.evidence_bundle).toEqual({});
    const url = `/rebalance/proposals/${proposal.proposal_id}`;
    const submit = { event_type: "SUBMITTED_FOR_RISK_REVIEW", actor_id: "maker" };
    expect((await other.post(`${url}/transitions`, { key: newKey(), body: submit })).status).toBe(200);
    const own = { approval_type: "RISK", approved: true, actor_id: "maker" };
    expect((await other.post(`${url}/approvals`, { key: newKey(), body: own })).status).toBe(200);
    await other.close();
  });
});

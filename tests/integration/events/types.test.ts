import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { canonicalJson } from "../../../src/platform/json/canonical-json.ts";
import { attempt } from "../../../src/features/operations/attempt-operation.ts";
import { claimDue } from "../../../src/features/operations/repository/leases.ts";
import { EVENT_TYPES, type CloudEvent } from "../../../src/features/events/schemas.ts";
import { CREATE_EXAMPLE, VERSION_EXAMPLE } from "../../../src/features/proposals/examples.ts";
import { ProposalCreateResponse } from "../../../src/features/proposals/schemas.ts";
import { ANALYZE_EXAMPLE } from "../../../src/features/rebalance/examples.ts";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import { openTestApp, read, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { feedOf, storedEvents, tenantHeaders, typeAndSubject } from "../../support/events.ts";
import { acceptOperation, attemptDeps, leaveTrace, succeeded, TENANT } from "../../support/operations.ts";
import { act, makeRun, newKey, NEEDS_REVIEW, rebalanceBody } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";
import { bearer, newKey as newSigningKey, startIssuer, tokenEnv } from "../../support/tokens.ts";

const headers = tenantHeaders();
const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

let db: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  db = await testDatabase();
});
beforeEach(async () => {
  app = await openTestApp(db.url, { DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" });
});
afterEach(async () => {
  await app.close();
  await withSession(db.adminUrl, (session) =>
    session.query("set session_replication_role = replica; delete from outbox_event"),
  );
});
afterAll(() => db.drop());

/** What the last of `count` events says. */
async function lastOf(count: number): Promise<CloudEvent> {
  const { events } = await feedOf(app, count);
  expect(events).toHaveLength(count);
  const last = events.at(-1);
  if (last === undefined) throw new Error("no event");
  return last;
}

const post = (path: string, body: unknown, key = newKey()) => app.post(path, { key, headers, body });

async function newProposal() {
  return read(ProposalCreateResponse, await post("/rebalance/proposals", CREATE_EXAMPLE)).proposal;
}

describe("a run", () => {
  test("is told of by its ids, states and hashes, with the trace of its request", async () => {
    const run = await makeRun(app, { headers: { ...headers, traceparent: TRACEPARENT } });
    const event = await lastOf(1);
    expect(event).toMatchObject({
      specversion: "1.0",
      id: expect.stringMatching(/^evt_[0-9a-f]{32}$/) as string,
      source: `/ballast/${TENANT}`,
      type: "ballast.run.created",
      subject: run.id,
      datacontenttype: "application/json",
      data: {
        rebalance_run_id: run.id,
        correlation_id: run.correlationId,
        status: "PENDING_REVIEW",
        portfolio_id: "pf_review",
        authenticated_subject: null,
      },
    });
    expect(event.traceparent?.slice(0, 35)).toBe(TRACEPARENT.slice(0, 35));
    expect(Math.abs(Date.parse(event.time) - Date.now())).toBeLessThan(60_000);
  });

  test("of each scenario of an analysis is told of", async () => {
    await post("/rebalance/analyze", ANALYZE_EXAMPLE);
    const { events } = await feedOf(app, Object.keys(ANALYZE_EXAMPLE.scenarios).length);
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(["ballast.run.created"]));
    expect(events).toHaveLength(Object.keys(ANALYZE_EXAMPLE.scenarios).length);
  });

  test("that was reviewed is told of by the decision, not by its comment", async () => {
    const run = await makeRun(app, { headers });
    await act(app, run.id, "APPROVE", { headers, body: { comment: "Frau Keller agreed on the phone" } });
    const event = await lastOf(2);
    expect(event).toMatchObject({
      type: "ballast.run.reviewed",
      subject: run.id,
      data: {
        action: "APPROVE",
        from_status: "PENDING_REVIEW",
        to_status: "APPROVED",
        actor_id: "officer_1",
        decision_no: 1,
      },
    });
    expect(JSON.stringify(event)).not.toContain("Keller");
  });
});

describe("a proposal", () => {
  test("is told of at each step, each once, in its order", async () => {
    const { proposal_id: id } = await newProposal();
    await post(`/rebalance/proposals/${id}/versions`, VERSION_EXAMPLE);
    const step = (event_type: string, expected_state: string) =>
      post(`/rebalance/proposals/${id}/transitions`, { event_type, expected_state, actor_id: "advisor" });
    const approval = (approval_type: string, expected_state: string, actor_id: string, approved = true) =>
      post(`/rebalance/proposals/${id}/approvals`, { approval_type, approved, actor_id, expected_state });
    await step("SUBMITTED_FOR_RISK_REVIEW", "DRAFT");
    await approval("RISK", "RISK_REVIEW", "officer");
    await approval("CLIENT_CONSENT", "AWAITING_CLIENT_CONSENT", "client");
    await step("EXECUTED", "EXECUTION_READY");
    const { events } = await feedOf(app, 6);
    expect(events.map(typeAndSubject)).toEqual(
      ["created", "version_created", "transitioned", "approved", "approved", "transitioned"].map(
        (name) => `ballast.proposal.${name} ${id}`,
      ),
    );
    const steps = events.map(({ data }) =>
      "version_no" in data ? [data.event_no, data.version_no, data.event_type, data.to_state] : [],
    );
    expect(steps).toEqual([
      [1, 1, "CREATED", "DRAFT"],
      [2, 2, "NEW_VERSION_CREATED", "DRAFT"],
      [3, 2, "SUBMITTED_FOR_RISK_REVIEW", "RISK_REVIEW"],
      [4, 2, "RISK_APPROVED", "AWAITING_CLIENT_CONSENT"],
      [5, 2, "CLIENT_CONSENT_RECORDED", "EXECUTION_READY"],
      [6, 2, "EXECUTED", "EXECUTED"],
    ]);
  });

  test("whose approval was refused has moved, and was not approved", async () => {
    const { proposal_id: id } = await newProposal();
    await post(`/rebalance/proposals/${id}/transitions`, {
      event_type: "SUBMITTED_FOR_RISK_REVIEW",
      expected_state: "DRAFT",
      actor_id: "advisor",
    });
    const refused = { approval_type: "RISK", approved: false, actor_id: "officer" };
    await post(`/rebalance/proposals/${id}/approvals`, { ...refused, expected_state: "RISK_REVIEW" });
    expect(await lastOf(3)).toMatchObject({
      type: "ballast.proposal.transitioned",
      data: { to_state: "REJECTED", approval_id: expect.stringMatching(/^pap_/) as string },
    });
  });

  test("is told of without its documents, texts and whom it is for", async () => {
    const body = {
      ...CREATE_EXAMPLE,
      metadata: { title: "For the Kellers", advisor_notes: "calls on Mondays", mandate_id: "mandate_17" },
    };
    await post("/rebalance/proposals", body);
    const text = JSON.stringify(await lastOf(1));
    for (const secret of ["Keller", "Mondays", "mandate_17", "instrument_id", "quantity"]) {
      expect(text).not.toContain(secret);
    }
  });
});

describe("an operation", () => {
  const claimed = async (operationId: string) => {
    const terms = { owner: "w", leaseMs: 30_000 };
    const now = new Date().toISOString();
    const claims = await inTransaction(app.database, { tenantId: null }, (tx) =>
      claimDue(tx, terms, 10, now),
    );
    const claim = claims.find(({ operation_id }) => operation_id === operationId);
    if (claim === undefined) throw new Error("it was not claimed");
    return claim;
  };

  test("is told of when it has succeeded, and not before", async () => {
    const id = await acceptOperation(app.database);
    const claim = await claimed(id);
    expect(await storedEvents(db.adminUrl)).toEqual([]);
    const handler = (operation: Parameters<typeof leaveTrace>[0]) =>
      Promise.resolve(leaveTrace(operation, succeeded));
    await attempt(attemptDeps(app.database, handler), claim);
    expect(await lastOf(1)).toMatchObject({
      type: "ballast.operation.finished",
      subject: id,
      data: { operation_id: id, status: "SUCCEEDED", operation_type: "ANALYZE_SCENARIOS", error_code: null },
    });
  });

  test("that fails is told of by its code, not by its message", async () => {
    const id = await acceptOperation(app.database);
    const error = { code: "PORTFOLIO_CONTEXT_MISMATCH", message: "that of Frau Keller" };
    const refusing = () =>
      Promise.resolve({ write: () => Promise.resolve({ kind: "refused" as const, error }) });
    await attempt(attemptDeps(app.database, refusing), await claimed(id));
    const event = await lastOf(1);
    expect(event).toMatchObject({ subject: id, data: { status: "FAILED", error_code: error.code } });
    expect(JSON.stringify(event)).not.toContain("Keller");
  });

  test("that was cancelled is told of", async () => {
    const id = await acceptOperation(app.database);
    await app.post(`/rebalance/operations/${id}/cancel`, { key: newKey(), headers });
    expect(await lastOf(1)).toMatchObject({ subject: id, data: { status: "CANCELLED" } });
  });
});

describe("a policy pack", () => {
  test("is told of when it is put and when it is deleted; a repetition changes nothing", async () => {
    const path = "/rebalance/policies/catalog/growth";
    const body = { version: "v1", turnover_policy: { max_turnover_pct: "0.10" } };
    await app.send("PUT", path, { body, headers });
    await app.send("PUT", path, { body, headers });
    await app.send("DELETE", path, { headers });
    const { events } = await feedOf(app, 2);
    expect(events.map(({ type, subject, data }) => [type, subject, data])).toEqual([
      [
        "ballast.policy_pack.changed",
        "growth",
        expect.objectContaining({
          revision: 1,
          version: "v1",
          definition_hash: expect.any(String) as string,
        }),
      ],
      [
        "ballast.policy_pack.changed",
        "growth",
        expect.objectContaining({ revision: 2, version: null, definition_hash: null }),
      ],
    ]);
  });
});

describe("events", () => {
  test("name whom the token names", async () => {
    const key = await newSigningKey("key_1");
    const issuer = await startIssuer([key]);
    const asking = await openTestApp(db.url, tokenEnv(issuer));
    const token = await bearer(key, ["rebalance:run", "events:read"], {
      tenant_id: TENANT,
      sub: "advisor_9",
    });
    await asking.post("/rebalance/simulate", { key: newKey(), headers: token, body: rebalanceBody() });
    expect((await lastOf(1)).data.authenticated_subject).toBe("advisor_9");
    await asking.close();
    await issuer.close();
  });

  test("are not written by a replay, a refusal or a write that is rolled back", async () => {
    const key = newKey("replayed");
    await post("/rebalance/simulate", rebalanceBody(NEEDS_REVIEW), key);
    const replayed = await post("/rebalance/simulate", rebalanceBody(NEEDS_REVIEW), key);
    expect(replayed.headers["idempotent-replayed"]).toBe("true");
    const { proposal_id: id } = await newProposal();
    const wrong = { event_type: "EXECUTED", expected_state: "DRAFT", actor_id: "advisor" };
    expect((await post(`/rebalance/proposals/${id}/transitions`, wrong)).status).toBe(422);
    expect(await storedEvents(db.adminUrl)).toHaveLength(2);
  });

  test("of a process that knows nothing of the feed are written all the same", async () => {
    // As a process of an earlier version writes: without a trace, by its own statements.
    await withSession(db.url, async (session) => {
      await session.query("set role ballast_service");
      await session.query("begin");
      await session.query(`select set_config('app.tenant_id', '${TENANT}', true)`);
      await session.query(
        `insert into policy_pack_version
           (tenant_id, policy_pack_id, revision, version, definition_text, definition_hash, valid_from, correlation_id)
         values ($1, 'old', 1, 'v', '{}', 'sha256:' || repeat('0', 64), now(), 'corr_"old"')`,
        [TENANT],
      );
      await session.query("commit");
    });
    const event = await lastOf(1);
    expect(event).toMatchObject({ subject: "old", data: { correlation_id: 'corr_"old"' } });
    expect(event.traceparent).toBeUndefined();
  });

  test("are canonical JSON, and their pages too", async () => {
    await makeRun(app, { headers });
    const { events } = await feedOf(app, 1);
    const page = await app.get("/events", headers);
    expect(page.text).toBe(canonicalJson(page.json));
    expect(events).toHaveLength(1);
  });

  test("have the types that the contract names, no other in the triggers", async () => {
    const { rows } = await withSession(db.adminUrl, (session) =>
      session.query<{ type: string }>(
        `select distinct (regexp_matches(p.prosrc, '''(ballast\\.[a-z_.]+)''', 'g'))[1] as type
           from pg_trigger t
           join pg_proc p on p.oid = t.tgfoid
          where not t.tgisinternal`,
      ),
    );
    expect(rows.map(({ type }) => type).toSorted()).toEqual(EVENT_TYPES.toSorted());
  });
});

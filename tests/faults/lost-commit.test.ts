import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { RebalanceResult } from "../../src/contract/rebalance.ts";
import { DpmAsyncAcceptedResponse } from "../../src/features/operations/schemas.ts";
import { ProposalCreateResponse } from "../../src/features/proposals/schemas.ts";
import { CREATE_EXAMPLE } from "../../src/features/proposals/examples.ts";
import { ANALYZE_EXAMPLE } from "../../src/features/rebalance/examples.ts";
import { openTestApp, read, type Received, type TestApp } from "../support/app.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { hasText, isComplete, type Message } from "../support/protocol.ts";
import { newKey, NEEDS_REVIEW, rebalanceBody } from "../support/runs.ts";
import { withSession } from "../support/session.ts";
import { openProxy, type Direction, type TcpProxy, type Verdict } from "../support/tcp-proxy.ts";
import {
  bearer,
  newKey as newSigningKey,
  startIssuer,
  tokenEnv,
  type SigningKey,
  type TestIssuer,
} from "../support/tokens.ts";

/** The whole service, reaching its database through a proxy that loses what a test tells it to. */
let db: TestDatabase;
let proxy: TcpProxy;
let app: TestApp;
/** The same where a token is asked for. */
let guarded: TestApp;
let issuer: TestIssuer;
let signing: SigningKey;

/** What was written is committed slowly, once a test has marked it: its COMMIT runs on when its connection is gone. */
const SLOW_COMMIT = `
  create function commit_slowly() returns trigger language plpgsql as $$
  begin
    perform pg_sleep(1);
    return null;
  end $$;
  create constraint trigger slow_commit after insert on policy_pack_version deferrable initially deferred
    for each row when (starts_with(new.policy_pack_id, 'slow')) execute function commit_slowly();
  create constraint trigger slow_commit after insert on proposal_event deferrable initially deferred
    for each row when (starts_with(new.correlation_id, 'slow')) execute function commit_slowly();
  create constraint trigger slow_commit after insert on audit_event deferrable initially deferred
    for each row when (starts_with(new.correlation_id, 'slow')) execute function commit_slowly();
  create constraint trigger slow_commit after insert on run_decision deferrable initially deferred
    for each row when (starts_with(new.correlation_id, 'slow')) execute function commit_slowly()`;

beforeAll(async () => {
  db = await testDatabase();
  await withSession(db.adminUrl, (session) => session.query(SLOW_COMMIT));
  proxy = await openProxy(db.url);
  app = await openTestApp(proxy.url(db.url), { REQUIRE_IDEMPOTENCY_KEY: "create" });
  signing = await newSigningKey("key_1");
  issuer = await startIssuer([signing]);
  guarded = await openTestApp(proxy.url(db.url), tokenEnv(issuer));
});
afterEach(() => {
  proxy.judge = () => "pass";
});
afterAll(async () => {
  await app.close();
  await guarded.close();
  await issuer.close();
  await proxy.close();
  await db.drop();
});

type Loss = (direction: Direction, message: Message) => Verdict;

/** The server has committed, its reply is lost. */
const replyLost: Loss = (_, message) => (isComplete(message, "COMMIT") ? "cut before" : "pass");
/** COMMIT does not arrive. */
const commitLost: Loss = (_, message) => (isCommit(message) ? "cut before" : "pass");
/** The server is committing when the connection goes: what executes COMMIT ends with the Sync behind its text. */
function cutAtCommit(): Loss {
  let isSent = false;
  return (direction, message) => {
    isSent ||= isCommit(message);
    return isSent && direction === "to server" && message.type === "S" ? "cut after" : "pass";
  };
}

/** The text of COMMIT is sent once on a connection; later its prepared name is bound. */
const isCommit = (message: Message): boolean => hasText(message, "commit");

/** Loses the COMMIT of the first transaction after a statement with this text, and no other. */
function lose(statement: string, loss: Loss): void {
  let isWriting = false;
  let isLost = false;
  proxy.judge = (direction, message) => {
    isWriting ||= hasText(message, statement);
    const verdict = isWriting && !isLost ? loss(direction, message) : "pass";
    isLost ||= verdict !== "pass";
    return verdict;
  };
}

/** A fresh service process would prepare its statements anew: so does one whose idle connections are gone. */
async function forgetConnections(): Promise<void> {
  await withSession(db.adminUrl, (session) =>
    session.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ballast-test'",
    ),
  );
  const areOpen = () => [app, guarded].some(({ database }) => database.pool.open.size > 0);
  while (areOpen()) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function count(from: string): Promise<number> {
  const { rows } = await withSession(db.adminUrl, (session) =>
    session.query<{ count: string }>(`select count(*) from ${from}`),
  );
  return Number(rows[0]?.count);
}

/** How often the feed tells of something. */
const told = (subject: string) => count(`outbox_event where subject = '${subject}'`);

const shown = ({ status, headers }: Received) => [status, headers["idempotent-replayed"]];

describe.each([
  ["whose reply is lost", replyLost],
  ["that is lost on its way", commitLost],
])("a COMMIT %s", (_, loss) => {
  test("of a simulation: one run, one answer, and it is no replay", async () => {
    const [key, body] = [newKey("lost"), rebalanceBody()];
    await forgetConnections();
    lose("insert into rebalance_run", loss);
    const first = await app.post("/rebalance/simulate", { key, body });
    const again = await app.post("/rebalance/simulate", { key, body });
    expect(shown(first)).toEqual([200, undefined]);
    expect(shown(again)).toEqual([200, "true"]);
    expect(again.text).toBe(first.text);
    expect(await count(`rebalance_run where idempotency_key = '${key}'`)).toBe(1);
    expect(await told(read(RebalanceResult, first).rebalance_run_id)).toBe(1);
  });

  test("of an analysis without a key: its runs once", async () => {
    const headers = { "x-correlation-id": newKey("lost-analysis") };
    await forgetConnections();
    lose("insert into rebalance_run", loss);
    const answer = await app.post("/rebalance/analyze", { body: ANALYZE_EXAMPLE, headers });
    expect(answer.status).toBe(200);
    expect(
      await count(`rebalance_run where starts_with(correlation_id, '${headers["x-correlation-id"]}')`),
    ).toBe(2);
  });

  test("of a transition without a key: the state that it led to, and one event", async () => {
    const made = await app.post("/rebalance/proposals", { key: newKey("lost"), body: CREATE_EXAMPLE });
    const { proposal_id: id } = read(ProposalCreateResponse, made).proposal;
    await forgetConnections();
    lose("insert into proposal_event", loss);
    const body = { event_type: "CANCELLED", actor_id: "a", expected_state: "DRAFT" };
    expect((await app.post(`/rebalance/proposals/${id}/transitions`, { body })).status).toBe(200);
    expect(await count(`proposal where proposal_id = '${id}' and current_state = 'CANCELLED'`)).toBe(1);
    expect(await count(`proposal_event where proposal_id = '${id}'`)).toBe(2);
    expect(await told(id)).toBe(2);
  });

  test("of a cancellation and a retry without a key: each is told to have happened, once", async () => {
    const accept = async () => {
      const answer = await app.post("/rebalance/analyze/async", {
        key: newKey("lost"),
        body: ANALYZE_EXAMPLE,
      });
      return read(DpmAsyncAcceptedResponse, answer).operation_id;
    };
    const actions = (id: string) => count(`operation_action where operation_id = '${id}'`);
    const cancelled = await accept();
    await forgetConnections();
    lose("insert into operation_action", loss);
    const cancel = await app.post(`/rebalance/operations/${cancelled}/cancel`, {});
    expect([cancel.status, cancel.json]).toMatchObject([200, { status: "CANCELLED" }]);
    expect(await actions(cancelled)).toBe(1);
    expect(await told(cancelled)).toBe(1);
    const failed = await accept();
    await withSession(db.adminUrl, (session) =>
      session.query(
        `update async_operation set status = 'RUNNING', attempt = 1, lease_owner = 'w', claimable_at = now(),
                started_at = now() where operation_id = '${failed}';
         update async_operation set status = 'FAILED', claimable_at = null, error_code = 'X', error_message = 'x',
                finished_at = now() where operation_id = '${failed}'`,
      ),
    );
    await forgetConnections();
    lose("insert into operation_action", loss);
    const retry = await app.post(`/rebalance/operations/${failed}/retry`, {});
    expect([retry.status, retry.json]).toMatchObject([200, { status: "PENDING", attempts: 1 }]);
    expect(await actions(failed)).toBe(1);
  });

  test("of a policy pack: it is in force, and it is one revision", async () => {
    const id = newKey("lost-pack");
    const path = `/rebalance/policies/catalog/${id}`;
    await forgetConnections();
    lose("insert into policy_pack_version", loss);
    expect((await app.send("PUT", path, { body: { version: "v1" } })).status).toBe(200);
    expect((await app.get(path)).status).toBe(200);
    expect(await count(`policy_pack_version where policy_pack_id = '${id}'`)).toBe(1);
    expect(await count(`audit_event where details_text like '%"${id}"%'`)).toBe(1);
    expect(await told(id)).toBe(1);
  });

  test.each([null, newKey("refused")])(
    "of the record of a refusal, under key %s: it is told, and there once",
    async (key) => {
      const headers = { ...(await bearer(signing, [])), "x-correlation-id": newKey("refused") };
      await forgetConnections();
      lose("insert into audit_event", loss);
      const answer = await guarded.send("GET", "/rebalance/runs", {
        headers,
        ...(key === null ? {} : { key: newKey(key) }),
      });
      expect(answer.status).toBe(403);
      expect(await count(`audit_event where correlation_id = '${headers["x-correlation-id"]}'`)).toBe(1);
    },
  );

  test("of a proposal: one proposal", async () => {
    const key = newKey("lost-proposal");
    await forgetConnections();
    lose("insert into proposal ", loss);
    const first = await app.post("/rebalance/proposals", { key, body: CREATE_EXAMPLE });
    expect(shown(first)).toEqual([200, undefined]);
    const { proposal } = read(ProposalCreateResponse, first);
    expect(await count(`proposal_version where idempotency_key = '${key}'`)).toBe(1);
    expect((await app.get(`/rebalance/proposals/${proposal.proposal_id}/verify`)).json).toMatchObject({
      valid: true,
    });
  });
});

describe("a write without a key whose COMMIT was still running when its connection died", () => {
  const pack = (id: string) => `/rebalance/policies/catalog/${id}`;
  const put = (id: string, version: string, headers = {}) =>
    app.send("PUT", pack(id), { body: { version }, headers });

  test("a pack that was put under its ETag is told to be put", async () => {
    const etag = String((await put("slow-put", "v1")).headers["etag"]);
    await forgetConnections();
    lose("insert into policy_pack_version", cutAtCommit());
    const answer = await put("slow-put", "v2", { "if-match": etag });
    expect(answer.status).toBe(200);
    expect(await count("policy_pack_version where policy_pack_id = 'slow-put'")).toBe(2);
  });

  test("a pack that was deleted is told to be deleted", async () => {
    await put("slow-delete", "v1");
    await forgetConnections();
    lose("insert into policy_pack_version", cutAtCommit());
    expect((await app.send("DELETE", pack("slow-delete"))).status).toBe(204);
    expect((await app.get(pack("slow-delete"))).status).toBe(404);
  });

  test("a transition is told to have happened", async () => {
    const made = await app.post("/rebalance/proposals", { key: newKey("slow"), body: CREATE_EXAMPLE });
    const { proposal_id: id } = read(ProposalCreateResponse, made).proposal;
    await forgetConnections();
    lose("insert into proposal_event", cutAtCommit());
    const answer = await app.post(`/rebalance/proposals/${id}/transitions`, {
      headers: { "x-correlation-id": "slow-transition" },
      body: { event_type: "SUBMITTED_FOR_RISK_REVIEW", actor_id: "a", expected_state: "DRAFT" },
    });
    expect([answer.status, answer.json]).toMatchObject([200, { current_state: "RISK_REVIEW" }]);
    expect(await count(`proposal_event where proposal_id = '${id}'`)).toBe(2);
  });

  test("a refusal is told, and recorded once", async () => {
    const headers = { ...(await bearer(signing, [])), "x-correlation-id": "slow-refusal" };
    await forgetConnections();
    lose("insert into audit_event", cutAtCommit());
    expect((await guarded.get("/rebalance/runs", headers)).status).toBe(403);
    expect(await count("audit_event where correlation_id = 'slow-refusal'")).toBe(1);
  });

  test("a decision about a run is told to be taken", async () => {
    const body = rebalanceBody(NEEDS_REVIEW);
    const run = read(RebalanceResult, await app.post("/rebalance/simulate", { key: newKey("slow"), body }));
    await forgetConnections();
    lose("insert into run_decision", cutAtCommit());
    const answer = await app.post(`/rebalance/runs/${run.rebalance_run_id}/workflow/actions`, {
      headers: { "x-correlation-id": "slow-decision" },
      body: { action: "APPROVE", reason_code: "CHECKED", actor_id: "b" },
    });
    expect([answer.status, answer.json]).toMatchObject([200, { workflow_status: "APPROVED" }]);
    expect(await count(`run_decision where rebalance_run_id = '${run.rebalance_run_id}'`)).toBe(1);
  });
});

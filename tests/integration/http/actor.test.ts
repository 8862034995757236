import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { startBackground } from "../../../src/background.ts";
import { hashOfDecision, type RunDecision } from "../../../src/features/reviews/core.ts";
import { DpmRunWorkflowResponse } from "../../../src/features/reviews/schemas.ts";
import { DpmRunLookupResponse } from "../../../src/features/runs/schemas.ts";
import { ProposalCreateResponse } from "../../../src/features/proposals/schemas.ts";
import { SCOPES } from "../../../src/platform/http/auth/scopes.ts";
import { openTestApp, read, refusalOf, type Received, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { simulateBody } from "../../support/proposals.ts";
import { act, makeRun, NEEDS_REVIEW, newKey, rebalanceBody } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";
import { createWave, waveBody } from "../../support/waves.ts";
import {
  bearer,
  newKey as newSigningKey,
  startIssuer,
  tokenEnv,
  type SigningKey,
  type TestIssuer,
} from "../../support/tokens.ts";

let db: TestDatabase;
let signing: SigningKey;
let issuer: TestIssuer;
let app: TestApp;
/** The same service where no token is asked for. */
let open: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  signing = await newSigningKey("key-1");
  issuer = await startIssuer([signing]);
  app = await openTestApp(db.url, tokenEnv(issuer));
  open = await openTestApp(db.url);
});

afterAll(async () => {
  await open.close();
  await app.close();
  await issuer.close();
  await db.drop();
});

const DELEGATE = "actor:delegate";
const ALL_BUT_DELEGATE = SCOPES.filter((scope) => scope !== DELEGATE);

/** The header of a token of this subject with every scope but that to act for others, and with those. */
function as(subject: string, ...more: string[]) {
  return bearer(signing, [...ALL_BUT_DELEGATE, ...more], { sub: subject, tenant_id: "default" });
}

async function get(path: string): Promise<Received> {
  return app.get(path, await as("reader"));
}

function rows<Row extends object>(statement: string, parameters: unknown[]): Promise<Row[]> {
  return withSession(db.adminUrl, async (session) => (await session.query<Row>(statement, parameters)).rows);
}

async function newProposal(subject = "ann"): Promise<string> {
  const body = { simulate_request: simulateBody() };
  const answer = await app.post("/rebalance/proposals", { key: newKey(), headers: await as(subject), body });
  return read(ProposalCreateResponse, answer).proposal.proposal_id;
}

/** Each route whose body names an actor: where, with what, and the field. */
async function routesOfActors() {
  const id = await newProposal();
  const run = await makeRun(app, { headers: await as("submitter") });
  const creation = { simulate_request: simulateBody() };
  const action = { action: "REQUEST_CHANGES", reason_code: "LIMITS_CHECKED" };
  const { created_by: _, ...wave } = waveBody([]);
  const { wave_id } = await createWave(app, [], { headers: await as("desk.kim") });
  const onWave = (what: string) => [`/rebalance/waves/${wave_id}/${what}`, {}, "actor_id"] as const;
  return {
    createProposal: ["/rebalance/proposals", creation, "created_by"],
    createProposalAsync: ["/rebalance/proposals/async", creation, "created_by"],
    createProposalVersion: [`/rebalance/proposals/${id}/versions`, creation, "created_by"],
    createProposalVersionAsync: [`/rebalance/proposals/${id}/versions/async`, creation, "created_by"],
    transitionProposal: [
      `/rebalance/proposals/${id}/transitions`,
      { event_type: "SUBMITTED_FOR_RISK_REVIEW", expected_state: "DRAFT" },
      "actor_id",
    ],
    decideProposalApproval: [
      `/rebalance/proposals/${id}/approvals`,
      { approval_type: "RISK", approved: true, expected_state: "DRAFT" },
      "actor_id",
    ],
    actOnRunReview: [`/rebalance/runs/${run.id}/workflow/actions`, action, "actor_id"],
    actOnRunReviewByCorrelation: [
      `/rebalance/runs/by-correlation/${run.correlationId}/workflow/actions`,
      action,
      "actor_id",
    ],
    actOnRunReviewByIdempotencyKey: [
      `/rebalance/runs/idempotency/${run.key}/workflow/actions`,
      action,
      "actor_id",
    ],
    createWave: ["/rebalance/waves", wave, "created_by"],
    startWave: onWave("start"),
    pauseWave: onWave("pause"),
    resumeWave: onWave("resume"),
    cancelWave: onWave("cancel"),
    retryFailedWaveItems: onWave("retry-failed"),
  } as const;
}

/** Without a token, nobody need be named for these. */
const MAY_BE_NOBODYS = ["startWave", "pauseWave", "resumeWave", "cancelWave", "retryFailedWaveItems"];

const Document = z.object({
  paths: z.record(z.string(), z.record(z.string(), z.record(z.string(), z.unknown()))),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

/** The operations whose request body has a field of an actor, as the document says. */
async function operationsOfActors(): Promise<string[]> {
  const document = Document.parse((await app.get("/openapi.json")).json);
  return Object.values(document.paths)
    .flatMap((path) => Object.values(path))
    .filter(({ requestBody }) => {
      const name = /#\/components\/schemas\/(\w+)/.exec(JSON.stringify(requestBody ?? {}))?.[1] ?? "";
      return /"(actor_id|created_by)":/.test(JSON.stringify(document.components.schemas[name] ?? {}));
    })
    .map(({ operationId }) => String(operationId))
    .sort();
}

describe("every route whose body says who acts", () => {
  test("is known to this test", async () => {
    expect(await operationsOfActors()).toEqual(Object.keys(await routesOfActors()).sort());
  });

  test("refuses another than the token names, takes it from whom it trusts, and lets it be left out", async () => {
    for (const [operation, [path, body, field]] of Object.entries(await routesOfActors())) {
      const send = (named: object, headers: Record<string, string>) =>
        app.post(path, { key: newKey(), headers, body: { ...body, ...named } });
      const sendWithoutToken = (named: object) =>
        open.post(path, { key: newKey(), body: { ...body, ...named } });
      for (const name of ["bob", "Ann", "ANN"]) {
        const refused = await send({ [field]: name }, await as("ann"));
        expect(refusalOf(refused), operation).toBe("403 ACTOR_MISMATCH");
      }
      for (const [named, headers] of [
        [{}, await as("ann")],
        [{ [field]: "ann" }, await as("ann")],
        [{ [field]: "bob" }, await as("desk", DELEGATE)],
        [{ [field]: "bob" }, null],
      ] as const) {
        const answer = headers === null ? await sendWithoutToken(named) : await send(named, headers);
        expect([200, 201, 202, 409, 422], `${operation} ${answer.text}`).toContain(answer.status);
        expect(answer.text).not.toMatch(/ACTOR_MISMATCH|VALIDATION_FAILED/);
      }
      const missing = await sendWithoutToken({});
      if (MAY_BE_NOBODYS.includes(operation)) expect(refusalOf(missing)).toMatch(/^409 WAVE_/);
      else {
        expect(missing.status).toBe(422);
        expect(missing.json).toMatchObject({
          detail: "VALIDATION_FAILED",
          errors: [{ loc: ["body", field], code: "REQUIRED" }],
        });
      }
      const invisible = await sendWithoutToken({ [field]: "ann\u200b" });
      expect(refusalOf(invisible), operation).toBe("422 ACTOR_INVALID");
    }
  });

  test("also in a body that is so large that it is read elsewhere", async () => {
    const metadata = { advisor_notes: "x".repeat(100_000) };
    const send = async (named: object) =>
      app.post("/rebalance/proposals", {
        key: newKey(),
        headers: await as("ann"),
        body: { ...named, metadata, simulate_request: simulateBody() },
      });
    expect(refusalOf(await send({ created_by: "bob" }))).toBe("403 ACTOR_MISMATCH");
    expect((await send({})).json).toMatchObject({
      proposal: { created_by: "ann" },
      version: { authenticated_subject: "ann" },
    });
  });

  test("refuses ahead of a stored answer, and the refusal leaves the key to whom it belongs", async () => {
    const key = newKey();
    const body = { created_by: "ann", simulate_request: simulateBody() };
    const send = (headers: Record<string, string>) =>
      app.post("/rebalance/proposals", { key, headers, body });
    expect(refusalOf(await send(await as("bob")))).toBe("403 ACTOR_MISMATCH");
    const first = await send(await as("ann"));
    expect(first.status).toBe(200);
    expect(refusalOf(await send(await as("bob")))).toBe("403 ACTOR_MISMATCH");
    const again = await send(await as("ann"));
    expect(again.text).toBe(first.text);
    expect(again.headers["idempotent-replayed"]).toBe("true");
  });
});

describe("whom the token names is recorded", () => {
  test("beside the actor, with every version, event and approval, and under their hashes", async () => {
    const id = await newProposal("ann");
    const post = (path: string, headers: Record<string, string>, body: object) =>
      app.post(`/rebalance/proposals/${id}/${path}`, { key: newKey(), headers, body });
    await post("transitions", await as("ann"), {
      event_type: "SUBMITTED_FOR_RISK_REVIEW",
      expected_state: "DRAFT",
    });
    const approval = { approval_type: "RISK", approved: true, expected_state: "RISK_REVIEW" };
    expect(refusalOf(await post("approvals", await as("ann"), approval))).toBe("403 SEGREGATION_OF_DUTIES");
    const given = await post("approvals", await as("desk", DELEGATE), { ...approval, actor_id: "risk" });
    expect(given.json).toMatchObject({
      approval: { actor_id: "risk", authenticated_subject: "desk" },
      latest_workflow_event: { actor_id: "risk", authenticated_subject: "desk" },
    });
    const version = await get(`/rebalance/proposals/${id}/versions/1`);
    expect(version.json).toMatchObject({ authenticated_subject: "ann" });
    const events = await get(`/rebalance/proposals/${id}/workflow-events`);
    expect(events.json).toMatchObject({
      events: ["ann", "ann", "desk"].map((authenticated_subject) => ({ authenticated_subject })),
    });
    const verification = () => get(`/rebalance/proposals/${id}/verify`);
    expect((await verification()).json).toMatchObject({ valid: true });
    for (const [table, kind] of [
      ["proposal_version", "version"],
      ["proposal_event", "event"],
      ["proposal_approval", "approval"],
    ] as const) {
      const setTo = (subject: string, old: string) =>
        withSession(db.adminUrl, async (session) => {
          await session.query("set session_replication_role = replica");
          await session.query(
            `update ${table} set authenticated_subject = $2 where proposal_id = $1 and authenticated_subject = $3`,
            [id, subject, old],
          );
        });
      const old = table === "proposal_approval" ? "desk" : "ann";
      await setTo("mallory", old);
      expect((await verification()).json).toMatchObject({ valid: false });
      expect(JSON.stringify((await verification()).json)).toContain(`"kind":"${kind}"`);
      await setTo(old, "mallory");
      expect((await verification()).json).toMatchObject({ valid: true });
    }
  });

  test("from the acceptance of an asynchronous form to what it makes", async () => {
    const proposal = await app.post("/rebalance/proposals/async", {
      key: newKey(),
      headers: await as("desk", DELEGATE),
      body: { created_by: "ann", simulate_request: simulateBody() },
    });
    const analysis = await app.post("/rebalance/analyze/async", {
      key: newKey(),
      headers: await as("carl"),
      body: { ...rebalanceBody(), options: undefined, scenarios: { base: { options: {} } } },
    });
    const [made, analysed] = [proposal, analysis].map((answer) => {
      expect(answer.status, answer.text).toBe(202);
      return z.object({ operation_id: z.string(), status_url: z.string() }).parse(answer.json);
    });
    const finished = await finish([made?.status_url ?? "", analysed?.status_url ?? ""]);
    expect(finished[0]?.json).toMatchObject({
      authenticated_subject: "desk",
      created_by: "ann",
      result: {
        version: { authenticated_subject: "desk" },
        latest_workflow_event: { actor_id: "ann", authenticated_subject: "desk" },
      },
    });
    expect(finished[1]?.json).toMatchObject({ authenticated_subject: "carl" });
    const run = await rows(
      "select subject_folded from rebalance_run where authenticated_subject = 'carl' and batch_run_id is not null",
      [],
    );
    expect(run).toEqual([{ subject_folded: "carl" }]);
  });

  test("with a run, as far as it is read, and with a revision of a policy pack and a change of an operation", async () => {
    const run = await makeRun(app, { headers: await as("Dora") });
    const found = read(DpmRunLookupResponse, await get(`/rebalance/runs/${run.id}`));
    expect(found.authenticated_subject).toBe("Dora");
    const list = await get("/rebalance/runs?limit=1");
    expect(list.json).toMatchObject({ items: [{ authenticated_subject: "Dora" }] });
    await app.send("PUT", "/rebalance/policies/catalog/who", {
      headers: await as("eve"),
      body: { version: "1" },
    });
    await app.send("DELETE", "/rebalance/policies/catalog/who", { headers: await as("fred") });
    const revisions = await rows(
      "select authenticated_subject from policy_pack_version where policy_pack_id = 'who' order by revision",
      [],
    );
    expect(revisions).toEqual([{ authenticated_subject: "eve" }, { authenticated_subject: "fred" }]);
    const accepted = await app.post("/rebalance/proposals/async", {
      key: newKey(),
      headers: await as("ann"),
      body: { simulate_request: simulateBody() },
    });
    const { operation_id } = z.object({ operation_id: z.string() }).parse(accepted.json);
    await app.post(`/rebalance/proposals/operations/${operation_id}/cancel`, { headers: await as("gina") });
    expect(
      await rows("select authenticated_subject from operation_action where operation_id = $1", [
        operation_id,
      ]),
    ).toEqual([{ authenticated_subject: "gina" }]);
  });

  test("as null without a token", async () => {
    const body = { created_by: "ann", simulate_request: simulateBody() };
    const answer = await open.post("/rebalance/proposals", { key: newKey(), body });
    expect(answer.json).toMatchObject({
      version: { authenticated_subject: null },
      latest_workflow_event: { authenticated_subject: null },
    });
  });
});

/** Lets a worker do what is due, and reads what came of it. */
async function finish(statusUrls: readonly string[]): Promise<Received[]> {
  const background = startBackground(app.runtime, app.works);
  try {
    return await Promise.all(
      statusUrls.map((url) =>
        vi.waitFor(
          async () => {
            const answer = await get(url);
            expect(answer.json).toMatchObject({ status: "SUCCEEDED" });
            return answer;
          },
          { timeout: 10_000, interval: 50 },
        ),
      ),
    );
  } finally {
    await background.stop();
  }
}

describe("a run is not reviewed by whoever submitted it", () => {
  const approve = (id: string, headers: Record<string, string>, body: object = {}, key = newKey("act")) =>
    app.post(`/rebalance/runs/${id}/workflow/actions`, {
      key,
      headers,
      body: { action: "APPROVE", reason_code: "LIMITS_CHECKED", ...body },
    });

  test("where tokens say who both are, whatever the spelling; the key stays free", async () => {
    const { id } = await makeRun(app, { options: NEEDS_REVIEW, headers: await as("ann") });
    const key = newKey("own");
    for (const subject of ["ann", "Ann", "ANN"]) {
      expect(refusalOf(await approve(id, await as(subject), {}, key))).toBe("403 SEGREGATION_OF_DUTIES");
    }
    expect(refusalOf(await approve(id, await as("desk", DELEGATE), { actor_id: "ann" }, key))).toBe(
      "403 SEGREGATION_OF_DUTIES",
    );
    const answer = await approve(id, await as("bob"), {}, key);
    expect(read(DpmRunWorkflowResponse, answer)).toMatchObject({
      workflow_status: "APPROVED",
      latest_decision: { actor_id: "bob", authenticated_subject: "bob" },
    });
  });

  test("but where the deployment does without, and then the decision says so and verifies", async () => {
    const trusting = await openTestApp(db.url, {
      ...tokenEnv(issuer),
      DPM_WORKFLOW_REQUIRE_SEGREGATION: "false",
    });
    try {
      const { id } = await makeRun(app, { headers: await as("ann") });
      expect(
        (await act(trusting, id, "APPROVE", { headers: await as("ann"), body: { actor_id: "ann" } })).status,
      ).toBe(200);
      expect((await get(`/rebalance/runs/${id}/verify`)).json).toMatchObject({ valid: true });
      const stored = await rows("select segregation_waived from run_decision where rebalance_run_id = $1", [
        id,
      ]);
      expect(stored).toEqual([{ segregation_waived: true }]);
      await behindTheBack(
        "update run_decision set segregation_waived = false, decision_hash = $2 where rebalance_run_id = $1",
        [id, await hashAnew(id, { segregation_waived: false })],
      );
      expect((await get(`/rebalance/runs/${id}/verify`)).json).toMatchObject({
        failures: [{ kind: "decision", reason: "submitter reviewed" }],
      });
    } finally {
      await trusting.close();
    }
  });

  test("nor by a statement past the service", async () => {
    const { id } = await makeRun(app, { headers: await as("Ann") });
    for (const [subject, waived, constraint] of [
      ["ann", false, "run_decision_segregation_of_duties"],
      ["bob", false, "none"],
    ] as const) {
      expect(await insertDecision(id, 1, { subject_folded: subject, segregation_waived: waived })).toBe(
        constraint,
      );
    }
    const other = await makeRun(app, { headers: await as("Ann") });
    expect(await insertDecision(other.id, 1, { subject_folded: "ann", segregation_waived: true })).toBe(
      "none",
    );
  });

  test("each name behind a decision, altered, is named by verification", async () => {
    const { id } = await makeRun(app, { headers: await as("ann") });
    await approve(id, await as("bob"));
    // Who owns the database can take its rules away first.
    await behindTheBack("alter table run_decision drop constraint run_decision_person", []);
    for (const change of [
      "authenticated_subject = 'carl'",
      "subject_folded = 'carl'",
      "actor_folded = 'carl'",
      "hash_version = 1",
      "segregation_waived = true",
    ]) {
      const [column = ""] = change.split(" ");
      const [before] = await rows<Record<string, unknown>>(
        `select ${column} as value from run_decision where rebalance_run_id = $1`,
        [id],
      );
      await behindTheBack(`update run_decision set ${change} where rebalance_run_id = $1`, [id]);
      expect((await get(`/rebalance/runs/${id}/verify`)).json, change).toMatchObject({
        valid: false,
        failures: [{ kind: "decision" }],
      });
      await behindTheBack(`update run_decision set ${column} = $2 where rebalance_run_id = $1`, [
        id,
        before?.["value"],
      ]);
      expect((await get(`/rebalance/runs/${id}/verify`)).json, change).toMatchObject({ valid: true });
    }
  });
});

test("decisions of before go on verifying under hash version 1, and a mixed chain too", async () => {
  const { id } = await makeRun(app, { headers: await as("ann") });
  expect(await insertDecision(id, 1, null)).toBe("none");
  const verification = () => get(`/rebalance/runs/${id}/verify`);
  expect((await verification()).json).toMatchObject({ valid: true, checked: { decisions: 1 } });
  await act(app, id, "APPROVE", { headers: await as("bob"), body: { actor_id: "bob" } });
  expect((await verification()).json).toMatchObject({ valid: true, checked: { decisions: 2 } });
  expect(
    await rows("select hash_version from run_decision where rebalance_run_id = $1 order by decision_no", [
      id,
    ]),
  ).toEqual([{ hash_version: 1 }, { hash_version: 2 }]);
  await behindTheBack(
    "update run_decision set authenticated_subject = 'mallory', subject_folded = 'mallory' where rebalance_run_id = $1 and decision_no = 1",
    [id],
  );
  expect((await verification()).json).toMatchObject({
    failures: [{ reason: "holds what the hash version of its time does not cover" }],
  });
});

function behindTheBack(statement: string, parameters: unknown[]): Promise<unknown> {
  return withSession(db.adminUrl, async (session) => {
    await session.query("set session_replication_role = replica");
    return session.query(statement, parameters);
  });
}

/** The first decision of a run as it would be hashed with a change. */
async function hashAnew(runId: string, change: Partial<RunDecision>): Promise<string> {
  const [stored] = await rows<RunDecision & { decided_at: unknown }>(
    "select * from run_decision where rebalance_run_id = $1",
    [runId],
  );
  if (stored === undefined) throw new Error("no decision");
  const decided_at = (stored.decided_at as unknown as Date).toISOString();
  return hashOfDecision("default", { ...stored, decided_at, ...change });
}

/** A decision as a hand at the database writes it, under hash version 2, or 1 where there are no people. */
async function insertDecision(
  runId: string,
  decisionNo: number,
  people: Pick<RunDecision, "subject_folded" | "segregation_waived"> | null,
): Promise<string> {
  const [run] = await rows<{ correlation_id: string }>(
    "select correlation_id from rebalance_run where rebalance_run_id = $1",
    [runId],
  );
  const decision = {
    rebalance_run_id: runId,
    decision_no: decisionNo,
    decision_id: `dwd_${String(Date.now()).padStart(32, "0")}`,
    action: "REQUEST_CHANGES",
    from_status: "PENDING_REVIEW",
    to_status: "PENDING_REVIEW",
    reason_code: "LIMITS_CHECKED",
    comment: null,
    actor_id: "someone",
    authenticated_subject: people === null ? null : "someone",
    actor_folded: people === null ? null : "someone",
    subject_folded: people?.subject_folded ?? null,
    hash_version: people === null ? 1 : 2,
    segregation_waived: people?.segregation_waived ?? false,
    decided_at: "2026-03-01T09:30:00.000Z",
    correlation_id: "corr",
    idempotency_key: null,
    run_correlation_id: run?.correlation_id ?? "",
    previous_hash: null,
  } as const;
  const row = { tenant_id: "default", ...decision, decision_hash: hashOfDecision("default", decision) };
  const columns = Object.keys(row);
  return withSession(db.adminUrl, async (session) => {
    try {
      await session.query(
        `insert into run_decision (${columns.join(", ")})
         values (${columns.map((_, at) => `$${String(at + 1)}`).join(", ")})`,
        Object.values(row),
      );
      return "none";
    } catch (error) {
      return error instanceof Error && "constraint" in error ? String(error.constraint) : String(error);
    }
  });
}

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Problem } from "../../../src/contract/problem.ts";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import {
  DpmRunWorkflowHistoryResponse,
  DpmRunWorkflowResponse,
  DpmWorkflowDecisionListResponse,
  type DpmRunWorkflowDecisionResponse,
} from "../../../src/features/reviews/schemas.ts";
import { DpmRunListResponse } from "../../../src/features/runs/schemas.ts";
import { DpmRunVerificationResponse } from "../../../src/features/support/schemas.ts";
import { openTestApp, read, refusalOf, type Received, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { outcomeOf } from "../../support/faults.ts";
import { act, makeRun, newKey } from "../../support/runs.ts";
import { withSession } from "../../support/session.ts";

let db: TestDatabase;
let here: TestApp;
let elsewhere: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  here = await openTestApp(db.url);
  elsewhere = await openTestApp(db.url);
});

afterAll(async () => {
  await here.close();
  await elsewhere.close();
  await db.drop();
});

const reviewIn = (answer: Received) => read(DpmRunWorkflowResponse, answer);
const decisionsIn = (answer: Received) => read(DpmWorkflowDecisionListResponse, answer);

type StoredDecision = {
  decision_no: number;
  action: string;
  from_status: string;
  to_status: string;
  previous_hash: string | null;
  decision_hash: string;
};

/** The decisions of a run as the owner of the tables sees them. */
function storedDecisions(runId: string): Promise<StoredDecision[]> {
  return withSession(db.adminUrl, async (session) => {
    const { rows } = await session.query<StoredDecision>(
      `select decision_no, action, from_status, to_status, previous_hash, decision_hash
         from run_decision where rebalance_run_id = $1 order by decision_no`,
      [runId],
    );
    return rows;
  });
}

function storedKeys(key: string): Promise<number> {
  return withSession(db.adminUrl, async (session) => {
    const { rowCount } = await session.query("select 1 from idempotency_record where idempotency_key = $1", [
      key,
    ]);
    return rowCount ?? 0;
  });
}

function expectOneHistory(decisions: StoredDecision[]): void {
  expect(decisions.map(({ decision_no }) => decision_no)).toEqual(decisions.map((_, at) => at + 1));
  let previous: StoredDecision | undefined;
  for (const decision of decisions) {
    expect(decision.previous_hash).toBe(previous?.decision_hash ?? null);
    expect(decision.from_status).toBe(previous?.to_status ?? "PENDING_REVIEW");
    previous = decision;
  }
}

describe("the review of a run", () => {
  test("is pending, decided, sent back and decided again, seen by each name of the run", async () => {
    const run = await makeRun(here);
    const names = [run.id, `by-correlation/${run.correlationId}`, `idempotency/${run.key}`];
    for (const name of names) {
      const answer = await here.get(`/rebalance/runs/${name}/workflow`);
      expect(answer.status).toBe(200);
      expect(reviewIn(answer)).toEqual({
        run_id: run.id,
        run_status: "PENDING_REVIEW",
        workflow_status: "PENDING_REVIEW",
        requires_review: true,
        latest_decision: null,
      });
    }
    const approved = await act(here, `by-correlation/${run.correlationId}`, "APPROVE", {
      headers: { "x-correlation-id": "corr-approve" },
      body: { comment: "fine" },
    });
    expect(approved.status).toBe(200);
    expect(reviewIn(approved)).toMatchObject({
      workflow_status: "APPROVED",
      latest_decision: {
        run_id: run.id,
        action: "APPROVE",
        reason_code: "LIMITS_CHECKED",
        comment: "fine",
        actor_id: "officer_1",
        correlation_id: "corr-approve",
      },
    });
    const back = await act(elsewhere, `idempotency/${run.key}`, "REQUEST_CHANGES");
    expect(reviewIn(back).workflow_status).toBe("PENDING_REVIEW");
    const rejected = await act(here, run.id, "REJECT");
    expect(reviewIn(rejected).workflow_status).toBe("REJECTED");
    for (const name of names) {
      const answer = await elsewhere.get(`/rebalance/runs/${name}/workflow/history`);
      const { run_id, decisions } = read(DpmRunWorkflowHistoryResponse, answer);
      expect(run_id).toBe(run.id);
      expect(decisions.map(({ action }) => action)).toEqual(["APPROVE", "REQUEST_CHANGES", "REJECT"]);
    }
    expectOneHistory(await storedDecisions(run.id));
  });

  test("is not required for a READY run: the refusal is stored with its key and replayed byte for byte", async () => {
    const run = await makeRun(here, { options: {} });
    const review = await here.get(`/rebalance/runs/${run.id}/workflow`);
    expect(reviewIn(review)).toMatchObject({ workflow_status: "NOT_REQUIRED", requires_review: false });
    const key = newKey("refused");
    const first = await act(here, run.id, "APPROVE", { key });
    expect(refusalOf(first)).toBe("409 DPM_WORKFLOW_NOT_REQUIRED_FOR_RUN_STATUS");
    const again = await act(elsewhere, run.id, "APPROVE", { key });
    expect(refusalOf(again)).toBe(refusalOf(first));
    expect(again.text).toBe(first.text);
    expect(again.headers["idempotent-replayed"]).toBe("true");
    expect(await storedDecisions(run.id)).toEqual([]);
  });

  test("a refused key cannot succeed later, when the state would allow it", async () => {
    const run = await makeRun(here);
    await act(here, run.id, "APPROVE");
    const key = newKey("too-early");
    const refused = await act(here, run.id, "APPROVE", { key });
    expect(refusalOf(refused)).toBe("409 DPM_WORKFLOW_INVALID_TRANSITION");
    await act(here, run.id, "REQUEST_CHANGES");
    const straggler = await act(elsewhere, run.id, "APPROVE", { key });
    expect(straggler.text).toBe(refused.text);
    expect(await storedDecisions(run.id)).toHaveLength(2);
  });

  test("a replay has the first answer, also when the review has moved on; another payload is a conflict", async () => {
    const run = await makeRun(here);
    const key = newKey("replayed");
    const first = await act(here, run.id, "APPROVE", { key });
    await act(here, run.id, "REJECT");
    const again = await act(elsewhere, `by-correlation/${run.correlationId}`, "APPROVE", { key });
    expect(again.text).toBe(first.text);
    expect(again.headers["idempotent-replayed"]).toBe("true");
    const other = await act(here, run.id, "REQUEST_CHANGES", { key });
    expect(refusalOf(other)).toBe("409 IDEMPOTENCY_KEY_CONFLICT: request hash mismatch");
    expect(await storedDecisions(run.id)).toHaveLength(2);
  });

  test("what is not found leaves the key free", async () => {
    const key = newKey("nothing");
    for (const [path, code] of [
      [`rr_${"0".repeat(32)}`, "DPM_RUN_NOT_FOUND"],
      ["by-correlation/corr-of-nobody", "DPM_RUN_NOT_FOUND"],
      ["idempotency/key-of-nobody", "DPM_IDEMPOTENCY_KEY_NOT_FOUND"],
    ] as const) {
      const action = await act(here, path, "APPROVE", { key });
      expect(refusalOf(action)).toBe(`404 ${code}`);
      for (const view of ["workflow", "workflow/history"]) {
        const seen = await here.get(`/rebalance/runs/${path}/${view}`);
        expect(refusalOf(seen)).toBe(`404 ${code}`);
      }
    }
    expect(await storedKeys(key)).toBe(0);
  });

  test("an action needs a key, unless the deployment serves callers older than the rule", async () => {
    const run = await makeRun(here);
    const body = { action: "APPROVE", reason_code: "OK", actor_id: "officer_1" };
    const path = `/rebalance/runs/${run.id}/workflow/actions`;
    const refused = await here.post(path, { body });
    expect(refusalOf(refused)).toBe("422 IDEMPOTENCY_KEY_REQUIRED");
    const lenient = await openTestApp(db.url, { REQUIRE_IDEMPOTENCY_KEY: "create" });
    const done = await lenient.post(path, { body });
    const twice = await lenient.post(path, { body });
    await lenient.close();
    expect([done.status, twice.status]).toEqual([200, 409]);
    expect(await storedDecisions(run.id)).toHaveLength(1);
  });

  test("a body that is wrong is refused with every fault, and leaves the key free", async () => {
    const run = await makeRun(here);
    const key = newKey("wrong");
    const wrong = { action: "approve", reason_code: "not upper", extra: 1 };
    const refused = await here.post(`/rebalance/runs/${run.id}/workflow/actions`, { key, body: wrong });
    expect(refused.status).toBe(422);
    expect(read(Problem, refused).errors?.map(({ loc }) => loc.join("."))).toEqual(
      expect.arrayContaining(["body.action", "body.reason_code", "body.actor_id", "body.extra"]),
    );
    expect(await storedKeys(key)).toBe(0);
  });

  test("another tenant sees no run and its keys do not collide", async () => {
    const run = await makeRun(here);
    const key = newKey("tenant");
    await act(here, run.id, "APPROVE", { key });
    const headers = { "x-tenant-id": "other-bank" };
    expect((await act(here, run.id, "APPROVE", { key, headers })).status).toBe(404);
    expect((await here.get(`/rebalance/runs/${run.id}/workflow`, headers)).status).toBe(404);
    const list = await here.get("/rebalance/workflow/decisions", headers);
    expect(decisionsIn(list).items).toEqual([]);
  });
});

describe("a retry by a name that has come to mean another run", () => {
  test("acts on the run that its first attempt acted on", async () => {
    const first = await makeRun(here, { correlationId: "corr-shared" });
    const key = newKey("moving");
    const answer = await act(here, "by-correlation/corr-shared", "APPROVE", { key });
    const second = await makeRun(here, { correlationId: "corr-shared" });
    const retry = await act(elsewhere, "by-correlation/corr-shared", "APPROVE", { key });
    expect(retry.text).toBe(answer.text);
    expect(reviewIn(answer).run_id).toBe(first.id);
    expect(await storedDecisions(second.id)).toEqual([]);
    const fresh = await act(here, "by-correlation/corr-shared", "APPROVE");
    expect(reviewIn(fresh).run_id).toBe(second.id);
  });

  test("one key acts on one run, however the runs and the attempts interleave", async () => {
    const correlationId = "corr-interleaved";
    await makeRun(here, { correlationId });
    const key = newKey("interleaved");
    const attempts = Array.from({ length: 24 }, (_, at) => {
      const app = at % 2 === 0 ? here : elsewhere;
      return at % 4 === 3
        ? makeRun(app, { correlationId }).then(() => undefined)
        : act(app, `by-correlation/${correlationId}`, "APPROVE", { key });
    });
    const answers = (await Promise.all(attempts)).filter((answer) => answer !== undefined);
    expect(new Set(answers.map(({ status, text }) => `${String(status)} ${text}`)).size).toBe(1);
    expect(await storedKeys(key)).toBe(1);
  });
});

describe("under contention", () => {
  test("64 equal callers with one key at two processes take one decision and get the same bytes", async () => {
    const run = await makeRun(here);
    const key = newKey("race");
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, at) => act(at % 2 === 0 ? here : elsewhere, run.id, "APPROVE", { key })),
    );
    expect(new Set(answers.map(({ status, text }) => `${String(status)} ${text}`)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers["idempotent-replayed"] === undefined)).toHaveLength(1);
    expect(await storedDecisions(run.id)).toHaveLength(1);
  });

  test("64 approvals with keys of their own: one wins, 63 are refused", async () => {
    const run = await makeRun(here);
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, at) => act(at % 2 === 0 ? here : elsewhere, run.id, "APPROVE")),
    );
    const refused = answers.filter(({ status }) => status !== 200).map(refusalOf);
    expect(refused).toEqual(Array.from({ length: 63 }, () => "409 DPM_WORKFLOW_INVALID_TRANSITION"));
    expect(await storedDecisions(run.id)).toHaveLength(1);
  });

  test("64 different actions at once leave one legal history, numbered without gaps and chained", async () => {
    const run = await makeRun(here);
    const actions = ["APPROVE", "REJECT", "REQUEST_CHANGES"] as const;
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, at) =>
        act(at % 2 === 0 ? here : elsewhere, run.id, actions[at % 3] ?? "APPROVE"),
      ),
    );
    const decisions = await storedDecisions(run.id);
    expectOneHistory(decisions);
    const accepted = answers.filter(({ status }) => status === 200);
    expect(decisions).toHaveLength(accepted.length);
    expect(accepted.length + answers.filter(({ status }) => status === 409).length).toBe(64);
    const verified = await here.get(`/rebalance/runs/${run.id}/verify`);
    expect(read(DpmRunVerificationResponse, verified)).toMatchObject({ valid: true, failures: [] });
  });
});

describe("what the database holds by itself", () => {
  test("decisions are not changed, not even by the service; nor is a run, though it can be locked", async () => {
    const run = await makeRun(here);
    await act(here, run.id, "APPROVE");
    const write = (statement: (tx: Parameters<Parameters<typeof inTransaction>[2]>[0]) => Promise<unknown>) =>
      outcomeOf(inTransaction(here.database, { tenantId: "default" }, statement));
    expect(await write((tx) => tx`update run_decision set comment = 'x'`)).toBe("not_permitted");
    expect(await write((tx) => tx`delete from run_decision`)).toBe("not_permitted");
    expect(await write((tx) => tx`update rebalance_run set status = 'READY'`)).toBe("not_permitted");
    expect(await write((tx) => tx`update rebalance_run set tenant_id = tenant_id`)).toBe("not_permitted");
    expect(await write((tx) => tx`delete from rebalance_run`)).toBe("not_permitted");
  });

  test("a decision with a gap, without the hash before it, or out of turn is refused", async () => {
    const run = await makeRun(here);
    await act(here, run.id, "APPROVE");
    const [first] = await storedDecisions(run.id);
    const insert = (no: number, previous: string | null, from: string, action: string, to: string) =>
      outcomeOf(
        inTransaction(
          here.database,
          { tenantId: "default" },
          (tx) => tx`
            insert into run_decision
              (tenant_id, rebalance_run_id, decision_no, decision_id, action, from_status, to_status, reason_code,
               actor_id, decided_at, correlation_id, run_correlation_id, previous_hash, decision_hash)
            values
              ('default', ${run.id}, ${no}, ${`dwd_${"f".repeat(32)}`}, ${action}, ${from}, ${to}, 'X', 'a', now(), 'c',
               'c', ${previous}, ${`sha256:${"0".repeat(64)}`})`,
        ),
      );
    const hash = first?.decision_hash ?? "";
    expect(await insert(3, hash, "APPROVED", "REJECT", "REJECTED")).toBe("constraint_violation");
    expect(await insert(2, `sha256:${"1".repeat(64)}`, "APPROVED", "REJECT", "REJECTED")).toBe(
      "constraint_violation",
    );
    expect(await insert(2, hash, "PENDING_REVIEW", "REJECT", "REJECTED")).toBe("constraint_violation");
    expect(await insert(2, hash, "APPROVED", "APPROVE", "APPROVED")).toBe("constraint_violation");
    expect(await insert(1, null, "PENDING_REVIEW", "REJECT", "REJECTED")).toBe("unique_violation");
  });
});

describe("decisions across runs", () => {
  const headers = { "x-tenant-id": "bank-of-lists" };

  test("are listed newest first, by each filter and page by page", async () => {
    const runs = [];
    for (let at = 0; at < 4; at += 1) runs.push(await makeRun(here, { headers }));
    for (const [at, run] of runs.entries()) {
      const body = { actor_id: `officer_${String(at % 2)}`, reason_code: at === 3 ? "LATE" : "EARLY" };
      await act(here, run.id, "APPROVE", { headers, body });
      await act(here, run.id, "REJECT", {
        headers: { ...headers, "x-correlation-id": `corr-reject-${String(at)}` },
        body,
      });
    }
    const list = async (query: string) =>
      decisionsIn(await here.get(`/rebalance/workflow/decisions?${query}`, headers));
    const all = await list("");
    expect(all.items).toHaveLength(8);
    expect(all.next_cursor).toBeNull();
    const expected = runs.toReversed().flatMap(({ id }) => [`REJECT ${id}`, `APPROVE ${id}`]);
    const seen = (items: readonly DpmRunWorkflowDecisionResponse[]) =>
      items.map(({ action, run_id }) => `${action} ${run_id}`);
    expect(seen(all.items)).toEqual(expected);

    const pages: DpmRunWorkflowDecisionResponse[] = [];
    let cursor = "";
    do {
      const page = await list(`limit=3${cursor}`);
      pages.push(...page.items);
      cursor = page.next_cursor === null ? "" : `&cursor=${page.next_cursor}`;
    } while (cursor !== "");
    expect(seen(pages)).toEqual(expected);

    const [first, , , last] = runs;
    expect((await list(`rebalance_run_id=${first?.id ?? ""}`)).items).toHaveLength(2);
    expect((await list("action=REJECT")).items).toHaveLength(4);
    expect((await list("actor_id=officer_1&action=APPROVE")).items).toHaveLength(2);
    expect(seen((await list("reason_code=LATE")).items)).toEqual([
      `REJECT ${last?.id ?? ""}`,
      `APPROVE ${last?.id ?? ""}`,
    ]);
    const middle = String(all.items[3]?.decided_at);
    const since = (await list(`from=${middle}`)).items.length;
    const until = (await list(`to=${middle}`)).items.length;
    expect(since + until).toBeGreaterThanOrEqual(9);

    const path = (id: string) => `/rebalance/workflow/decisions/by-correlation/${id}`;
    const { id = "", correlationId = "" } = runs[2] ?? {};
    const byRun = read(DpmRunWorkflowHistoryResponse, await here.get(path(correlationId), headers));
    expect([byRun.run_id, ...seen(byRun.decisions)]).toEqual([id, `APPROVE ${id}`, `REJECT ${id}`]);
    // The correlation id of an action is that of no run.
    for (const unknown of ["corr-reject-2", "corr-of-nobody"])
      expect(refusalOf(await here.get(path(unknown), headers))).toBe("404 DPM_RUN_NOT_FOUND");
  });

  test("refuse a cursor of another list and a filter that is none", async () => {
    const { next_cursor } = read(DpmRunListResponse, await here.get("/rebalance/runs?limit=1"));
    const foreign = await here.get(`/rebalance/workflow/decisions?cursor=${String(next_cursor)}`);
    expect(refusalOf(foreign)).toBe("422 CURSOR_INVALID");
    expect((await here.get("/rebalance/workflow/decisions?action=approve")).status).toBe(422);
    expect((await here.get("/rebalance/workflow/decisions?actor=x")).status).toBe(422);
  });
});

test("switched off, every route of the group answers with its name", async () => {
  const run = await makeRun(here);
  const off = await openTestApp(db.url, { DPM_WORKFLOW_ENABLED: "false" });
  const answers = [
    ...(await Promise.all(
      [run.id, `by-correlation/${run.correlationId}`, `idempotency/${run.key}`].flatMap((name) => [
        off.get(`/rebalance/runs/${name}/workflow`),
        off.get(`/rebalance/runs/${name}/workflow/history`),
        act(off, name, "APPROVE"),
      ]),
    )),
    await off.get("/rebalance/workflow/decisions"),
    await off.get("/rebalance/workflow/decisions/by-correlation/x"),
  ];
  await off.close();
  expect(new Set(answers.map(refusalOf))).toEqual(new Set(["404 DPM_WORKFLOW_DISABLED"]));
  expect((await here.get(`/rebalance/runs/${run.id}/workflow`)).status).toBe(200);
});

test("which statuses need a review is a setting", async () => {
  const app = await openTestApp(db.url, { DPM_WORKFLOW_REQUIRES_REVIEW_FOR_STATUSES: "READY,BLOCKED" });
  const ready = await makeRun(app, { options: {} });
  const pending = await makeRun(app);
  const approved = await act(app, ready.id, "APPROVE");
  const refused = await act(app, pending.id, "APPROVE");
  await app.close();
  expect(reviewIn(approved).workflow_status).toBe("APPROVED");
  expect(refusalOf(refused)).toBe("409 DPM_WORKFLOW_NOT_REQUIRED_FOR_RUN_STATUS");
});

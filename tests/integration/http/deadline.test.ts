import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ANALYZE_EXAMPLE, SIMULATE_EXAMPLE } from "../../../src/features/rebalance/examples.ts";
import { ProposalCreateResponse } from "../../../src/features/proposals/schemas.ts";
import { databaseUse } from "../../../src/platform/database/database.ts";
import { withDeadline } from "../../../src/runtime.ts";
import { openTestApp, read, refusalOf, type Received, type TestApp } from "../../support/app.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { simulateBody } from "../../support/proposals.ts";
import { withSession } from "../../support/session.ts";

/** Longer than any of these requests takes, shorter than the locks that are held against them. */
const DEADLINE_MS = 1_500;

let db: TestDatabase;
let hasty: TestApp;
let patient: TestApp;

beforeAll(async () => {
  db = await testDatabase();
  const env = { DPM_ASYNC_EXECUTION_MODE: "ACCEPT_ONLY" };
  hasty = await openTestApp(db.url, {
    ...env,
    REQUEST_DEADLINE_MS: String(DEADLINE_MS),
    VERIFY_DEADLINE_MS: String(DEADLINE_MS),
  });
  patient = await openTestApp(db.url, env);
});
afterAll(async () => {
  await hasty.close();
  await patient.close();
  await db.drop();
});

let keys = 0;
const newKey = () => `deadline-${String((keys += 1))}`;

async function newProposal(headers: Record<string, string> = {}): Promise<string> {
  const body = { created_by: "maker", simulate_request: simulateBody() };
  const answer = await patient.post("/rebalance/proposals", { key: newKey(), body, headers });
  return read(ProposalCreateResponse, answer).proposal.proposal_id;
}

function submit(app: TestApp, proposalId: string, key = newKey()): Promise<Received> {
  const body = { event_type: "SUBMITTED_FOR_RISK_REVIEW", actor_id: "maker", expected_state: "DRAFT" };
  return app.post(`/rebalance/proposals/${proposalId}/transitions`, { key, body });
}

/** Runs `work` while another session holds what `lock` takes. */
function whileLocked<T>(lock: string, work: () => Promise<T>): Promise<T> {
  return withSession(db.adminUrl, async (session) => {
    await session.query("begin");
    await session.query(lock);
    try {
      return await work();
    } finally {
      await session.query("rollback");
    }
  });
}

const lockOf = (proposalId: string) => `select from proposal where proposal_id = '${proposalId}' for update`;

describe("at the deadline of a request", () => {
  test("a write ends: its answer says that nothing was written, and nothing is, then or later", async () => {
    const id = await newProposal();
    const key = newKey();
    const answer = await whileLocked(lockOf(id), async () => {
      const late = await submit(hasty, id, key);
      expect(databaseUse(hasty.database).inFlight).toBe(0);
      return late;
    });
    expect(refusalOf(answer)).toBe("503 DEADLINE_EXCEEDED");
    expect(answer.headers["retry-after"]).toBe("1");
    expect((await patient.get(`/rebalance/proposals/${id}`)).json).toMatchObject({
      proposal: { current_state: "DRAFT" },
    });
    expect((await submit(hasty, id, key)).status).toBe(200);
  });

  test("a duplicate that waits for a write does not wait longer than its own", async () => {
    const id = await newProposal();
    const key = newKey();
    const answers = await whileLocked(lockOf(id), () =>
      Promise.all([submit(hasty, id, key), submit(hasty, id, key)]),
    );
    expect(answers.map(({ status }) => status).every((status) => status === 503 || status === 409)).toBe(
      true,
    );
    expect(databaseUse(hasty.database)).toMatchObject({ inFlight: 0, waiting: 0 });
  });

  test("a read of many steps takes none after it", async () => {
    const id = await newProposal();
    const lock = "lock table proposal_version in access exclusive mode";
    const answer = await whileLocked(lock, async () => {
      const late = await hasty.get(`/rebalance/proposals/${id}/verify`);
      expect(databaseUse(hasty.database).inFlight).toBe(0);
      return late;
    });
    expect(refusalOf(answer)).toBe("503 DEADLINE_EXCEEDED");
  });

  test("what calculates is given up as well, whoever asked for it", async () => {
    const deadline = { endsAt: performance.now() + 60_000, signal: AbortSignal.abort() };
    const { calculations } = withDeadline(patient.runtime, deadline);
    const calculation = { name: "answer", compute: () => 42 };
    const kept = patient.runtime.calculations.run(calculation, undefined, { cost: 0 });
    const given = calculations.run(calculation, undefined, { cost: 0 });
    await expect(given).rejects.toMatchObject({ kind: "cancelled" });
    expect(await kept).toBe(42);
  });

  test("what was accepted goes on: an execution by hand is found with its operation", async () => {
    const accepted = await patient.post("/rebalance/analyze/async", { key: newKey(), body: ANALYZE_EXAMPLE });
    const { operation_id } = accepted.json as { operation_id: string };
    const path = `/rebalance/operations/${operation_id}`;
    const late = await whileLocked("lock table rebalance_run in access exclusive mode", () =>
      hasty.post(`${path}/execute`, { body: undefined }),
    );
    expect(refusalOf(late)).toBe("503 OUTCOME_UNKNOWN");
    await vi.waitFor(
      async () => expect((await patient.get(path)).json).toMatchObject({ status: "SUCCEEDED" }),
      10_000,
    );
  });
});

test("thirty writes of one locked proposal take one connection, and keep nobody else out", async () => {
  const id = await newProposal();
  const answers: Received[] = [];
  const writes = await whileLocked(lockOf(id), async () => {
    const sent = Array.from({ length: 30 }, async () => void answers.push(await submit(patient, id)));
    await vi.waitFor(() => expect(databaseUse(patient.database)).toMatchObject({ inFlight: 1, waiting: 0 }));
    const other = await patient.post("/rebalance/simulate", {
      key: newKey(),
      body: SIMULATE_EXAMPLE,
      headers: { "X-Tenant-Id": "another" },
    });
    expect(other.status).toBe(200);
    expect(databaseUse(patient.database)).toMatchObject({ inFlight: 1, waiting: 0 });
    // The turn of the others does not come in time.
    await vi.waitFor(() => expect(answers).toHaveLength(29), 4_000);
    expect(answers.map(refusalOf)).toEqual(Array<string>(29).fill("503 DATABASE_BUSY"));
    return sent;
  });
  await Promise.all(writes);
  expect(answers[29]?.status).toBe(200);
});

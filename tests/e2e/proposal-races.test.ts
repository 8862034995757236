import { afterAll, beforeAll, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { simulateBody } from "../support/proposals.ts";
import { serviceEnv, startService, type RunningService } from "../support/service.ts";
import { withSession } from "../support/session.ts";

let db: TestDatabase;
let services: RunningService[];

beforeAll(async () => {
  db = await testDatabase();
  // A busy machine may keep a caller waiting; it must not turn one away here, where all are counted.
  const env = { ...serviceEnv(db), DATABASE_QUEUE_WAIT_MS: "30000", REQUEST_DEADLINE_MS: "60000" };
  services = await Promise.all([1, 2].map(() => startService({ env })));
});

afterAll(async () => {
  const endings = await Promise.all(services.map((service) => service.stop()));
  const printed = services.map((service) => service.output()).join("\n");
  expect(endings, printed).toEqual(services.map(() => ({ code: 0, signal: null })));
  await db.drop();
});

type Answer = { readonly status: number; readonly text: string; readonly isReplay: boolean };

/** To the services in turn. */
async function post(at: number, path: string, key: string, body: unknown): Promise<Answer> {
  const response = await fetch(new URL(path, services[at % services.length]?.url), {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(body),
  });
  const isReplay = response.headers.get("idempotent-replayed") === "true";
  return { status: response.status, text: await response.text(), isReplay };
}

function race(callers: number, send: (at: number) => Promise<Answer>): Promise<Answer[]> {
  return Promise.all(Array.from({ length: callers }, (_, at) => send(at)));
}

function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, text } of answers) {
    const { detail } = JSON.parse(text) as { detail?: string };
    const result = detail === undefined ? String(status) : `${String(status)} ${detail}`;
    counts[result] = (counts[result] ?? 0) + 1;
  }
  return counts;
}

async function newProposal(key: string): Promise<string> {
  const body = { created_by: "maker", simulate_request: simulateBody() };
  const { text } = await post(0, "/rebalance/proposals", key, body);
  return (JSON.parse(text) as { proposal: { proposal_id: string } }).proposal.proposal_id;
}

/** What a service says when it recomputes the history. */
async function verification(id: string): Promise<unknown> {
  return (await fetch(`${services[1]?.url ?? ""}/rebalance/proposals/${id}/verify`)).json();
}

const SUBMIT = { event_type: "SUBMITTED_FOR_RISK_REVIEW", actor_id: "maker", expected_state: "DRAFT" };

test("64 callers of two services with one key make one proposal", async () => {
  const body = { created_by: "one of 64", simulate_request: simulateBody() };
  const answers = await race(64, (at) => post(at, "/rebalance/proposals", "one-key", body));
  expect(tally(answers)).toEqual({ "200": 64 });
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  expect(answers.filter(({ isReplay }) => !isReplay).length).toBe(1);
  const { rows } = await withSession(db.adminUrl, (session) =>
    session.query("select count(*)::int as made from proposal where created_by = 'one of 64'"),
  );
  expect(rows).toEqual([{ made: 1 }]);
});

test("64 transitions sent to two services with one expected state are one success and 63 conflicts", async () => {
  const id = await newProposal("transitions");
  const answers = await race(64, (at) =>
    post(at, `/rebalance/proposals/${id}/transitions`, `transition-${String(at)}`, SUBMIT),
  );
  expect(tally(answers)).toEqual({ "200": 1, "409 STATE_CONFLICT: expected_state mismatch": 63 });
  expect(await verification(id)).toMatchObject({ valid: true, checked: { events: 2 } });
});

test("32 versions sent to two services are numbered 2 to 33 without gaps, each with its event", async () => {
  const id = await newProposal("versions");
  const answers = await race(32, (at) =>
    post(at, `/rebalance/proposals/${id}/versions`, `version-${String(at)}`, {
      created_by: "maker",
      simulate_request: simulateBody({ quantity: String(at + 1) }),
    }),
  );
  expect(tally(answers)).toEqual({ "200": 32 });
  const numbers = answers.map(
    ({ text }) => (JSON.parse(text) as { version: { version_no: number } }).version.version_no,
  );
  expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 32 }, (_, at) => at + 2));
  expect(await verification(id)).toEqual({
    valid: true,
    checked: { versions: 33, events: 33, approvals: 0 },
    failures: [],
  });
});

test("approval and cancellation sent to two services at once leave one legal history", async () => {
  for (let round = 0; round < 12; round += 1) {
    const id = await newProposal(`duel-${String(round)}`);
    const url = `/rebalance/proposals/${id}`;
    await post(0, `${url}/transitions`, `submit-${String(round)}`, SUBMIT);
    const decision = { actor_id: "checker", expected_state: "RISK_REVIEW" };
    const answers = await race(2, (at) =>
      (at + round) % 2 === 0
        ? post(at, `${url}/approvals`, `approve-${String(round)}`, {
            ...decision,
            approval_type: "RISK",
            approved: true,
          })
        : post(at, `${url}/transitions`, `cancel-${String(round)}`, { ...decision, event_type: "CANCELLED" }),
    );
    expect(tally(answers)).toEqual({ "200": 1, "409 STATE_CONFLICT: expected_state mismatch": 1 });
    expect(await verification(id)).toMatchObject({ valid: true, checked: { events: 3 } });
  }
});

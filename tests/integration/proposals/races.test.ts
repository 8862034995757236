import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Database } from "../../../src/platform/database/database.ts";
import { createProposal } from "../../../src/features/proposals/create-proposal.ts";
import type { Runtime } from "../../../src/runtime.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import {
  addVersion,
  bodyOf,
  caller,
  closePools,
  createBody,
  decide,
  move,
  newProposal,
  openPools,
  proposalDeps,
  resultOf,
  simulateBody,
  stateOf,
  verified,
  type CommandOutcome,
  type ProposalRules,
} from "../../support/proposals.ts";
import { withSession } from "../../support/session.ts";

/** Each with its own connections and its own memory: to one another they are processes. */
const PROCESSES = 4;

let db: TestDatabase;
let pools: Database[];
let processes: Runtime[];

beforeAll(async () => {
  db = await testDatabase();
  pools = openPools(db.url, PROCESSES);
});

beforeEach(() => {
  processes = as({});
});

afterAll(async () => {
  await closePools(pools);
  await db.drop();
});

function as(rules: Partial<ProposalRules>): Runtime[] {
  return pools.map((pool) => proposalDeps(pool, { rules }));
}

/** All at once, one process after another. */
function race(
  callers: number,
  send: (deps: Runtime, at: number) => Promise<CommandOutcome>,
  among = processes,
): Promise<CommandOutcome[]> {
  return Promise.all(
    Array.from({ length: callers }, (_, at) => {
      const deps = among[at % among.length];
      if (deps === undefined) throw new Error("no process");
      return send(deps, at);
    }),
  );
}

function tally(outcomes: readonly CommandOutcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const result of outcomes.map(resultOf)) counts[result] = (counts[result] ?? 0) + 1;
  return counts;
}

async function numbers(statement: string, parameters: unknown[]): Promise<number[]> {
  return withSession(db.adminUrl, async (session) => {
    const { rows } = await session.query<{ number: number }>(statement, parameters);
    return rows.map(({ number }) => number);
  });
}

async function first(): Promise<{ deps: Runtime; id: string }> {
  const [deps] = processes;
  if (deps === undefined) throw new Error("no process");
  const { proposal } = await newProposal(deps);
  return { deps, id: proposal.proposal_id };
}

async function inRiskReview(): Promise<{ deps: Runtime; id: string }> {
  const begun = await first();
  await move(begun.deps, begun.id, { event_type: "SUBMITTED_FOR_RISK_REVIEW", expected_state: "DRAFT" });
  return begun;
}

describe("64 callers with one key", () => {
  test("make one proposal and get the same bytes", async () => {
    const by = caller();
    const body = createBody({ created_by: "one of 64" });
    const outcomes = await race(64, (deps) => createProposal(deps, by, body));
    expect(tally(outcomes)).toEqual({ "200": 64 });
    expect(new Set(outcomes.map(bodyOf)).size).toBe(1);
    expect(outcomes.filter((outcome) => outcome.kind === "answered" && !outcome.isReplayed).length).toBe(1);
    expect(
      await numbers("select count(*)::int as number from proposal where created_by = $1", ["one of 64"]),
    ).toEqual([1]);
  });

  test("and two payloads make one proposal; whoever has the other payload is told of the conflict", async () => {
    const by = caller();
    const outcomes = await race(64, (deps, at) =>
      createProposal(deps, by, createBody({ created_by: `two payloads ${String(at % 2)}` })),
    );
    expect(tally(outcomes)).toEqual({ "200": 32, conflict: 32 });
    expect(
      await numbers("select count(*)::int as number from proposal where created_by like $1", [
        "two payloads%",
      ]),
    ).toEqual([1]);
  });

  test("make one transition, and all are told that it is theirs", async () => {
    const { deps, id } = await first();
    const by = caller();
    const command = { event_type: "SUBMITTED_FOR_RISK_REVIEW", expected_state: "DRAFT" };
    const outcomes = await race(64, (process) => move(process, id, command, by));
    expect(tally(outcomes)).toEqual({ "200": 64 });
    expect(await verified(deps, id)).toMatchObject({ valid: true, checked: { events: 2 } });
  });
});

test("64 transitions with one expected state are one success and 63 conflicts, each kept with its key", async () => {
  const { deps, id } = await first();
  const callers = Array.from({ length: 64 }, () => caller());
  const command = { event_type: "SUBMITTED_FOR_RISK_REVIEW", expected_state: "DRAFT" };
  const send = (process: Runtime, at: number) => move(process, id, command, callers[at]);
  const outcomes = await race(64, send);
  expect(tally(outcomes)).toEqual({ "200": 1, "409 STATE_CONFLICT: expected_state mismatch": 63 });
  expect(await verified(deps, id)).toMatchObject({ valid: true, checked: { events: 2 } });
  const again = await race(64, send);
  expect(again.map(bodyOf)).toEqual(outcomes.map(bodyOf));
  expect(again.every((outcome) => outcome.kind === "answered" && outcome.isReplayed)).toBe(true);
});

test("32 versions at once are numbered 2 to 33 without gaps, each with its event", async () => {
  const { deps, id } = await first();
  const outcomes = await race(32, (process, at) =>
    addVersion(process, id, { simulate_request: simulateBody({ quantity: String(at + 1) }) }),
  );
  expect(tally(outcomes)).toEqual({ "200": 32 });
  const expected = Array.from({ length: 33 }, (_, at) => at + 1);
  expect(
    await numbers("select version_no as number from proposal_version where proposal_id = $1 order by 1", [
      id,
    ]),
  ).toEqual(expected);
  expect(
    await numbers(
      `select related_version_no as number from proposal_event
        where proposal_id = $1 and version_hash is not null order by event_no`,
      [id],
    ),
  ).toEqual(expected);
  expect(await verified(deps, id)).toEqual({
    valid: true,
    checked: { versions: 33, events: 33, approvals: 0 },
    failures: [],
  });
});

describe("approval and cancellation at once", () => {
  const ROUNDS = 16;

  test("both expecting the state that they saw: one of them happens", async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { deps, id } = await inRiskReview();
      const outcomes = await race(2, (process, at) =>
        at === round % 2
          ? decide(process, id, { approval_type: "RISK", expected_state: "RISK_REVIEW" })
          : move(process, id, { event_type: "CANCELLED", expected_state: "RISK_REVIEW" }),
      );
      expect(tally(outcomes)).toEqual({ "200": 1, "409 STATE_CONFLICT: expected_state mismatch": 1 });
      expect(await verified(deps, id)).toMatchObject({ valid: true, checked: { events: 3 } });
    }
  });

  test("expecting nothing: the history is legal, whichever came first", async () => {
    const lenient = as({ requiresExpectedState: false });
    for (let round = 0; round < ROUNDS; round += 1) {
      const { deps, id } = await inRiskReview();
      const [approval, cancellation] = await race(
        2,
        (process, at) =>
          at === 0
            ? decide(process, id, { approval_type: "RISK" })
            : move(process, id, { event_type: "CANCELLED" }),
        round % 2 === 0 ? lenient : [...lenient].reverse(),
      );
      if (approval === undefined || cancellation === undefined) throw new Error("no outcome");
      expect(resultOf(cancellation)).toBe("200");
      const approved = resultOf(approval);
      expect(["200", "422 INVALID_APPROVAL_STATE"]).toContain(approved);
      expect(await stateOf(deps, id)).toBe("CANCELLED");
      const events = approved === "200" ? 4 : 3;
      expect(await verified(deps, id)).toMatchObject({ valid: true, checked: { events } });
    }
  });
});

test("a maker cannot slip an approval of his own version through a race", async () => {
  for (let round = 0; round < 16; round += 1) {
    const { deps, id } = await inRiskReview();
    const outcomes = await race(
      8,
      (process, at) =>
        at % 2 === round % 2
          ? addVersion(process, id, { created_by: "busy" })
          : decide(process, id, { approval_type: "RISK", actor_id: "Busy", expected_state: "RISK_REVIEW" }),
      as({ newVersionRestartsReview: round % 4 === 0 }),
    );
    for (const outcome of outcomes) {
      expect(["200", "403 SEGREGATION_OF_DUTIES", "409 STATE_CONFLICT: expected_state mismatch"]).toContain(
        resultOf(outcome),
      );
    }
    const ownApprovals = await numbers(
      `select e.event_no as number
         from proposal_event e
         join proposal_version v
           on v.tenant_id = e.tenant_id and v.proposal_id = e.proposal_id and v.version_no = e.related_version_no
        where e.proposal_id = $1 and e.event_type = 'RISK_APPROVED' and v.created_by_folded = e.actor_folded`,
      [id],
    );
    expect(ownApprovals).toEqual([]);
    expect(await verified(deps, id)).toMatchObject({ valid: true });
  }
});

describe.each([true, false])(
  "a version that comes while the one before it is executed, review restarted %s",
  (restarts) => {
    const lenient = { requiresExpectedState: false, newVersionRestartsReview: restarts };

    test("is never what is executed, and after an execution there is none", async () => {
      let executions = 0;
      for (let round = 0; round < 16; round += 1) {
        const { deps, id } = await inRiskReview();
        await decide(deps, id, { approval_type: "RISK", expected_state: "RISK_REVIEW" });
        await decide(deps, id, {
          approval_type: "CLIENT_CONSENT",
          expected_state: "AWAITING_CLIENT_CONSENT",
        });
        const outcomes = await race(
          6,
          (process, at) =>
            at % 2 === round % 2
              ? addVersion(process, id, { created_by: "busy" })
              : move(process, id, { event_type: "EXECUTED", actor_id: "busy" }),
          as(lenient),
        );
        const early = restarts ? "422 INVALID_TRANSITION" : "409 STATE_CONFLICT: version not approved";
        const allowed = [
          "200",
          "422 PROPOSAL_TERMINAL_STATE: cannot create version",
          "422 INVALID_TRANSITION",
          early,
        ];
        for (const outcome of outcomes) expect(allowed).toContain(resultOf(outcome));
        const executed = await numbers(
          "select related_version_no as number from proposal_event where proposal_id = $1 and event_type = 'EXECUTED'",
          [id],
        );
        const versions = await numbers(
          "select version_no as number from proposal_version where proposal_id = $1",
          [id],
        );
        executions += executed.length;
        expect(executed.length === 0 || (executed[0] === 1 && versions.length === 1)).toBe(true);
        expect(await verified(deps, id)).toMatchObject({ valid: true });
      }
      // Each of the two came first at least once, or nothing was raced.
      expect(executions).toBeGreaterThan(0);
      expect(executions).toBeLessThan(16);
    });
  },
);

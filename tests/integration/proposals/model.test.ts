import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "../../../src/platform/database/database.ts";
import { ApprovalType, ProposalEventType, ProposalState } from "../../../src/features/proposals/schemas.ts";
import type { ProposalDeps, WriteOutcome } from "../../../src/features/proposals/deps.ts";
import { readTimeline } from "../../../src/features/proposals/read.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { CREATED, modelStep, type ModelCommand } from "../../support/lifecycle-model.ts";
import {
  addVersion,
  caller,
  closeDoors,
  decide,
  detailOf,
  move,
  newProposal,
  openDoors,
  proposalDeps,
  readingOf,
  resultOf,
  simulateBody,
  TENANT,
  verified,
} from "../../support/proposals.ts";

let db: TestDatabase;
let doors: Database[];

beforeAll(async () => {
  db = await testDatabase();
  doors = openDoors(db.url, 2);
});

afterAll(async () => {
  await closeDoors(doors);
  await db.drop();
});

const person = fc.constantFrom("maker", "checker", "third");
const version = fc.option(fc.integer({ min: 0, max: 4 }), { freq: 4 });
/** "as is": the state that the model is in, so that histories get somewhere. */
const expected = fc.oneof(
  { weight: 12, arbitrary: fc.constant("as is") },
  { weight: 1, arbitrary: fc.constantFrom(...ProposalState.options) },
  { weight: 1, arbitrary: fc.constant(null) },
);

const command: fc.Arbitrary<ModelCommand> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("transition" as const),
      event: fc.constantFrom(...ProposalEventType.options),
      actor: person,
      expected,
      version,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("approval" as const),
      type: fc.constantFrom(...ApprovalType.options),
      approved: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
      actor: person,
      expected,
      version,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("version" as const),
      maker: person,
      portfolio: fc.oneof({ weight: 5, arbitrary: fc.constant("pf_1") }, fc.constant("pf_2")),
    }),
  },
);

function send(
  deps: ProposalDeps,
  id: string,
  wanted: ModelCommand,
  by: ReturnType<typeof caller>,
): Promise<WriteOutcome> {
  if (wanted.kind === "version") {
    const body = {
      created_by: wanted.maker,
      simulate_request: simulateBody({ portfolioId: wanted.portfolio }),
    };
    return addVersion(deps, id, body, by);
  }
  const about = {
    actor_id: wanted.actor,
    expected_state: wanted.expected,
    related_version_no: wanted.version,
  };
  return wanted.kind === "transition"
    ? move(deps, id, { ...about, event_type: wanted.event }, by)
    : decide(deps, id, { ...about, approval_type: wanted.type, approved: wanted.approved }, by);
}

function inState(wanted: ModelCommand, state: string): ModelCommand {
  return wanted.kind === "version" || wanted.expected !== "as is" ? wanted : { ...wanted, expected: state };
}

test("any sequence of commands comes to what the model says, and its events to what is stored", async () => {
  const processes = doors.map((door) => proposalDeps(door));
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 20 }), async (commands) => {
      const [first, second] = processes as [ProposalDeps, ProposalDeps];
      const { proposal } = await newProposal(first);
      const id = proposal.proposal_id;
      let model = CREATED;
      for (const [at, drawn] of commands.entries()) {
        const wanted = inState(drawn, model.state);
        const step = modelStep(model, wanted);
        const by = caller();
        const outcome = await send(at % 2 === 0 ? first : second, id, wanted, by);
        expect(resultOf(outcome), JSON.stringify(wanted)).toBe(step.result);
        if (outcome.kind === "answered" && outcome.kept) {
          expect(await send(second, id, wanted, by)).toEqual({ ...outcome, replayed: true });
        }
        model = step.after;
      }
      await expectStored(first, id, model);
    }),
    { numRuns: 60 },
  );
});

async function expectStored(deps: ProposalDeps, id: string, model: typeof CREATED): Promise<void> {
  const timeline = JSON.parse(readingOf(await readTimeline(deps, TENANT, id, undefined))) as {
    current_state: string;
    events: { event_type: string }[];
  };
  expect(timeline.current_state).toBe(model.state);
  expect(timeline.events.map(({ event_type }) => event_type)).toEqual(model.events);
  expect(await verified(deps, id)).toEqual({
    valid: true,
    checked: { versions: model.makers.length, events: model.events.length, approvals: model.approvals },
    failures: [],
  });
  const now = new Date(Date.now() + 60_000).toISOString();
  expect(await detailOf(deps, id, now)).toBe(await detailOf(deps, id));
}

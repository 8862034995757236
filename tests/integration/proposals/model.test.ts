import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "../../../src/platform/database/database.ts";
import { ApprovalType, ProposalEventType, ProposalState } from "../../../src/features/proposals/schemas.ts";
import { readTimeline } from "../../../src/features/proposals/read-proposals.ts";
import type { Runtime } from "../../../src/runtime.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { CREATED, modelStep, type ModelCommand, type ModelRules } from "../../support/lifecycle-model.ts";
import {
  addVersion,
  caller,
  closePools,
  decide,
  detailOf,
  move,
  newProposal,
  openPools,
  proposalDeps,
  resultOf,
  simulateBody,
  TENANT,
  textOf,
  verified,
  type CommandOutcome,
} from "../../support/proposals.ts";

let db: TestDatabase;
let pools: Database[];

beforeAll(async () => {
  db = await testDatabase();
  pools = openPools(db.url, 2);
});

afterAll(async () => {
  await closePools(pools);
  await db.drop();
});

const person = fc.constantFrom("maker", "Maker", "checker", "CHECKER", "third");
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
      isBlocked: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
    }),
  },
);

function send(
  deps: Runtime,
  id: string,
  wanted: ModelCommand,
  by: ReturnType<typeof caller>,
): Promise<CommandOutcome> {
  if (wanted.kind === "version") {
    const body = {
      created_by: wanted.maker,
      simulate_request: simulateBody({
        portfolioId: wanted.portfolio,
        quantity: wanted.isBlocked ? "5000" : "10",
      }),
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

/** A walk that gets somewhere: of commands drawn at random, few lead to an execution. */
const walk: fc.Arbitrary<ModelCommand> = fc.oneof(
  ...["SUBMITTED_FOR_RISK_REVIEW", "RISK_APPROVED", "CLIENT_CONSENT_RECORDED", "EXECUTED"].map((event) =>
    fc.record({
      kind: fc.constant("transition" as const),
      event: fc.constant(event),
      actor: person,
      expected: fc.constant("as is"),
      version: fc.constant(null),
    }),
  ),
);
const commands = fc.array(fc.oneof({ weight: 2, arbitrary: command }, { weight: 3, arbitrary: walk }), {
  minLength: 1,
  maxLength: 20,
});

const DEFAULTS: ModelRules = {
  newVersionRestartsReview: true,
  allowsBlockedVersions: false,
  requiresDistinctApprovers: false,
};
const DEPLOYMENTS: [string, ModelRules, number][] = [
  ["as it comes", DEFAULTS, 60],
  ["that keeps the state with a new version", { ...DEFAULTS, newVersionRestartsReview: false }, 40],
  ["that allows blocked versions", { ...DEFAULTS, allowsBlockedVersions: true }, 20],
  ["that wants different people", { ...DEFAULTS, requiresDistinctApprovers: true }, 40],
];

test.each(DEPLOYMENTS)(
  "any sequence of commands to a deployment %s comes to what the model says",
  async (_title, rules, numRuns) => {
    const processes = pools.map((pool) => proposalDeps(pool, { rules }));
    await fc.assert(
      fc.asyncProperty(commands, async (drawnCommands) => {
        const [first, second] = processes as [Runtime, Runtime];
        const { proposal } = await newProposal(first);
        const id = proposal.proposal_id;
        let model = CREATED;
        for (const [at, drawn] of drawnCommands.entries()) {
          const wanted = inState(drawn, model.state);
          const step = modelStep(model, wanted, rules);
          const by = caller();
          const outcome = await send(at % 2 === 0 ? first : second, id, wanted, by);
          expect(resultOf(outcome), JSON.stringify(wanted)).toBe(step.result);
          if (outcome.kind === "answered" && outcome.isStored) {
            expect(await send(second, id, wanted, by)).toEqual({
              ...outcome,
              made: null,
              isReplayed: true,
            });
          }
          model = step.after;
        }
        await expectStored(first, id, model);
      }),
      { numRuns },
    );
  },
);

async function expectStored(deps: Runtime, id: string, model: typeof CREATED): Promise<void> {
  const timeline = JSON.parse(textOf(await readTimeline(deps, TENANT, id))) as {
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

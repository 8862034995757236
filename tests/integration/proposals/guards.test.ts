import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { inTransaction, type Tx } from "../../../src/platform/database/transaction.ts";
import { newId } from "../../../src/platform/ids.ts";
import {
  hashOfEvent,
  sealEvent,
  type EventDraft,
  type EventRow,
} from "../../../src/features/proposals/event.ts";
import { ProposalEventType, ProposalState } from "../../../src/features/proposals/schemas.ts";
import {
  findProposal,
  insertEvent,
  listEvents,
} from "../../../src/features/proposals/repository/proposals.ts";
import type { Runtime } from "../../../src/runtime.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { outcomeOf } from "../../support/faults.ts";
import { LEGAL, TERMINAL } from "../../support/lifecycle-model.ts";
import {
  addVersion,
  decide,
  move,
  newProposal,
  proposalDeps,
  resultOf,
  simulateBody,
  TENANT,
  verified,
} from "../../support/proposals.ts";
import { withSession } from "../../support/session.ts";

let db: TestDatabase;
let database: Database;
let deps: Runtime;
/** A deployment that keeps the state of a proposal that gets a new version. */
let keeping: Runtime;

beforeAll(async () => {
  db = await testDatabase();
  database = openTestDatabase(db.url);
  deps = proposalDeps(database);
  keeping = proposalDeps(database, { rules: { newVersionRestartsReview: false } });
});

afterAll(async () => {
  await closeDatabase(database);
  await db.drop();
});

async function inRiskReview(): Promise<string> {
  const { proposal } = await newProposal(deps);
  await move(deps, proposal.proposal_id, {
    event_type: "SUBMITTED_FOR_RISK_REVIEW",
    expected_state: "DRAFT",
  });
  return proposal.proposal_id;
}

async function executionReady(): Promise<string> {
  const id = await inRiskReview();
  await decide(deps, id, { approval_type: "RISK", expected_state: "RISK_REVIEW" });
  await decide(deps, id, { approval_type: "CLIENT_CONSENT", expected_state: "AWAITING_CLIENT_CONSENT" });
  return id;
}

function asService<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
  return inTransaction(database, { tenantId: TENANT }, work);
}

async function lastEvent(proposalId: string): Promise<EventRow> {
  const events = await asService((tx) => listEvents(tx, TENANT, proposalId));
  const last = events.at(-1);
  if (last === undefined) throw new Error("no event");
  return last;
}

/** The next event of a history, as a mistake in the code or a hand at the database might write it. */
async function nextEvent(proposalId: string, change: Partial<EventDraft>): Promise<EventRow> {
  const last = await lastEvent(proposalId);
  const draft: EventDraft = {
    ...last,
    event_no: last.event_no + 1,
    event_id: newId("pwe_"),
    event_type: "RISK_APPROVED",
    from_state: last.to_state,
    to_state: "AWAITING_CLIENT_CONSENT",
    actor_id: "checker",
    proposal_hash: null,
    version_hash: null,
    approval_id: null,
    approval_hash: null,
    ...change,
  };
  return sealEvent(draft, last.event_hash);
}

/** The constraint that a statement meets, by name. */
async function constraintOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    return error instanceof Error && "fault" in error
      ? String((error.fault as { constraint?: string }).constraint)
      : String(error);
  }
}

describe("the database by itself", () => {
  test("knows the same lifecycle as the code, cell by cell", async () => {
    const { rows } = await withSession(db.adminUrl, async (session) => {
      const check = await session.query<{ condition: string }>(
        "select pg_get_expr(conbin, conrelid) as condition from pg_constraint where conname = 'proposal_event_legal'",
      );
      return session.query<{ cell: string }>(
        `select concat_ws(' ', from_state, event_type, to_state) as cell
           from unnest($1::text[]) as event_type
                cross join (select unnest($2::text[]) union all select null) as f (from_state)
                cross join unnest($2::text[]) as to_state
          where ${check.rows[0]?.condition ?? "false"}`,
        [ProposalEventType.options, ProposalState.options],
      );
    });
    const going = ProposalState.options.filter((state) => !TERMINAL.includes(state));
    expect(rows.map(({ cell }) => cell).sort()).toEqual(
      [
        ...LEGAL,
        "CREATED DRAFT",
        ...new Set(
          going.flatMap((state) => [
            `${state} NEW_VERSION_CREATED ${state}`,
            `${state} NEW_VERSION_CREATED DRAFT`,
          ]),
        ),
      ].sort(),
    );
  });

  test("refuses the maker's own approval, whoever writes it", async () => {
    const id = await inRiskReview();
    const own = await nextEvent(id, { actor_id: "maker" });
    expect(await constraintOf(asService((tx) => insertEvent(tx, TENANT, own)))).toBe(
      "proposal_event_segregation_of_duties",
    );
    const waived = sealEvent({ ...own, segregation_waived: true }, own.previous_hash);
    expect(await constraintOf(asService((tx) => insertEvent(tx, TENANT, waived)))).toBe("none");
  });

  test.each(["MAKER", "\uff4daker", "mak\u00ader"])("refuses it as %s too", async (actor_id) => {
    const id = await inRiskReview();
    const own = await nextEvent(id, { actor_id });
    expect(await constraintOf(asService((tx) => insertEvent(tx, TENANT, own)))).toBe(
      "proposal_event_segregation_of_duties",
    );
  });

  test.each<[string, Partial<EventDraft>]>([
    ["the approval", {}],
    ["the rejection", { event_type: "REJECTED", to_state: "REJECTED" }],
    ["the cancellation", { event_type: "CANCELLED", to_state: "CANCELLED" }],
  ])("refuses %s of an older version", async (_title, change) => {
    const id = await inRiskReview();
    await addVersion(keeping, id, { created_by: "second maker" });
    const old = await nextEvent(id, { ...change, related_version_no: 1 });
    expect(await constraintOf(asService((tx) => insertEvent(tx, TENANT, old)))).toBe(
      "proposal_event_newest_version",
    );
  });

  test("refuses consent and execution of a version that lacks the approvals that lead there", async () => {
    const id = await inRiskReview();
    await decide(deps, id, { approval_type: "RISK", expected_state: "RISK_REVIEW" });
    await addVersion(keeping, id);
    const consent = await nextEvent(id, {
      event_type: "CLIENT_CONSENT_RECORDED",
      to_state: "EXECUTION_READY",
      related_version_no: 2,
    });
    expect(await constraintOf(asService((tx) => insertEvent(tx, TENANT, consent)))).toBe(
      "proposal_event_version_approved",
    );
    const ready = await executionReady();
    await addVersion(keeping, ready);
    const execution = await nextEvent(ready, {
      event_type: "EXECUTED",
      to_state: "EXECUTED",
      related_version_no: 2,
    });
    expect(await constraintOf(asService((tx) => insertEvent(tx, TENANT, execution)))).toBe(
      "proposal_event_version_approved",
    );
  });

  test("refuses every step of a BLOCKED version, unless the event says that it was allowed", async () => {
    const { proposal } = await newProposal(deps, { simulate_request: simulateBody({ quantity: "5000" }) });
    const change = { event_type: "SUBMITTED_FOR_RISK_REVIEW", to_state: "RISK_REVIEW" } as const;
    const submission = await nextEvent(proposal.proposal_id, change);
    expect(await constraintOf(asService((tx) => insertEvent(tx, TENANT, submission)))).toBe(
      "proposal_event_version_blocked",
    );
    const allowed = await nextEvent(proposal.proposal_id, { ...change, blocked_waived: true });
    expect(await constraintOf(asService((tx) => insertEvent(tx, TENANT, allowed)))).toBe("none");
  });

  test("refuses two duties to one person, unless the event says that they were allowed", async () => {
    const id = await executionReady();
    const change = { event_type: "EXECUTED", to_state: "EXECUTED", actor_id: "Checker" } as const;
    const execution = await nextEvent(id, change);
    expect(await constraintOf(asService((tx) => insertEvent(tx, TENANT, execution)))).toBe(
      "proposal_event_distinct_people",
    );
    const allowed = await nextEvent(id, { ...change, distinct_waived: true });
    expect(await constraintOf(asService((tx) => insertEvent(tx, TENANT, allowed)))).toBe("none");
  });

  test("refuses an event of today without the name as people are compared", async () => {
    const id = await inRiskReview();
    const event = { ...(await nextEvent(id, {})), actor_folded: null };
    expect(await constraintOf(asService((tx) => insertEvent(tx, TENANT, event)))).toBe(
      "proposal_event_person",
    );
  });

  test.each<[string, string, Partial<EventDraft>]>([
    ["an illegal transition", "proposal_event_legal", { event_type: "EXPIRED", to_state: "EXPIRED" }],
    [
      "a state that was not left",
      "proposal_event_chain",
      { event_type: "COMPLIANCE_APPROVED", from_state: "COMPLIANCE_REVIEW" },
    ],
    ["a gap in the numbers", "proposal_event_chain", { event_no: 9 }],
    ["a number that is taken", "proposal_event_pkey", { event_no: 2 }],
    ["an unknown version", "proposal_event_version_fkey", { related_version_no: 5 }],
  ])("refuses an event with %s", async (_title, constraint, change) => {
    const id = await inRiskReview();
    const event = await nextEvent(id, change);
    expect(await constraintOf(asService((tx) => insertEvent(tx, TENANT, event)))).toBe(constraint);
  });

  test("refuses an event that does not carry the hash of the one before it", async () => {
    const id = await inRiskReview();
    const event = await nextEvent(id, {});
    const previous_hash = `sha256:${"0".repeat(64)}`;
    const forked = {
      ...event,
      previous_hash,
      event_hash: hashOfEvent(event, previous_hash, event.hash_version),
    };
    expect(await constraintOf(asService((tx) => insertEvent(tx, TENANT, forked)))).toBe(
      "proposal_event_chain",
    );
  });

  test("refuses a proposal that stands elsewhere than its event left it", async () => {
    const id = await inRiskReview();
    const moved = asService(
      (tx) =>
        tx`update proposal set current_state = 'EXECUTED' where tenant_id = ${TENANT} and proposal_id = ${id}`,
    );
    expect(await constraintOf(moved)).toBe("proposal_stands_where_event_left");
  });

  test("refuses an approval that is not what its event says", async () => {
    const id = await inRiskReview();
    const approvalId = newId("pap_");
    const approvalHash = `sha256:${"0".repeat(64)}`;
    const event = await nextEvent(id, { approval_id: approvalId, approval_hash: approvalHash });
    const insert = (type: string, actor: string, subject: string | null = null) =>
      asService(async (tx) => {
        await insertEvent(tx, TENANT, event);
        await tx`
          insert into proposal_approval
            (tenant_id, proposal_id, event_no, approval_id, approval_type, approved, actor_id, occurred_at,
             details_text, related_version_no, authenticated_subject)
          values (${TENANT}, ${id}, ${event.event_no}, ${approvalId}, ${type}, true, ${actor}, ${event.occurred_at},
                  '{}', 1, ${subject})`;
      });
    expect(await constraintOf(insert("RISK", "someone else"))).toBe("proposal_approval_event");
    expect(await constraintOf(insert("COMPLIANCE", "checker"))).toBe("proposal_approval_event");
    expect(await constraintOf(insert("RISK", "checker", "mallory"))).toBe("proposal_approval_event");
    expect(await constraintOf(asService((tx) => insertEvent(tx, TENANT, event)))).toBe(
      "proposal_event_approval_fkey",
    );
  });
});

describe("what is written once", () => {
  const EVIDENCE = ["proposal_version", "proposal_event", "proposal_approval"];

  test.each(EVIDENCE)("%s: the service may not change or delete it", async (table) => {
    const statements: ((tx: Tx) => Promise<unknown>)[] =
      {
        proposal_version: [
          (tx: Tx) => tx`update proposal_version set created_by = 'x'`,
          (tx: Tx) => tx`delete from proposal_version`,
          (tx: Tx) => tx`truncate proposal_version cascade`,
        ],
        proposal_event: [
          (tx: Tx) => tx`update proposal_event set actor_id = 'x'`,
          (tx: Tx) => tx`delete from proposal_event`,
          (tx: Tx) => tx`truncate proposal_event cascade`,
        ],
        proposal_approval: [
          (tx: Tx) => tx`update proposal_approval set actor_id = 'x'`,
          (tx: Tx) => tx`delete from proposal_approval`,
          (tx: Tx) => tx`truncate proposal_approval cascade`,
        ],
      }[table] ?? [];
    expect(statements.length).toBe(3);
    for (const statement of statements) expect(await outcomeOf(asService(statement))).toBe("not_permitted");
  });

  test.each([
    "update proposal_version set created_by = 'x'",
    "update proposal_event set actor_id = 'x'",
    "update proposal_approval set actor_id = 'x'",
    ...EVIDENCE.flatMap((table) => [`delete from ${table}`, `truncate ${table} cascade`]),
    "update proposal set created_by = 'x'",
    "delete from proposal",
    "truncate proposal cascade",
  ])("not even the owner of the tables: %s", async (statement) => {
    await newProposal(deps);
    await expect(withSession(db.adminUrl, (session) => session.query(statement))).rejects.toMatchObject({
      code: "42501",
      message: expect.stringContaining("append-only") as unknown as string,
    });
  });

  test("no statement without a tenant sees or writes a row", async () => {
    await newProposal(deps);
    const rows = await inTransaction(database, { tenantId: null }, (tx) => tx`select from proposal_event`);
    expect(rows.length).toBe(0);
    const id = await inRiskReview();
    const event = await nextEvent(id, {});
    expect(
      await outcomeOf(inTransaction(database, { tenantId: null }, (tx) => insertEvent(tx, TENANT, event))),
    ).toBe("not_permitted");
  });
});

test("where the deployment does without a second person, the event says so and the history verifies", async () => {
  const trusting = proposalDeps(database, { rules: { requiresSegregationOfDuties: false } });
  const id = await inRiskReview();
  const own = { approval_type: "RISK", expected_state: "RISK_REVIEW", actor_id: "maker" };
  expect(resultOf(await decide(trusting, id, own))).toBe("200");
  expect((await lastEvent(id)).segregation_waived).toBe(true);
  expect(await verified(deps, id)).toMatchObject({ valid: true });
});

test("a write that fails half-way leaves nothing", async () => {
  const id = await inRiskReview();
  const before = await asService((tx) => findProposal(tx, TENANT, id));
  // The number of the next version is taken, which the service cannot know.
  await withSession(db.adminUrl, async (session) => {
    await session.query("set session_replication_role = replica");
    await session.query(
      `insert into proposal_version
         (tenant_id, proposal_id, version_no, proposal_version_id, created_by, created_at, correlation_id,
          portfolio_id, status_at_creation, engine_version, request_hash, simulation_hash, artifact_hash,
          artifact_text_hash, keeps_evidence, request_text, result_text, artifact_text)
       select tenant_id, proposal_id, 2, $2, created_by, created_at, correlation_id, portfolio_id,
              status_at_creation, engine_version, request_hash, simulation_hash, artifact_hash, artifact_text_hash, keeps_evidence,
              request_text, result_text, artifact_text
         from proposal_version where proposal_id = $1`,
      [id, newId("ppv_")],
    );
  });
  expect(await outcomeOf(addVersion(deps, id, { simulate_request: simulateBody() }))).toBe(
    "unique_violation",
  );
  expect(await asService((tx) => findProposal(tx, TENANT, id))).toEqual(before);
  expect((await lastEvent(id)).event_no).toBe(2);
});

import { randomBytes } from "node:crypto";
import type pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { ProposalSimulateRequest } from "../../../src/contract/proposal.ts";
import {
  hashOfApproval,
  hashOfEvent,
  leftBy,
  type ApprovalRow,
  type EventRow,
} from "../../../src/features/proposals/event.ts";
import { draftVersion } from "../../../src/features/proposals/prepare-version.ts";
import { hashOfProposal } from "../../../src/features/proposals/proposal.ts";
import { readVersion } from "../../../src/features/proposals/read-proposals.ts";
import type { ProposalEventType, ProposalState } from "../../../src/features/proposals/schemas.ts";
import { hashOfVersion, type VersionRow } from "../../../src/features/proposals/version.ts";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { migrate } from "../../../src/platform/database/migrate.ts";
import { readMigrations } from "../../../src/platform/database/migrations.ts";
import { readJsonBody } from "../../../src/platform/json/read-json.ts";
import { newId } from "../../../src/platform/ids.ts";
import type { Runtime } from "../../../src/runtime.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { withMigrationFiles } from "../../support/migration-files.ts";
import {
  decide,
  move,
  proposalDeps,
  resultOf,
  simulateBody,
  TENANT,
  textOf,
  verified,
} from "../../support/proposals.ts";
import { urlOf, withSession } from "../../support/session.ts";

/** A database of before names were compared as people's and approvals bound to a version: hash version 1 throughout. */
const { adminUrl, prefix } = inject("testServer");
const name = `${prefix}${randomBytes(6).toString("hex")}`;
const url = urlOf(adminUrl, { database: name });

const AT = "2026-03-01T09:30:00.000Z";
let database: Database;
let deps: Runtime;

type OldStep =
  | { readonly adds: true }
  | {
      readonly event: ProposalEventType;
      readonly to: ProposalState;
      readonly actor: string;
      readonly approval?: "RISK" | "CLIENT_CONSENT";
    };

const SUBMITTED = { event: "SUBMITTED_FOR_RISK_REVIEW", to: "RISK_REVIEW", actor: "maker" } as const;
const APPROVED = {
  event: "RISK_APPROVED",
  to: "AWAITING_CLIENT_CONSENT",
  actor: "checker",
  approval: "RISK",
} as const;
const CONSENT = {
  event: "CLIENT_CONSENT_RECORDED",
  to: "EXECUTION_READY",
  actor: "client",
  approval: "CLIENT_CONSENT",
} as const;
const EXECUTED = { event: "EXECUTED", to: "EXECUTED", actor: "maker" } as const;
const NEW_VERSION = { adds: true } as const;

const HISTORIES = {
  executed: [SUBMITTED, NEW_VERSION, APPROVED, CONSENT, EXECUTED],
  /** What was legal then: nobody approved the version that was executed. */
  "executed unapproved": [SUBMITTED, APPROVED, CONSENT, NEW_VERSION, EXECUTED],
  /** Approved by the maker in another spelling. */
  "approved by another spelling": [SUBMITTED, { ...APPROVED, actor: "Maker" }],
  "awaiting consent": [SUBMITTED, NEW_VERSION, APPROVED],
  "ready with an unapproved version": [SUBMITTED, APPROVED, CONSENT, NEW_VERSION],
} as const satisfies Record<string, readonly OldStep[]>;
type History = keyof typeof HISTORIES;

const ids = Object.fromEntries(Object.keys(HISTORIES).map((history) => [history, newId("pp_")])) as Record<
  History,
  string
>;

beforeAll(async () => {
  await withSession(adminUrl, (session) => session.query(`create database ${name}`));
  await withMigrationFiles(
    readMigrations().filter(({ name: step }) => step < "0015"),
    async (folder) => {
      await migrate({ url, folder });
    },
  );
  await withSession(url, async (session) => {
    for (const [history, steps] of Object.entries(HISTORIES)) {
      await writeHistory(session, ids[history as History], steps);
    }
  });
  await migrate({ url });
  database = openTestDatabase(url);
  deps = proposalDeps(database);
});

afterAll(async () => {
  await closeDatabase(database);
  await withSession(adminUrl, (session) => session.query(`drop database ${name} with (force)`));
});

async function writeHistory(
  session: pg.Client,
  proposalId: string,
  steps: readonly OldStep[],
): Promise<void> {
  await session.query("begin");
  const facts = {
    proposal_id: proposalId,
    created_by: "maker",
    created_at: AT,
    correlation_id: "corr",
    title: null,
    advisor_notes: null,
    jurisdiction: null,
    mandate_id: null,
  };
  const first = await writeVersion(session, proposalId, 1, facts);
  let versionNo = 1;
  let last = await writeEvent(session, undefined, {
    ...eventOf(proposalId, "CREATED", "DRAFT", "maker", 1),
    proposal_hash: hashOfProposal(TENANT, facts),
    version_hash: hashOfVersion(first, 1),
  });
  for (const step of steps) {
    if ("adds" in step) {
      versionNo += 1;
      const version = await writeVersion(session, proposalId, versionNo);
      last = await writeEvent(session, last, {
        ...eventOf(proposalId, "NEW_VERSION_CREATED", last.to_state, "maker", versionNo),
        version_hash: hashOfVersion(version, 1),
      });
    } else {
      last = await writeStep(session, last, step, versionNo);
    }
  }
  await session.query(
    `update proposal set current_state = $2, current_version_no = $3, last_event_no = $4, last_event_hash = $5
      where proposal_id = $1`,
    [proposalId, last.to_state, versionNo, last.event_no, last.event_hash],
  );
  await session.query("commit");
}

type OldEvent = Omit<EventRow, "event_no" | "from_state" | "previous_hash" | "event_hash">;

function eventOf(
  proposalId: string,
  event_type: ProposalEventType,
  to_state: ProposalState,
  actor_id: string,
  related_version_no: number,
): OldEvent {
  return {
    proposal_id: proposalId,
    event_id: newId("pwe_"),
    event_type,
    to_state,
    actor_id,
    occurred_at: AT,
    correlation_id: "corr",
    reason_text: "{}",
    related_version_no,
    segregation_waived: false,
    proposal_hash: null,
    version_hash: null,
    approval_id: null,
    approval_hash: null,
    authenticated_subject: null,
    actor_folded: null,
    hash_version: 1,
    blocked_waived: false,
    distinct_waived: false,
  };
}

async function writeStep(
  session: pg.Client,
  last: EventRow,
  step: Extract<OldStep, { event: string }>,
  versionNo: number,
): Promise<EventRow> {
  const draft = eventOf(last.proposal_id, step.event, step.to, step.actor, versionNo);
  if (step.approval === undefined) return writeEvent(session, last, draft);
  const approval: ApprovalRow = {
    proposal_id: last.proposal_id,
    event_no: last.event_no + 1,
    approval_id: newId("pap_"),
    approval_type: step.approval,
    approved: true,
    actor_id: step.actor,
    authenticated_subject: null,
    occurred_at: AT,
    details_text: "{}",
    related_version_no: versionNo,
  };
  const { approval_id } = approval;
  const event = await writeEvent(session, last, {
    ...draft,
    approval_id,
    approval_hash: hashOfApproval(approval, 1),
  });
  await insert(session, "proposal_approval", approval);
  return event;
}

async function writeEvent(
  session: pg.Client,
  last: EventRow | undefined,
  event: OldEvent,
): Promise<EventRow> {
  const previous_hash = last?.event_hash ?? null;
  const draft = { ...event, event_no: (last?.event_no ?? 0) + 1, from_state: last?.to_state ?? null };
  const sealed = { ...draft, previous_hash, event_hash: hashOfEvent(draft, previous_hash, 1) };
  if (last === undefined) await session.query("set constraints all deferred");
  await insert(session, "proposal_event", sealed);
  if (last === undefined) {
    const { last_event_no, last_event_hash } = leftBy(sealed);
    await session.query(
      "update proposal set last_event_no = $2, last_event_hash = $3 where proposal_id = $1",
      [sealed.proposal_id, last_event_no, last_event_hash],
    );
  }
  return sealed;
}

/** The first version comes with its proposal. */
async function writeVersion(
  session: pg.Client,
  proposalId: string,
  versionNo: number,
  facts?: Readonly<Record<string, unknown>>,
): Promise<VersionRow> {
  const body = readJsonBody(Buffer.from(JSON.stringify(simulateBody({ quantity: String(versionNo) }))));
  if (!body.ok) throw new Error("the body of the test is no JSON");
  const context = {
    correlationId: "corr",
    idempotencyKey: null,
    engineVersion: "0.0.0-test",
    defaultRulesVersion: "1",
  } as const;
  const version: VersionRow = {
    ...draftVersion(ProposalSimulateRequest.parse(body.value), context, AT, true),
    proposal_id: proposalId,
    version_no: versionNo,
    proposal_version_id: newId("ppv_"),
    created_by: "maker",
    created_by_folded: null,
    authenticated_subject: null,
    created_at: AT,
  };
  if (facts !== undefined) {
    await insert(session, "proposal", {
      ...facts,
      portfolio_id: version.portfolio_id,
      current_state: "DRAFT",
      current_version_no: 1,
      last_event_no: 1,
      last_event_hash: "",
      last_event_at: AT,
    });
  }
  await insert(session, "proposal_version", version);
  return version;
}

const NOT_THEN = [
  "authenticated_subject",
  "actor_folded",
  "created_by_folded",
  "hash_version",
  "blocked_waived",
  "distinct_waived",
];

async function insert(session: pg.Client, table: string, row: object): Promise<void> {
  const entries = Object.entries({ tenant_id: TENANT, ...row }).filter(
    ([column]) => !NOT_THEN.includes(column),
  );
  const columns = entries.map(([column]) => column).join(", ");
  const places = entries.map((_, at) => `$${String(at + 1)}`).join(", ");
  await session.query(
    `insert into ${table} (${columns}) values (${places})`,
    entries.map(([, value]) => value as unknown),
  );
}

test.each(Object.keys(HISTORIES) as History[])(
  "a history of before verifies as it did: %s",
  async (history) => {
    const { valid, failures } = await verified(deps, ids[history]);
    expect(failures).toEqual([]);
    expect(valid).toBe(true);
    expect(textOf(await readVersion(deps, TENANT, ids[history], 1, true))).toContain(
      '"authenticated_subject":null',
    );
  },
);

test("a history of before goes on under the rules of today, and the mixed chain verifies", async () => {
  const id = ids["awaiting consent"];
  const consent = { approval_type: "CLIENT_CONSENT", expected_state: "AWAITING_CLIENT_CONSENT" };
  expect(resultOf(await decide(deps, id, consent))).toBe("200");
  expect(resultOf(await move(deps, id, { event_type: "EXECUTED", expected_state: "EXECUTION_READY" }))).toBe(
    "200",
  );
  expect(await verified(deps, id)).toMatchObject({ valid: true, checked: { events: 6, approvals: 2 } });
  const { rows } = await withSession(url, (session) =>
    session.query<{ hash_version: number }>(
      "select hash_version from proposal_event where proposal_id = $1 order by event_no",
      [id],
    ),
  );
  expect(rows.map(({ hash_version }) => hash_version)).toEqual([1, 1, 1, 1, 2, 2]);
});

test("in rows of before, the database compares names in lower case and without outer blanks", async () => {
  const { rows } = await withSession(url, (session) =>
    session.query<{ person: string }>(
      "select folded_name(null, name) as person from unnest(array[' Maker', 'maker\u00a0', 'ＭＡＫＥＲ']) as name",
    ),
  );
  expect(rows.map(({ person }) => person)).toEqual(["maker", "maker", "maker"]);
});

test("what nobody approved is not executed any more, although its state says that it could be", async () => {
  const id = ids["ready with an unapproved version"];
  expect(resultOf(await move(deps, id, { event_type: "EXECUTED", expected_state: "EXECUTION_READY" }))).toBe(
    "409 STATE_CONFLICT: version not approved",
  );
});

test("an event of before that is given what its hash version does not cover is named", async () => {
  const id = ids["approved by another spelling"];
  await withSession(url, async (session) => {
    await session.query("set session_replication_role = replica");
    await session.query(
      "update proposal_event set authenticated_subject = 'mallory' where proposal_id = $1 and event_no = 2",
      [id],
    );
  });
  expect((await verified(deps, id)).failures).toMatchObject([
    { kind: "event", reason: "it holds what the hash version of its time does not cover" },
  ]);
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeDatabase, type Database } from "../../../src/platform/database/database.ts";
import { inTransaction, type SqlValue, type Tx } from "../../../src/platform/database/transaction.ts";
import { findKeyMapping } from "../../../src/features/proposals/repository/idempotency-queries.ts";
import {
  findDecisionFacts,
  findLastNumbers,
  findProposal,
  listApprovals,
  listEvents,
  listEventsBetween,
  listProposals,
  lockProposal,
  type ProposalFilters,
} from "../../../src/features/proposals/repository/proposals.ts";
import {
  findVersion,
  listVersions,
  listWholeVersions,
} from "../../../src/features/proposals/repository/versions.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { withSession } from "../../support/session.ts";

const TENANT = "tenant-a";
const PROPOSALS = 6_000;
const EVENTS_OF_ONE = 1_000;
const ID = `pp_${"0".repeat(31)}1`;

let db: TestDatabase;
let database: Database;

/** Enough rows for the planner to choose; what stands in them does not matter. */
const FILL = `
  set session_replication_role = replica;
  insert into proposal
    (tenant_id, proposal_id, created_by, created_at, correlation_id, portfolio_id, current_state,
     current_version_no, last_event_no, last_event_hash, last_event_at)
  select '${TENANT}', 'pp_' || lpad(to_hex(n), 32, '0'), 'maker ' || n % 50, now() - n * interval '1 minute', 'corr',
         'pf_' || n % 500, (array['DRAFT', 'RISK_REVIEW', 'EXECUTED', 'CANCELLED'])[1 + n % 4], 1, 1, 'h', now()
    from generate_series(1, ${String(PROPOSALS)}) n;
  insert into proposal_version
    (tenant_id, proposal_id, version_no, proposal_version_id, created_by, created_at, correlation_id, portfolio_id,
     status_at_creation, engine_version, request_hash, simulation_hash, artifact_hash, artifact_text_hash, keeps_evidence,
     request_text, result_text, artifact_text)
  select tenant_id, proposal_id, 1, 'ppv_' || substr(proposal_id, 4), created_by, created_at, correlation_id,
         portfolio_id, 'READY', '1', h, h, h, h, true, '{}', '{}', '{}'
    from proposal, (select 'sha256:' || repeat('0', 64) as h) x;
  insert into proposal_event
    (tenant_id, proposal_id, event_no, event_id, event_type, to_state, actor_id, occurred_at, correlation_id,
     reason_text, related_version_no, proposal_hash, version_hash, event_hash)
  select tenant_id, proposal_id, 1, 'pwe_' || substr(proposal_id, 4), 'CREATED', 'DRAFT', created_by, created_at,
         correlation_id, '{}', 1, h, h, h
    from proposal, (select 'sha256:' || repeat('0', 64) as h) x;
  insert into proposal_event
    (tenant_id, proposal_id, event_no, event_id, event_type, from_state, to_state, actor_id, occurred_at,
     correlation_id, reason_text, related_version_no, version_hash, previous_hash, event_hash)
  select '${TENANT}', '${ID}', n, 'pwe_f' || lpad(to_hex(n), 31, '0'), 'NEW_VERSION_CREATED', 'DRAFT', 'DRAFT', 'maker',
         now() + n * interval '1 second', 'corr', '{}', 1, h, h, h
    from generate_series(2, ${String(EVENTS_OF_ONE)}) n, (select 'sha256:' || repeat('0', 64) as h) x;
  insert into proposal_approval
    (tenant_id, proposal_id, event_no, approval_id, approval_type, approved, actor_id, occurred_at, details_text,
     related_version_no)
  select tenant_id, proposal_id, 1, 'pap_' || substr(proposal_id, 4), 'RISK', true, 'checker', now(), '{}', 1
    from proposal;
  insert into idempotency_record
    (tenant_id, scope, idempotency_key, payload_hash, response_status, response_body, proposal_id,
     proposal_version_no, created_at)
  select tenant_id, 'proposals.create', 'key-' || proposal_id, 'sha256:' || repeat('0', 64), 200, '{}', proposal_id, 1,
         created_at
    from proposal;
  set session_replication_role = origin;
  analyze;`;

beforeAll(async () => {
  db = await testDatabase();
  database = openTestDatabase(db.url);
  await withSession(db.adminUrl, (session) => session.query(FILL));
});

afterAll(async () => {
  await closeDatabase(database);
  await db.drop();
});

/** The plans of the very statements that the service sends, as the service's role plans them. */
async function plansOf(send: (tx: Tx) => Promise<unknown>): Promise<string> {
  const plans: string[] = [];
  await inTransaction(database, { tenantId: TENANT }, async (tx) => {
    const explaining = async (strings: TemplateStringsArray, ...values: readonly SqlValue[]) => {
      const [head = "", ...rest] = strings;
      const explained = Object.assign([`explain ${head}`, ...rest], { raw: strings.raw });
      const rows = await tx<{ "QUERY PLAN": string }>(explained, ...values);
      plans.push(...rows.map((row) => row["QUERY PLAN"]));
      return Object.assign([], { count: 0 });
    };
    await send(explaining);
  });
  expect(plans.length).toBeGreaterThan(0);
  return plans.join("\n");
}

const AFTER = { createdAt: new Date().toISOString(), id: `pp_${"f".repeat(32)}` };

describe("the list of proposals", () => {
  test.each<[string, ProposalFilters, string]>([
    ["all", {}, "proposal_newest"],
    ["of a portfolio", { portfolio_id: "pf_7" }, "proposal_by_portfolio"],
    ["in a state", { state: "RISK_REVIEW" }, "proposal_by_state"],
    ["of a maker", { created_by: "maker 7" }, "proposal_by_creator"],
    ["of a time", { created_from: "2026-01-01", created_to: "2036-01-01" }, "proposal_newest"],
  ])("%s reads one page from its index, without a sort", async (_title, filters, index) => {
    for (const after of [undefined, AFTER]) {
      const plan = await plansOf((tx) =>
        listProposals(tx, TENANT, filters, { tenantId: TENANT, after, limit: 20 }),
      );
      expect(plan).toContain(index);
      expect(plan).not.toMatch(/Seq Scan|Sort/);
    }
  });
});

describe("one proposal", () => {
  test.each<[string, (tx: Tx) => Promise<unknown>]>([
    ["is found", (tx) => findProposal(tx, TENANT, ID)],
    ["is locked in its turn", (tx) => lockProposal(tx, TENANT, ID, "wait")],
    ["is locked if it is free", (tx) => lockProposal(tx, TENANT, ID, "skip_locked")],
    ["what is decided on", (tx) => findDecisionFacts(tx, TENANT, ID, null)],
    ["its current version", (tx) => findVersion(tx, TENANT, ID, "current", true)],
    ["a version", (tx) => findVersion(tx, TENANT, ID, 1, true)],
    [
      "a page of versions with their documents",
      (tx) => listWholeVersions(tx, TENANT, ID, { after: 0, upTo: 9 }, { rows: 100, bytes: 1_000_000 }),
    ],
    ["its last numbers", (tx) => findLastNumbers(tx, TENANT, ID)],
    ["a page of its timeline", (tx) => listEventsBetween(tx, TENANT, ID, { after: 400, upTo: 900 }, 100)],
    ["its versions", (tx) => listVersions(tx, TENANT, ID)],
    ["its timeline", (tx) => listEvents(tx, TENANT, `pp_${"0".repeat(31)}2`)],
    ["its timeline as of a moment", (tx) => listEvents(tx, TENANT, ID, "2026-01-01T00:00:00Z")],
    ["its approvals", (tx) => listApprovals(tx, TENANT, ID)],
    ["its key", (tx) => findKeyMapping(tx, TENANT, `key-${ID}`, "proposals.create")],
  ])("%s by index", async (_title, send) => {
    const plan = await plansOf(send);
    expect(plan).toMatch(/Index (Only )?Scan|Bitmap Index Scan/);
    expect(plan).not.toContain("Seq Scan");
  });
});

import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Database } from "../../../src/platform/database/database.ts";
import type { Runtime } from "../../../src/runtime.ts";
import { contentHash } from "../../../src/platform/hash.ts";
import { hashOfEvent, sealEvent, type EventRow } from "../../../src/features/proposals/event.ts";
import { listEvents } from "../../../src/features/proposals/repository/proposals.ts";
import { listWholeVersions } from "../../../src/features/proposals/repository/versions.ts";
import { hashOfVersion } from "../../../src/features/proposals/version.ts";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import {
  addVersion,
  closePools,
  decide,
  move,
  newProposal,
  openPools,
  proposalDeps,
  simulateBody,
  TENANT,
  verified,
} from "../../support/proposals.ts";
import { withSession } from "../../support/session.ts";

let db: TestDatabase;
let pools: Database[];
let deps: Runtime;

beforeAll(async () => {
  db = await testDatabase();
  await withSession(db.adminUrl, dropChecks);
  pools = openPools(db.url, 1);
  deps = proposalDeps(pools[0] as Database);
});

afterAll(async () => {
  await closePools(pools);
  await db.drop();
});

/** Who owns the database can take its rules away first. */
async function dropChecks(session: pg.Client): Promise<void> {
  await session.query(`
    do $$
    declare target record;
    begin
      for target in select conrelid::regclass as relation, conname as name from pg_constraint
                     where contype = 'c' and conrelid::regclass::text like 'proposal%'
      loop
        execute format('alter table %s drop constraint %I', target.relation, target.name);
      end loop;
    end $$`);
}

type Ids = {
  proposalId: string;
  versionIds: string[];
  eventIds: string[];
  approvalIds: string[];
};

/** Two versions, six events, two approvals. */
async function proposalWithHistory(): Promise<Ids> {
  const { proposal } = await newProposal(deps);
  const id = proposal.proposal_id;
  await addVersion(deps, id, { simulate_request: simulateBody({ quantity: "20" }) });
  await move(deps, id, { event_type: "SUBMITTED_FOR_RISK_REVIEW", expected_state: "DRAFT" });
  await decide(deps, id, { approval_type: "RISK", expected_state: "RISK_REVIEW" });
  await decide(deps, id, { approval_type: "CLIENT_CONSENT", expected_state: "AWAITING_CLIENT_CONSENT" });
  await move(deps, id, { event_type: "EXECUTED", expected_state: "EXECUTION_READY" });
  return idsOf(id);
}

function idsOf(id: string): Promise<Ids> {
  return withSession(db.adminUrl, async (session) => {
    const ids = async (table: string, column: string, order: string): Promise<string[]> => {
      const { rows } = await session.query<{ id: string }>(
        `select ${column} as id from ${table} where proposal_id = $1 order by ${order}`,
        [id],
      );
      return rows.map((row) => row.id);
    };
    return {
      proposalId: id,
      versionIds: await ids("proposal_version", "proposal_version_id", "version_no"),
      eventIds: await ids("proposal_event", "event_id", "event_no"),
      approvalIds: await ids("proposal_approval", "approval_id", "event_no"),
    };
  });
}

/** As the owner of the database, with every trigger and foreign key switched off. */
async function behindTheBack(work: (session: pg.Client) => Promise<unknown>): Promise<void> {
  await withSession(db.adminUrl, async (session) => {
    await session.query("set session_replication_role = replica");
    await work(session);
  });
}

const TABLES = [
  { table: "proposal", kind: "proposal", at: "true" },
  { table: "proposal_version", kind: "version", at: "version_no = 1" },
  { table: "proposal_event", kind: "event", at: "event_no = 4" },
  { table: "proposal_approval", kind: "approval", at: "event_no = 4" },
] as const;

const ALTERED: Readonly<Record<string, (column: string) => string>> = {
  text: (column) => `coalesce(${column}, '') || 'x'`,
  smallint: (column) => `${column} + 10`,
  integer: (column) => `${column} + 10`,
  boolean: (column) => `not ${column}`,
  "timestamp with time zone": (column) => `${column} + interval '1 millisecond'`,
};

describe.each(TABLES)("$table", ({ table, kind, at }) => {
  test("every single column, altered behind the service's back, is named", async () => {
    const columns = await columnsOf(table);
    expect(columns.length).toBeGreaterThan(9);
    for (const { column, type } of columns) {
      // Under another id, it is not the proposal any more that is asked for.
      if (kind === "proposal" && (column === "tenant_id" || column === "proposal_id")) continue;
      const ids = await proposalWithHistory();
      await behindTheBack((session) =>
        session.query(
          `update ${table} set ${column} = ${ALTERED[type]?.(column) ?? ""} where proposal_id = $1 and ${at}`,
          [ids.proposalId],
        ),
      );
      const { valid, failures } = await verified(deps, ids.proposalId);
      expect(valid, column).toBe(false);
      const about = failures.filter((failure) => failure.kind === kind);
      expect(about.length, column).toBeGreaterThan(0);
      // A record that lost its place is missing there; any other is named.
      if (!["tenant_id", "proposal_id", "event_no", "version_no"].includes(column)) {
        const altered = { ...(await identities(ids.proposalId)), proposal: ids.proposalId };
        expect(
          about.map((failure) => failure.id),
          column,
        ).toContain(altered[kind]);
      }
    }
  });
});

/** The ids of the records that are altered, as they are now. */
async function identities(proposalId: string) {
  return withSession(db.adminUrl, async (session) => {
    const { rows } = await session.query<{ version: string; event: string; approval: string }>(
      `select (select proposal_version_id from proposal_version where proposal_id = $1 and version_no = 1) as version,
              (select event_id from proposal_event where proposal_id = $1 and event_no = 4) as event,
              (select approval_id from proposal_approval where proposal_id = $1 and event_no = 4) as approval`,
      [proposalId],
    );
    return rows[0] ?? { version: "", event: "", approval: "" };
  });
}

async function columnsOf(table: string): Promise<{ column: string; type: string }[]> {
  return withSession(db.adminUrl, async (session) => {
    const { rows } = await session.query<{ column: string; type: string }>(
      `select column_name as column, data_type as type
         from information_schema.columns
        where table_name = $1 and is_generated = 'NEVER'`,
      [table],
    );
    return rows;
  });
}

describe("a record", () => {
  test.each([
    ["event", "delete from proposal_event where proposal_id = $1 and event_no = 3", "event_no 3"],
    ["event", "delete from proposal_event where proposal_id = $1 and event_no >= 5", "event_no 5"],
    ["event", "delete from proposal_event where proposal_id = $1", "event_no 1"],
    ["version", "delete from proposal_version where proposal_id = $1 and version_no = 1", "version_no 1"],
    ["version", "delete from proposal_version where proposal_id = $1 and version_no = 2", "version_no 2"],
  ])("%s, taken out, is named by its number (%s)", async (kind, statement, id) => {
    const { proposalId } = await proposalWithHistory();
    await behindTheBack((session) => session.query(statement, [proposalId]));
    const { failures } = await verified(deps, proposalId);
    const missing = failures.filter(({ reason }) => reason.startsWith("is missing"));
    expect(missing[0]).toMatchObject({ kind, id });
  });

  test("approval, taken out, is named by its id", async () => {
    const { proposalId, approvalIds } = await proposalWithHistory();
    await behindTheBack((session) =>
      session.query("delete from proposal_approval where approval_id = $1", [approvalIds[1]]),
    );
    expect((await verified(deps, proposalId)).failures).toEqual([
      { kind: "approval", id: approvalIds[1], reason: "is missing" },
    ]);
  });

  test("event, swapped with another, is the first to be named, and the other the second", async () => {
    const { proposalId, eventIds } = await proposalWithHistory();
    await behindTheBack(async (session) => {
      const where = "proposal_id = $1 and event_no";
      await session.query(`update proposal_event set event_no = event_no + 100 where ${where} in (4, 5)`, [
        proposalId,
      ]);
      await session.query(`update proposal_event set event_no = 109 - event_no where ${where} > 100`, [
        proposalId,
      ]);
    });
    const { failures } = await verified(deps, proposalId);
    const named = failures.filter(({ kind }) => kind === "event").map(({ id }) => id);
    expect(named.slice(0, 2)).toEqual([eventIds[4], eventIds[3]]);
  });

  test("version, its documents swapped with another's, is named, and so is the other", async () => {
    const { proposalId, versionIds } = await proposalWithHistory();
    await behindTheBack((session) =>
      session.query(
        `update proposal_version v
            set request_text = o.request_text, result_text = o.result_text, artifact_text = o.artifact_text
           from proposal_version o
          where v.proposal_id = $1 and o.proposal_id = $1 and o.version_no = 3 - v.version_no`,
        [proposalId],
      ),
    );
    const { failures } = await verified(deps, proposalId);
    expect(failures.map(({ kind, id }) => [kind, id])).toEqual(versionIds.map((id) => ["version", id]));
  });

  test("version, of whose artifact only the time was altered, is named", async () => {
    const { proposalId, versionIds } = await proposalWithHistory();
    await behindTheBack((session) =>
      session.query(
        `update proposal_version
            set artifact_text = regexp_replace(artifact_text, '"created_at":"[0-9]{4}', '"created_at":"1999')
          where proposal_id = $1 and version_no = 2`,
        [proposalId],
      ),
    );
    const { failures } = await verified(deps, proposalId);
    expect(failures).toEqual([
      { kind: "version", id: versionIds[1], reason: "its artifact does not give its artifact_text_hash" },
    ]);
  });

  test("event that was added at the end is named", async () => {
    const { proposalId } = await proposalWithHistory();
    const forged = `pwe_${"f".repeat(32)}`;
    await behindTheBack((session) =>
      session.query(
        `insert into proposal_event
           (tenant_id, proposal_id, event_no, event_id, event_type, from_state, to_state, actor_id, occurred_at,
            correlation_id, reason_text, related_version_no, previous_hash, event_hash)
         select tenant_id, proposal_id, 7, $2, 'CANCELLED', 'EXECUTED', 'CANCELLED', 'mallory', occurred_at,
                correlation_id, '{}', 2, event_hash, event_hash
           from proposal_event where proposal_id = $1 and event_no = 6`,
        [proposalId, forged],
      ),
    );
    const { failures } = await verified(deps, proposalId);
    expect(failures.map(({ id }) => id)).toEqual([forged, proposalId]);
  });
});

test("an event rewritten together with its hash breaks the chain at the next one", async () => {
  const { proposalId, eventIds } = await proposalWithHistory();
  const events = await inTransaction(deps.database, { tenantId: TENANT, readOnly: true }, (tx) =>
    listEvents(tx, TENANT, proposalId),
  );
  const third = events[2];
  if (third === undefined) throw new Error("there is no third event");
  const forged = { ...third, actor_id: "mallory" };
  await behindTheBack((session) =>
    session.query(
      "update proposal_event set actor_id = $2, actor_folded = $2, event_hash = $3 where event_id = $1",
      [third.event_id, forged.actor_id, hashOfEvent(forged, third.previous_hash, third.hash_version)],
    ),
  );
  expect((await verified(deps, proposalId)).failures).toEqual([
    {
      kind: "event",
      id: eventIds[3],
      reason: `it does not carry the hash of the event before it (${third.event_id})`,
    },
  ]);
});

describe("a history that breaks the rules of four eyes, every hash made to fit, is named", () => {
  const STEPS = [
    ["DRAFT", "SUBMITTED_FOR_RISK_REVIEW", "maker"],
    ["RISK_REVIEW", "RISK_APPROVED", "checker"],
    ["AWAITING_CLIENT_CONSENT", "CLIENT_CONSENT_RECORDED", "client"],
    ["EXECUTION_READY", "EXECUTED", "checker"],
  ] as const;

  /** Two versions, the second with the whole way to execution: events 3 to 6. */
  async function executed(quantity = "20"): Promise<Ids> {
    const open = proposalDeps(deps.database, { rules: { allowsBlockedVersions: true } });
    const { proposal } = await newProposal(open);
    const id = proposal.proposal_id;
    await addVersion(open, id, { simulate_request: simulateBody({ quantity }) });
    for (const [expected_state, event_type, actor_id] of STEPS) {
      await move(open, id, { expected_state, event_type, actor_id });
    }
    expect(await verified(open, id)).toMatchObject({ valid: true, checked: { events: 6 } });
    return idsOf(id);
  }

  /** Changes one event, and seals it and all after it anew. */
  async function rewrite(proposalId: string, eventNo: number, change: Partial<EventRow>): Promise<void> {
    const events = await inTransaction(deps.database, { tenantId: TENANT, readOnly: true }, (tx) =>
      listEvents(tx, TENANT, proposalId),
    );
    await behindTheBack(async (session) => {
      let previous: string | null = null;
      for (const event of events) {
        const sealed = sealEvent({ ...event, ...(event.event_no === eventNo ? change : {}) }, previous);
        previous = sealed.event_hash;
        await session.query(
          `update proposal_event
              set actor_id = $2, actor_folded = $3, related_version_no = $4, blocked_waived = $5,
                  distinct_waived = $6, previous_hash = $7, event_hash = $8
            where event_id = $1`,
          [
            sealed.event_id,
            sealed.actor_id,
            sealed.actor_folded,
            sealed.related_version_no,
            sealed.blocked_waived,
            sealed.distinct_waived,
            sealed.previous_hash,
            sealed.event_hash,
          ],
        );
      }
      await session.query("update proposal set last_event_hash = $2 where proposal_id = $1", [
        proposalId,
        previous,
      ]);
    });
  }

  test.each<[string, string, number, Partial<EventRow>, [number, string][]]>([
    [
      "an approval of an older version",
      "20",
      4,
      { related_version_no: 1 },
      [
        [4, "version superseded"],
        [5, "version not approved"],
        [6, "version not approved"],
      ],
    ],
    [
      "a consent to an older version",
      "20",
      5,
      { related_version_no: 1 },
      [
        [5, "version superseded"],
        [6, "version not approved"],
      ],
    ],
    ["the maker's approval", "20", 4, { actor_id: "Maker" }, [[4, "maker approved"]]],
    ["a step of a BLOCKED version", "5000", 4, { blocked_waived: false }, [[4, "version blocked"]]],
    ["two duties of one person", "20", 6, { distinct_waived: false }, [[6, "one person has two duties"]]],
  ])("%s", async (_title, quantity, eventNo, change, expected) => {
    const { proposalId, eventIds } = await executed(quantity);
    await rewrite(proposalId, eventNo, change);
    expect((await verified(deps, proposalId)).failures).toEqual(
      expected.map(([no, reason]) => ({ kind: "approval", id: eventIds[no - 1], reason })),
    );
  });

  test.each([1, 2])(
    "an execution of a version that nobody approved, under hash version %d",
    async (hashVersion) => {
      const keeping = proposalDeps(deps.database, { rules: { newVersionRestartsReview: false } });
      const { proposal } = await newProposal(keeping);
      const id = proposal.proposal_id;
      for (const [expected_state, event_type, actor_id] of STEPS.slice(0, 3)) {
        await move(keeping, id, { expected_state, event_type, actor_id });
      }
      await addVersion(keeping, id);
      const events = await inTransaction(deps.database, { tenantId: TENANT, readOnly: true }, (tx) =>
        listEvents(tx, TENANT, id),
      );
      const last = events.at(-1);
      if (last === undefined) throw new Error("there is no event");
      const forged = {
        ...last,
        event_no: last.event_no + 1,
        event_id: `pwe_${String(hashVersion).repeat(32)}`,
        event_type: "EXECUTED" as const,
        from_state: last.to_state,
        to_state: "EXECUTED" as const,
        version_hash: null,
      };
      await behindTheBack(async (session) => {
        const hash = hashOfEvent(forged, last.event_hash, hashVersion);
        await session.query(
          `insert into proposal_event
           (tenant_id, proposal_id, event_no, event_id, event_type, from_state, to_state, actor_id, occurred_at,
            correlation_id, reason_text, related_version_no, previous_hash, event_hash, hash_version, actor_folded)
         select tenant_id, proposal_id, event_no + 1, $2, 'EXECUTED', to_state, 'EXECUTED', actor_id, occurred_at,
                correlation_id, reason_text, related_version_no, event_hash, $3, $4::smallint,
                case when $4 > 1 then actor_folded end
           from proposal_event where event_id = $1`,
          [last.event_id, forged.event_id, hash, hashVersion],
        );
        await session.query(
          `update proposal set current_state = 'EXECUTED', last_event_no = last_event_no + 1, last_event_hash = $2
          where proposal_id = $1`,
          [id, hash],
        );
      });
      expect((await verified(deps, id)).failures).toEqual([
        { kind: "approval", id: forged.event_id, reason: "version not approved" },
      ]);
    },
  );

  test("by its approval, where it came with one", async () => {
    const { proposalId, approvalIds } = await proposalWithHistory();
    await behindTheBack((session) =>
      session.query(
        "update proposal_version set created_by = 'checker', created_by_folded = 'checker' where proposal_id = $1",
        [proposalId],
      ),
    );
    const { failures } = await verified(deps, proposalId);
    expect(failures).toContainEqual({ kind: "approval", id: approvalIds[0], reason: "maker approved" });
  });
});

test("a result that its request does not give is named, although every hash was made to fit", async () => {
  const { proposal } = await newProposal(deps);
  const id = proposal.proposal_id;
  const { version, event } = await inTransaction(
    deps.database,
    { tenantId: TENANT, readOnly: true },
    async (tx) => ({
      version: (await listWholeVersions(tx, TENANT, id, { after: 0, upTo: 1 }, { rows: 1, bytes: 1 }))[0],
      event: (await listEvents(tx, TENANT, id))[0],
    }),
  );
  if (version === undefined || event === undefined) throw new Error("nothing was stored");
  const resultText = version.result_text.replace(`"quantity":"10"`, `"quantity":"11"`);
  const forged = { ...version, result_text: resultText, simulation_hash: contentHash(resultText) };
  const sealed = sealEvent({ ...event, version_hash: hashOfVersion(forged, event.hash_version) }, null);
  await behindTheBack(async (session) => {
    await session.query(
      "update proposal_version set result_text = $2, simulation_hash = $3 where proposal_id = $1",
      [id, resultText, forged.simulation_hash],
    );
    await session.query(
      "update proposal_event set version_hash = $2, event_hash = $3 where proposal_id = $1",
      [id, sealed.version_hash, sealed.event_hash],
    );
    await session.query("update proposal set last_event_hash = $2 where proposal_id = $1", [
      id,
      sealed.event_hash,
    ]);
  });
  expect(resultText).not.toBe(version.result_text);
  expect((await verified(deps, id)).failures).toEqual([
    {
      kind: "version",
      id: version.proposal_version_id,
      reason: "its request, simulated again, gives another result",
    },
  ]);
});

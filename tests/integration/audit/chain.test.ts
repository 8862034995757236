import type pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { appendEvent, recordEvent } from "../../../src/features/audit/append-event.ts";
import { DEPLOYMENT } from "../../../src/features/audit/chain.ts";
import { hashOfEvent, type AuditEvent } from "../../../src/features/audit/event.ts";
import { insertEvent, listEventsBetween } from "../../../src/features/audit/repository.ts";
import { AuditVerificationResponse } from "../../../src/features/audit/schemas.ts";
import { createAuditVerification } from "../../../src/features/audit/verify-audit.ts";
import type { Database } from "../../../src/platform/database/database.ts";
import { inTransaction } from "../../../src/platform/database/transaction.ts";
import { newId } from "../../../src/platform/ids.ts";
import type { Runtime } from "../../../src/runtime.ts";
import { auditEntry, storedChain } from "../../support/audit.ts";
import { testDatabase, type TestDatabase } from "../../support/database.ts";
import { closePools, openPools, proposalDeps } from "../../support/proposals.ts";
import { withSession } from "../../support/session.ts";

const PROCESSES = 3;

let db: TestDatabase;
let pools: Database[];
/** Processes of one service. */
let processes: Runtime[];
let deps: Runtime;
let tenantId: string;
let tenants = 0;

beforeAll(async () => {
  db = await testDatabase();
  pools = openPools(db.url, PROCESSES);
  processes = pools.map((pool) => proposalDeps(pool));
  deps = processes[0] as Runtime;
});
beforeEach(() => {
  tenantId = `tenant-${String((tenants += 1))}`;
});
afterAll(async () => {
  await closePools(pools);
  await db.drop();
});

const append = (runtime = deps, of = tenantId) => recordEvent(runtime.writes, of, auditEntry());

async function chainOf(count: number): Promise<readonly AuditEvent[]> {
  for (let made = 0; made < count; made += 1) await append();
  return chainUpTo(count);
}

function chainUpTo(upTo: number): Promise<readonly AuditEvent[]> {
  return inTransaction(deps.database, { tenantId, readOnly: true }, (tx) =>
    listEventsBetween(tx, tenantId, { after: 0, upTo }, upTo),
  );
}

async function verified(of = tenantId) {
  const text = await createAuditVerification(deps)(deps, of);
  return AuditVerificationResponse.parse(JSON.parse(text));
}

/** As the owner of the database, with every trigger and foreign key switched off. */
async function behindTheBack(work: (session: pg.Client) => Promise<unknown>): Promise<void> {
  await withSession(db.adminUrl, async (session) => {
    await session.query("set session_replication_role = replica");
    await work(session);
  });
}

const asOwner = (statement: string) => withSession(db.adminUrl, (session) => session.query(statement));

describe("a chain", () => {
  test("of several processes at once has every event once, without gaps, and verifies", async () => {
    const EACH = 25;
    await Promise.all(
      processes.flatMap((runtime) => Array.from({ length: EACH }, async () => append(runtime))),
    );
    const events = await storedChain(db.adminUrl, tenantId);
    expect(events.map(({ event_no }) => event_no)).toEqual(
      Array.from({ length: PROCESSES * EACH }, (_, at) => at + 1),
    );
    expect(await verified()).toMatchObject({
      valid: true,
      failures: [],
      heads: [{ chain: "DEPLOYMENT" }, { chain: "TENANT", event_no: PROCESSES * EACH }],
    });
  });

  test("has an entry once, however many processes record it at once", async () => {
    const entry = auditEntry();
    await Promise.all(
      processes.flatMap(({ writes }) =>
        Array.from({ length: 5 }, () => recordEvent(writes, tenantId, entry)),
      ),
    );
    expect(await storedChain(db.adminUrl, tenantId)).toHaveLength(1);
  });

  test("does not run backwards, though clocks differ", async () => {
    const late = proposalDeps(deps.database, { clock: () => new Date(Date.now() - 86_400_000) });
    await append();
    await append(late);
    const [first, second] = await chainUpTo(2);
    expect(second?.occurred_at).toBe(first?.occurred_at);
    expect(await verified()).toMatchObject({ valid: true });
  });

  test("is longer than a page, and verifies whole", async () => {
    await inTransaction(deps.database, { tenantId, deadlineMs: 60_000 }, async (tx) => {
      for (let made = 0; made < 1_203; made += 1) await appendEvent(tx, tenantId, auditEntry(), deps.clock);
    });
    expect(await verified()).toMatchObject({ valid: true, checked: { events: 1_203 } });
    await behindTheBack((session) =>
      session.query("update audit_event set actor_id = 'mallory' where tenant_id = $1 and event_no = 1100", [
        tenantId,
      ]),
    );
    expect(await verified()).toMatchObject({ valid: false, failures: [{ kind: "event" }] });
  });

  test("of many faults names a thousand of them", async () => {
    await inTransaction(deps.database, { tenantId, deadlineMs: 60_000 }, async (tx) => {
      for (let made = 0; made < 1_003; made += 1) await appendEvent(tx, tenantId, auditEntry(), deps.clock);
    });
    await behindTheBack((session) =>
      session.query("update audit_event set actor_id = 'mallory' where tenant_id = $1", [tenantId]),
    );
    expect((await verified()).failures).toHaveLength(1_000);
  });
});

describe("the database", () => {
  test("lets nobody change or delete what is recorded, not even its owner", async () => {
    await chainOf(2);
    for (const statement of [
      "update audit_event set actor_id = 'mallory'",
      "delete from audit_event",
      "truncate audit_event cascade",
      "delete from audit_head",
      "truncate audit_head",
      "update audit_head set tenant_id = 'mallory'",
    ]) {
      await expect(asOwner(statement), statement).rejects.toMatchObject({ code: "42501" });
    }
  });

  test("lets the service do no more than append", async () => {
    await chainOf(2);
    for (const statement of [
      "update audit_event set actor_id = 'mallory'",
      "delete from audit_event",
      "update audit_head set tenant_id = 'mallory'",
      "delete from audit_head",
    ]) {
      const doing = withSession(db.url, async (session) => {
        await session.query("set role ballast_service");
        await session.query("select set_config('app.tenant_id', $1, false)", [tenantId]);
        await session.query(statement);
      });
      await expect(doing, statement).rejects.toMatchObject({ code: "42501" });
    }
  });

  test("grants the service to read, to append and to move the end, and no more", async () => {
    // The triggers would refuse the rest as well: a guard that is behind another is looked at, not tried.
    const { rows } = await withSession(db.adminUrl, (session) =>
      session.query<{ granted: string }>(
        `select table_name || ': ' || lower(privilege_type) as granted
           from information_schema.role_table_grants
          where grantee = 'ballast_service' and table_name in ('audit_event', 'audit_head')
         union all
         select table_name || ': ' || lower(privilege_type) || ' ' || column_name
           from information_schema.role_column_grants
          where grantee = 'ballast_service' and table_name in ('audit_event', 'audit_head')
            and privilege_type not in ('SELECT', 'INSERT')
          order by 1`,
      ),
    );
    expect(rows.map(({ granted }) => granted)).toEqual([
      "audit_event: insert",
      "audit_event: select",
      "audit_head: insert",
      "audit_head: select",
      "audit_head: update last_event_at",
      "audit_head: update last_event_hash",
      "audit_head: update last_event_no",
    ]);
  });

  test("shows the service the chain of one tenant at a time", async () => {
    await chainOf(2);
    const other = `tenant-${String((tenants += 1))}`;
    await append(deps, other);
    await withSession(db.url, async (session) => {
      await session.query("set role ballast_service");
      for (const tenant of [tenantId, other]) {
        await session.query("select set_config('app.tenant_id', $1, false)", [tenant]);
        for (const table of ["audit_event", "audit_head"]) {
          const { rows } = await session.query(`select distinct tenant_id from ${table}`);
          expect([table, rows]).toEqual([table, [{ tenant_id: tenant }]]);
        }
      }
    });
  });

  test("moves the end of a chain by one event, and to an event that is there", async () => {
    await chainOf(3);
    const move = (change: string) =>
      asOwner(`update audit_head set ${change} where tenant_id = '${tenantId}'`);
    for (const change of ["last_event_no = 2", "last_event_no = 5", "last_event_at = now()"])
      await expect(move(change), change).rejects.toMatchObject({ constraint: "audit_head_next" });
    await expect(move("last_event_no = 4")).rejects.toMatchObject({
      constraint: "audit_head_stands_where_event_left",
    });
  });

  test("takes no event that the end does not know, that follows none, or is longer than a refusal is", async () => {
    const [, last] = await chainOf(2);
    if (last === undefined) throw new Error("there is no second event");
    const insert = (change: Partial<AuditEvent>) =>
      inTransaction(deps.database, { tenantId }, (tx) =>
        insertEvent(tx, {
          ...last,
          event_id: newId("aev_"),
          event_no: 3,
          previous_hash: last.event_hash,
          ...change,
        }),
      );
    const fault = (constraint: string) => ({ fault: { constraint } });
    await expect(insert({})).rejects.toMatchObject(fault("audit_event_known"));
    await expect(insert({ event_no: 4 })).rejects.toMatchObject(fault("audit_event_chain"));
    await expect(insert({ previous_hash: last.previous_hash })).rejects.toMatchObject(
      fault("audit_event_chain"),
    );
    await expect(insert({ event_id: last.event_id })).rejects.toMatchObject(fault("audit_event_id_key"));
    await expect(insert({ details_text: `"${"x".repeat(4_096)}"` })).rejects.toMatchObject(
      fault("audit_event_size"),
    );
    await expect(insert({ action: "PROCESS_STARTED" })).rejects.toMatchObject(fault("audit_event_of_chain"));
    await expect(insert({ tenant_id: "other" })).rejects.toMatchObject({ fault: { kind: "not_permitted" } });
  });

  test("takes no event and no end whose parts do not fit together", async () => {
    const [, last] = await chainOf(2);
    if (last === undefined) throw new Error("there is no second event");
    const event = { ...last, event_id: newId("aev_"), event_no: 3, previous_hash: last.event_hash };
    const misfits: readonly (readonly [Partial<AuditEvent> | Record<"action", string>, string])[] = [
      [{ previous_hash: null }, "audit_event_first"],
      [{ event_no: 1 }, "audit_event_first"],
      [{ action: "SOMETHING" }, "audit_event_action_check"],
      [{ event_id: "aev_1" }, "audit_event_event_id_check"],
      [{ event_hash: "sha256:1" }, "audit_event_event_hash_check"],
      [{ actor_id: "" }, "audit_event_actor_id_check"],
    ];
    for (const [change, constraint] of misfits) {
      const inserting = inTransaction(deps.database, { tenantId }, (tx) =>
        insertEvent(tx, { ...event, ...change } as AuditEvent),
      );
      await expect(inserting, constraint).rejects.toMatchObject({ fault: { constraint } });
    }
    for (const end of [
      "0, 'sha256:1', null",
      "0, null, now()",
      "2, null, now()",
      `2, '${last.event_hash}', null`,
    ]) {
      const beginning = asOwner(
        `insert into audit_head (tenant_id, last_event_no, last_event_hash, last_event_at) values ('new', ${end})`,
      );
      await expect(beginning, end).rejects.toMatchObject({ constraint: "audit_head_whole" });
    }
  });
});

const ALTERED: Readonly<Record<string, (column: string) => string>> = {
  text: (column) => `coalesce(${column}, '') || 'x'`,
  bigint: (column) => `${column} + 10`,
  "timestamp with time zone": (column) => `${column} + interval '1 millisecond'`,
};

describe("verification", () => {
  /** Who owns the database can take its rules away first. */
  beforeAll(async () => {
    for (const table of ["audit_event", "audit_head"]) {
      const { rows } = await withSession(db.adminUrl, (session) =>
        session.query<{ name: string }>(
          "select conname as name from pg_constraint where contype = 'c' and conrelid = $1::regclass",
          [table],
        ),
      );
      for (const { name } of rows) await asOwner(`alter table ${table} drop constraint "${name}"`);
    }
  });

  test.each([
    ["audit_event", 11, "event_no = 2", "event"],
    ["audit_head", 4, "true", "head"],
  ] as const)("names every single column of %s that was altered", async (table, least, at, kind) => {
    const columns = await columnsOf(table);
    expect(columns.length).toBe(least);
    for (const { column, type } of columns) {
      tenantId = `tenant-${String((tenants += 1))}`;
      const [, second] = await chainOf(4);
      expect((await verified()).valid).toBe(true);
      await behindTheBack((session) =>
        session.query(
          `update ${table} set ${column} = ${ALTERED[type]?.(column) ?? ""} where tenant_id = $1 and ${at}`,
          [tenantId],
        ),
      );
      const { valid, failures } = await verified();
      expect(valid, column).toBe(false);
      // An event that lost its place is missing there, as an id that was altered is another; any other is named.
      const missing = ["tenant_id", "event_no"].includes(column) ? "event_no 2" : second?.event_id;
      const id = column === "event_id" ? `${String(second?.event_id)}x` : missing;
      expect(failures[0], column).toMatchObject({
        chain: "TENANT",
        kind: kind === "head" && column === "last_event_no" ? "event" : kind,
        ...(kind === "event" ? { id } : {}),
      });
      expect(
        failures.some((failure) => failure.kind === kind),
        column,
      ).toBe(true);
    }
  });

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

  test.each([
    ["the first", "event_no = 1", ["event_no 1"]],
    ["one in the middle", "event_no = 3", ["event_no 3"]],
    ["several", "event_no in (2, 3)", ["event_no 2"]],
    ["the last", "event_no = 5", ["event_no 5", "head"]],
    ["the last two", "event_no >= 4", ["event_no 4", "head"]],
    ["all", "true", ["event_no 1", "head"]],
  ])("names %s where it was taken away", async (_what, where, ids) => {
    await chainOf(5);
    await behindTheBack((session) =>
      session.query(`delete from audit_event where tenant_id = $1 and ${where}`, [tenantId]),
    );
    const { failures } = await verified();
    const places = failures.map(({ id }) => id).filter((id) => !id.startsWith("aev_"));
    expect(places).toEqual(ids);
  });

  test("names an event that was added behind the end, and an end that was taken away", async () => {
    const [, last] = await chainOf(2);
    await behindTheBack((session) =>
      session.query("delete from audit_head where tenant_id = $1", [tenantId]),
    );
    expect((await verified()).failures).toEqual([
      { chain: "TENANT", kind: "head", id: "head", reason: "is missing" },
    ]);
    await behindTheBack((session) =>
      session.query(
        "insert into audit_head (tenant_id, last_event_no, last_event_hash, last_event_at) values ($1, 1, $2, $3)",
        [tenantId, last?.previous_hash, last?.occurred_at],
      ),
    );
    expect((await verified()).failures).toEqual([
      {
        chain: "TENANT",
        kind: "head",
        id: "head",
        reason: "it does not stand where the last event left it",
      },
    ]);
  });

  test("names the next event where one was rewritten together with its hash", async () => {
    const [, second, third] = await chainOf(3);
    if (second === undefined) throw new Error("there is no second event");
    const forged = { ...second, actor_id: "mallory" };
    await behindTheBack((session) =>
      session.query("update audit_event set actor_id = $2, event_hash = $3 where event_id = $1", [
        second.event_id,
        forged.actor_id,
        hashOfEvent(forged),
      ]),
    );
    expect((await verified()).failures).toEqual([
      {
        chain: "TENANT",
        kind: "event",
        id: third?.event_id,
        reason: `it does not carry the hash of the event before it (${second.event_id})`,
      },
    ]);
  });

  test("names an event that was dated before the one before it, though all hashes were made to fit", async () => {
    const [, , last] = await chainOf(3);
    if (last === undefined) throw new Error("there is no third event");
    const forged = { ...last, occurred_at: "2020-01-01T00:00:00.000Z" };
    const values = [tenantId, forged.occurred_at, hashOfEvent(forged)];
    await behindTheBack(async (session) => {
      await session.query(
        "update audit_event set occurred_at = $2, event_hash = $3 where tenant_id = $1 and event_no = 3",
        values,
      );
      await session.query(
        "update audit_head set last_event_at = $2, last_event_hash = $3 where tenant_id = $1",
        values,
      );
    });
    expect((await verified()).failures).toEqual([
      { chain: "TENANT", kind: "event", id: last.event_id, reason: "it happened before the event before it" },
    ]);
  });

  test("is shared by who asks at once, and not by who asks after something was added", async () => {
    await chainOf(2);
    let runs = 0;
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const slow: Runtime = {
      ...deps,
      calculations: {
        ...deps.calculations,
        run: async (calculation, input, terms) => {
          runs += 1;
          await released;
          return deps.calculations.run(calculation, input, terms);
        },
      },
    };
    const verify = createAuditVerification(slow);
    const eventsOf = async (answer: Promise<string>) =>
      AuditVerificationResponse.parse(JSON.parse(await answer)).checked.events;
    const deployment = (await storedChain(db.adminUrl, DEPLOYMENT)).length;
    const both = [verify(slow, tenantId), verify(slow, tenantId)];
    await expect.poll(() => runs).toBe(1);
    await append();
    const later = verify(slow, tenantId);
    await expect.poll(() => runs).toBe(2);
    release();
    const events = await Promise.all([...both, later].map(eventsOf));
    expect(events).toEqual([2, 2, 3].map((own) => own + deployment));
  });

  test("of a tenant is about its own chain and that of the deployment", async () => {
    await chainOf(1);
    const other = `tenant-${String((tenants += 1))}`;
    await append(deps, other);
    const started = auditEntry({ action: "PROCESS_STARTED", actor_id: "host-1", details_text: "{}" });
    await recordEvent(deps.writes, DEPLOYMENT, started);
    await behindTheBack((session) =>
      session.query("update audit_event set actor_id = 'mallory' where tenant_id = $1", [other]),
    );
    const { valid, heads } = await verified();
    expect([valid, heads.map(({ chain, event_no }) => [chain, event_no])]).toEqual([
      true,
      [
        ["DEPLOYMENT", 1],
        ["TENANT", 1],
      ],
    ]);
    expect((await verified(other)).valid).toBe(false);
    await behindTheBack((session) =>
      session.query("update audit_event set details_text = '[]' where tenant_id = $1", [DEPLOYMENT]),
    );
    expect((await verified()).failures).toMatchObject([{ chain: "DEPLOYMENT", id: started.event_id }]);
  });
});

import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { closeDatabase } from "../../../src/platform/database/database.ts";
import { migrate } from "../../../src/platform/database/migrate.ts";
import { readMigrations } from "../../../src/platform/database/migrations.ts";
import { startupFaults } from "../../../src/platform/database/startup-checks.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { withMigrationFiles } from "../../support/migration-files.ts";
import { urlOf, withSession } from "../../support/session.ts";

const { adminUrl, prefix } = inject("testServer");
const names = Array.from({ length: 8 }, () => `${prefix}${randomBytes(6).toString("hex")}`);
const urls = names.map((database) => urlOf(adminUrl, { database }));
const [url = "", other = "", broken = "", crlf = "", cut = "", owned = "", ahead = "", fork = ""] = urls;
const login = `ballast_migrated_${randomBytes(4).toString("hex")}`;

beforeAll(async () => {
  await withSession(adminUrl, async (session) => {
    for (const name of names) await session.query(`create database ${name}`);
    await session.query(`create role ${login} login password 'secret'`);
  });
});
afterAll(async () => {
  await withSession(adminUrl, async (session) => {
    for (const name of names) await session.query(`drop database ${name} with (force)`);
    await session.query(`drop role ${login}`);
  });
});

const VERSION = "current_setting('server_version_num')::int";
const known = readMigrations();
const all = known.map(({ name }) => name);

async function rowsOf<Row extends object>(database: string, query: string): Promise<Row[]> {
  return withSession(database, async (session) => (await session.query<Row>(query)).rows);
}

test("several services starting at once on new databases of one cluster: every step is applied once", async () => {
  const applied = await Promise.all(
    [url, other, url, other, url].map((database) => migrate({ url: database })),
  );
  const whole = applied.filter((steps) => steps.length > 0);
  expect(whole).toEqual([all, all]);
  expect(await rowsOf(url, "select name from migration.applied order by name")).toHaveLength(known.length);
  expect(await migrate({ url })).toEqual([]);
});

test("the login of the service is given its role and no other", async () => {
  await migrate({ url, serviceLogin: login });
  await migrate({ url, serviceLogin: login });
  const [row] = await rowsOf<{ roles: string[] }>(
    url,
    `select array_agg(r.rolname::text order by r.rolname) as roles
       from pg_auth_members m join pg_roles r on r.oid = m.roleid join pg_roles l on l.oid = m.member
      where l.rolname = '${login}'`,
  );
  expect(row?.roles).toEqual(["ballast_service"]);
});

test("an owner who is no superuser gives the functions away, and is no member of their owners afterwards", async () => {
  const owner = `${login}_owner`;
  const database = new URL(owned).pathname.slice(1);
  await withSession(adminUrl, async (session) => {
    await session.query(`create role ${owner} login createrole password 'secret'`);
    await session.query(`alter database ${database} owner to ${owner}`);
    const { rows } = await session.query<{ has_options: boolean }>(
      "select current_setting('server_version_num')::int >= 160000 as has_options",
    );
    // As it is for the roles that a login with CREATEROLE has made itself.
    if (rows[0]?.has_options === true) {
      for (const role of ["ballast_service", "ballast_purger", "ballast_claimer"])
        await session.query(`grant ${role} to ${owner} with admin true, inherit false, set false`);
    }
  });
  const migrationUrl = urlOf(owned, { database, user: owner, password: "secret" });
  expect(await migrate({ url: migrationUrl, serviceLogin: login })).toEqual(all);
  const owners = await rowsOf<{ owner: string; is_member: boolean }>(
    owned,
    `select distinct r.rolname as owner,
            pg_has_role('${owner}', r.oid, case when ${VERSION} >= 160000 then 'SET' else 'MEMBER' end) as is_member
       from pg_proc p join pg_roles r on r.oid = p.proowner
      where p.pronamespace = 'public'::regnamespace and p.prosecdef
      order by 1`,
  );
  expect(owners).toEqual([
    { owner: "ballast_claimer", is_member: false },
    { owner: "ballast_purger", is_member: false },
  ]);
  const service = openTestDatabase(urlOf(owned, { database, user: login, password: "secret" }), { max: 1 });
  expect(await startupFaults(service, known, { isOwnLogin: true })).toEqual([]);
  await closeDatabase(service);
  await withSession(owned, (session) => session.query(`drop owned by ${owner} cascade`));
  await withSession(adminUrl, (session) =>
    session.query(
      `alter database ${database} owner to current_user; drop owned by ${owner}; drop role ${owner}`,
    ),
  );
});

test("a function that works for every tenant is pinned to its search path, and is for the service alone", async () => {
  const functions = await rowsOf(
    url,
    `select p.oid::regprocedure::text as name, p.proconfig, p.proacl::text
       from pg_proc p
      where p.pronamespace = 'public'::regnamespace and p.prosecdef
        and (p.proconfig is distinct from array['search_path=pg_catalog, public, pg_temp']
             or has_function_privilege('public', p.oid, 'EXECUTE'))`,
  );
  expect(functions).toEqual([]);
});

test("an edited file is refused before anything runs", async () => {
  const edited = known.map(({ name, sql }) => ({ name, sql: name === all[1] ? `${sql}-- edited\n` : sql }));
  const next = { name: "9999_next", sql: "create table next_step ()" };
  await withMigrationFiles([...edited, next], async (folder) => {
    await expect(migrate({ url, folder })).rejects.toThrow(
      `migration ${String(all[1])} was changed after it was applied`,
    );
  });
  expect(await rowsOf(url, "select 1 where to_regclass('next_step') is not null")).toEqual([]);
});

describe("a database ahead of this version", () => {
  const NEXT = { name: "9998_next", sql: "create table next_step ()" };
  const BREAKING = {
    name: "9999_breaking",
    sql: "update migration.schema_compatibility set least_known = '9999_breaking'",
  };

  const OTHER = { name: "9998_other", sql: "create table other_step ()" };

  /** What the older version, which knows `known` alone, says at its start and when it is asked whether it is ready. */
  async function faultsOfOlder(): Promise<{ start: string; ready: string[] }> {
    const service = openTestDatabase(ahead, { max: 1 });
    const ready = await startupFaults(service, known);
    await closeDatabase(service);
    const start = await migrate({ url: ahead }).then(
      (applied) => `applied ${String(applied.length)}`,
      (error: unknown) => String(error),
    );
    return { start, ready };
  }

  test("is worked on as long as its migrations do not say otherwise", async () => {
    expect(await migrate({ url: ahead })).toEqual(all);
    await withMigrationFiles([...known, NEXT], async (folder) => {
      expect(await migrate({ url: ahead, folder })).toEqual([NEXT.name]);
    });
    expect(await faultsOfOlder()).toEqual({ start: "applied 0", ready: [] });
    await withMigrationFiles([...known, NEXT, BREAKING], async (folder) => {
      expect(await migrate({ url: ahead, folder })).toEqual([BREAKING.name]);
      expect(await migrate({ url: ahead, folder })).toEqual([]);
    });
    const fault = "the database needs a version of the service that knows migration 9999_breaking";
    expect(await faultsOfOlder()).toEqual({ start: `Error: ${fault}`, ready: [fault] });
  });

  test("keeps its checksums of what this version knows", async () => {
    await rowsOf(ahead, `update migration.checksum set checksum = 'other' where name = '${String(all[2])}'`);
    expect((await faultsOfOlder()).ready).toContain(
      `migration ${String(all[2])} was changed after it was applied`,
    );
  });

  test("never lowers what a version must know", async () => {
    await expect(
      rowsOf(ahead, "update migration.schema_compatibility set least_known = '0014_schema_compatibility'"),
    ).rejects.toThrow("migration.schema_compatibility only rises");
  });

  test("is refused where its migrations come before one that this version knows", async () => {
    await withMigrationFiles([...known, OTHER], async (folder) => {
      await migrate({ url: fork, folder });
    });
    const mine = { name: "9997_mine", sql: "create table mine ()" };
    await withMigrationFiles([...known, mine], async (folder) => {
      await expect(migrate({ url: fork, folder })).rejects.toThrow(
        `the database has migration ${OTHER.name}, but not 9997_mine, which comes before it`,
      );
    });
    const later = { name: "9999_later", sql: "create table later ()" };
    await withMigrationFiles([...known, later], async (folder) => {
      await expect(migrate({ url: fork, folder })).rejects.toThrow(
        `the database has migration ${OTHER.name}, which this version of the service does not know`,
      );
    });
  });

  test("is refused where it does not say what a version must know", async () => {
    await rowsOf(fork, "delete from migration.schema_compatibility");
    await expect(migrate({ url: fork })).rejects.toThrow(
      "the database has migration 9998_other, which this version of the service does not know",
    );
  });
});

test("a migration that was applied without a checksum is refused", async () => {
  const [first] = all;
  await withSession(url, async (session) => {
    await session.query("create table kept as select * from migration.checksum");
    await session.query("delete from migration.checksum where name = $1", [first]);
  });
  await expect(migrate({ url })).rejects.toThrow(
    `migration ${String(first)} was applied without a checksum, not by npm run migrate`,
  );
  await withSession(url, async (session) => {
    await session.query("insert into migration.checksum select * from kept where name = $1", [first]);
    await session.query("drop table kept");
  });
  expect(await migrate({ url })).toEqual([]);
});

test("a step that fails is named, and nothing of the run stays", async () => {
  const steps = [
    { name: "0001_good", sql: "create table good ()" },
    { name: "0002_bad", sql: "create table bad (" },
  ];
  await withMigrationFiles(steps, async (folder) => {
    await expect(migrate({ url: broken, folder })).rejects.toThrow(
      "migration 0002_bad failed, nothing was applied: syntax error",
    );
  });
  expect(await rowsOf(broken, "select 1 where to_regclass('good') is not null")).toEqual([]);
  expect(await rowsOf(broken, "select name from migration.checksum")).toEqual([]);
});

test("misnamed and equally numbered files are refused", async () => {
  const files = (...names: string[]) => names.map((name) => ({ name, sql: "create table refused ()" }));
  await withMigrationFiles(files("0001_first", "second"), async (folder) => {
    await expect(migrate({ url: broken, folder })).rejects.toThrow(
      "migrations/second.sql is not named NNNN_what.sql",
    );
  });
  await withMigrationFiles(files("0001_first", "0001_other"), async (folder) => {
    await expect(migrate({ url: broken, folder })).rejects.toThrow(
      "migrations/0001_other.sql: there is another file 0001",
    );
  });
  expect(await rowsOf(broken, "select 1 where to_regclass('refused') is not null")).toEqual([]);
});

test("CRLF line ends of a checkout change neither what is applied nor its checksum", async () => {
  const files = known.map(({ name, sql }) => ({ name, sql: sql.replaceAll("\n", "\r\n") }));
  await withMigrationFiles(files, async (folder) => {
    expect(await migrate({ url: crlf, folder })).toEqual(all);
  });
  const functions = "select prosrc from pg_proc where pronamespace = 'public'::regnamespace order by 1";
  expect(await rowsOf(crlf, functions)).toEqual(await rowsOf(url, functions));
  expect(await rowsOf(crlf, functions)).not.toEqual([]);
  expect(await rowsOf(crlf, "select name, checksum from migration.checksum order by name")).toEqual(
    known.map(({ name, checksum }) => ({ name, checksum })),
  );
  expect(await migrate({ url: crlf })).toEqual([]);
});

/** Waits until a session that migrates `database` waits for `event`, and gives its process id. */
async function awaitMigration(database: string, event: string): Promise<number> {
  return vi.waitFor(
    async () => {
      const [row] = await rowsOf<{ pid: number }>(
        database,
        `select pid from pg_stat_activity
          where datname = current_database() and application_name = 'ballast-migrate' and wait_event = '${event}'`,
      );
      if (row === undefined) throw new Error(`no migration waits for ${event}`);
      return row.pid;
    },
    { timeout: 10_000 },
  );
}

test("a run that is cut off leaves neither a migration nor a checksum, and can be repeated", async () => {
  const steps = [
    { name: "0001_good", sql: "create table good ()" },
    {
      name: "0002_slow",
      sql: "select pg_sleep(coalesce(nullif(current_setting('test.pause', true), ''), '60')::int)",
    },
  ];
  await withMigrationFiles(steps, async (folder) => {
    const cutOff = expect(migrate({ url: cut, folder })).rejects.toThrow(
      /^migration 0002_slow failed, nothing was applied/,
    );
    const pid = await awaitMigration(cut, "PgSleep");
    await withSession(cut, (session) => session.query("select pg_terminate_backend($1)", [pid]));
    await cutOff;
    expect(await rowsOf(cut, "select name from migration.checksum")).toEqual([]);
    expect(await rowsOf(cut, "select 1 where to_regclass('migration.applied') is not null")).toEqual([]);
    await withSession(adminUrl, (session) =>
      session.query(`alter database ${new URL(cut).pathname.slice(1)} set test.pause = '0'`),
    );
    expect(await migrate({ url: cut, folder })).toEqual(steps.map(({ name }) => name));
  });
});

test("waits for a process that holds the advisory lock of node-pg-migrate, as every version of the service does", async () => {
  await withSession(other, async (session) => {
    await session.query("select pg_advisory_lock(7241865325823964)");
    let isDone = false;
    const migrating = migrate({ url: other }).finally(() => {
      isDone = true;
    });
    await awaitMigration(other, "advisory");
    expect(isDone).toBe(false);
    await session.query("select pg_advisory_unlock(7241865325823964)");
    expect(await migrating).toEqual([]);
  });
});

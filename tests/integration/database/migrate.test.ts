import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { migrate } from "../../../src/platform/database/migrate.ts";
import { readMigrations } from "../../../src/platform/database/migrations.ts";
import { urlOf, withSession } from "../../support/session.ts";

const { adminUrl, prefix } = inject("testServer");
const names = Array.from({ length: 3 }, () => `${prefix}${randomBytes(6).toString("hex")}`);
const urls = names.map((database) => urlOf(adminUrl, { database }));
const [url = "", other = "", broken = ""] = urls;
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

test("the login of the service is given its roles, and by taking one only its rights", async () => {
  await migrate({ url, serviceLogin: login });
  await migrate({ url, serviceLogin: login });
  const [row] = await rowsOf<{ roles: string[] }>(
    url,
    `select array_agg(r.rolname::text order by r.rolname) as roles
       from pg_auth_members m join pg_roles r on r.oid = m.roleid join pg_roles l on l.oid = m.member
      where l.rolname = '${login}'`,
  );
  expect(row?.roles).toEqual(["ballast_retention", "ballast_service", "ballast_worker"]);
});

test("an edited file is refused before anything runs", async () => {
  const edited = known.map((step) => ({ ...step, checksum: step.name === all[1] ? "other" : step.checksum }));
  const next = { name: "9999_next", sql: "create table next_step ()", checksum: "sum" };
  await expect(migrate({ url, migrations: [...edited, next] })).rejects.toThrow(
    `migration ${String(all[1])} was changed after it was applied`,
  );
  expect(await rowsOf(url, "select 1 where to_regclass('next_step') is not null")).toEqual([]);
});

test("a database ahead of this version is refused", async () => {
  await expect(migrate({ url, migrations: known.slice(0, -1) })).rejects.toThrow(
    `the database has migration ${String(all.at(-1))}, which this version of the service does not know`,
  );
});

test("a step that fails is named, and nothing of the run stays", async () => {
  const steps = [
    { name: "0001_good", sql: "create table good ()", checksum: "good" },
    { name: "0002_bad", sql: "create table bad (", checksum: "bad" },
  ];
  await expect(migrate({ url: broken, migrations: steps })).rejects.toThrow(
    "migration 0002_bad failed, nothing was applied: syntax error",
  );
  expect(await rowsOf(broken, "select 1 where to_regclass('good') is not null")).toEqual([]);
  expect(await rowsOf(broken, "select name from migration.checksum")).toEqual([]);
});

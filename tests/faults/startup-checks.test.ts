import { afterAll, beforeAll, expect, test } from "vitest";
import { closeDatabase } from "../../src/platform/database/database.ts";
import { readMigrations } from "../../src/platform/database/migrations.ts";
import { startupFaults } from "../../src/platform/database/startup-checks.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { openTestDatabase } from "../support/databases.ts";
import { withSession } from "../support/session.ts";

let server: TestDatabase;
beforeAll(async () => {
  server = await testDatabase();
});
afterAll(async () => {
  await server.drop();
});

const known = readMigrations();

async function faultsOf(
  url: string,
  role: string | null = "ballast_service",
  steps = known,
): Promise<string[]> {
  const database = openTestDatabase(url, { max: 1, role });
  try {
    return await startupFaults(database, steps);
  } finally {
    await closeDatabase(database);
  }
}

async function asAdmin(statement: string): Promise<void> {
  await withSession(server.adminUrl, async (session) => {
    await session.query(statement);
  });
}

test("the database of the service passes", async () => {
  expect(await faultsOf(server.url)).toEqual([]);
  expect(await faultsOf(server.adminUrl)).toEqual([]);
});

test("a superuser is refused, and so is the owner of the tables", async () => {
  const faults = await faultsOf(server.adminUrl, null);
  expect(faults[0]).toMatch(/^the role in force, .+, is a superuser: row-level security would not hold$/);
  expect(faults.join("\n")).toContain("it could lift their guards");
});

test("a role with BYPASSRLS is refused", async () => {
  const role = `bypass_${String(process.pid)}`;
  await asAdmin(`create role ${role} login bypassrls password 'secret'; grant usage on schema migration to ${role};
                 grant select on migration.checksum, migration.schema_compatibility to ${role}`);
  expect(await faultsOf(loginUrl(role), null)).toEqual([
    `the role in force, ${role}, has BYPASSRLS: row-level security would not hold`,
    `the login can take the role ${role}, which may delete or sees every tenant`,
  ]);
  await asAdmin(`drop owned by ${role}; drop role ${role}`);
});

const loginUrl = (login: string): string => {
  const url = new URL(server.adminUrl);
  [url.username, url.password] = [login, "secret"];
  return url.href;
};

let logins = 0;
test.each([
  ["a role of the functions that delete", "grant ballast_purger to LOGIN", "ballast_purger, LOGIN"],
  ["a role of the functions that claim", "grant ballast_claimer to LOGIN", "ballast_claimer"],
  ["the right to delete", "grant delete on lineage_edge to LOGIN", "LOGIN"],
  ["the right to truncate", "grant truncate on lineage_edge to LOGIN", "LOGIN"],
  ["a policy of its own", "create policy more on lineage_edge to LOGIN using (true)", "LOGIN"],
])("a login that has %s is refused", async (_, grant, role) => {
  logins += 1;
  const login = `login_${String(process.pid)}_${String(logins)}`;
  await asAdmin(`create role ${login} login password 'secret'; grant ballast_service to ${login}`);
  expect(await faultsOf(loginUrl(login))).toEqual([]);
  await asAdmin(grant.replace("LOGIN", login));
  expect(await faultsOf(loginUrl(login))).toEqual([
    `the login can take the role ${role.replace("LOGIN", login)}, which may delete or sees every tenant`,
  ]);
  await asAdmin(`drop owned by ${login}; drop role ${login}`);
});

test("a login that was a member of the roles of earlier versions can do nothing with them, and passes", async () => {
  const login = `former_${String(process.pid)}`;
  await asAdmin(`create role ${login} login password 'secret';
                 grant ballast_service, ballast_worker, ballast_retention to ${login}`);
  expect(await faultsOf(loginUrl(login))).toEqual([]);
  await asAdmin(`drop owned by ${login}; drop role ${login}`);
});

test("where the service must have a login of its own, that of the tables' owner is refused", async () => {
  const database = openTestDatabase(server.adminUrl, { max: 1 });
  const faults = await startupFaults(database, known, { isOwnLogin: true });
  await closeDatabase(database);
  expect(faults).toEqual([
    expect.stringMatching(/^the login, .+, can act as the owner of the tables: it needs one of its own$/),
  ]);
});

test("a table whose row-level security is not forced is named", async () => {
  await asAdmin("alter table rebalance_run no force row level security");
  expect(await faultsOf(server.url)).toEqual([
    "row-level security is not enabled and forced on rebalance_run",
  ]);
  await asAdmin("alter table rebalance_run force row level security");
});

test.each(["off", "local", "remote_write"])(
  "synchronous_commit = %s does not reach the service",
  async (value) => {
    const name = new URL(server.url).pathname.slice(1);
    await asAdmin(`alter database ${name} set synchronous_commit = ${value}`);
    expect(await faultsOf(server.url)).toEqual([]);
    await asAdmin(`alter database ${name} reset synchronous_commit`);
  },
);

test("missing, unknown and edited migrations are named", async () => {
  const [first, ...others] = known;
  if (first === undefined) throw new Error("there are no migrations");
  const next = { name: "9999_next", sql: "", checksum: "" };
  expect(await faultsOf(server.url, "ballast_service", [...known, next])).toEqual([
    "the database lacks the migrations 9999_next: run npm run migrate",
  ]);
  expect(await faultsOf(server.url, "ballast_service", others)).toEqual([
    `the database has migration ${first.name}, which this version of the service does not know`,
  ]);
  expect(await faultsOf(server.url, "ballast_service", [{ ...first, checksum: "other" }, ...others])).toEqual(
    [`migration ${first.name} was changed after it was applied`],
  );
});

import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEmbeddedDatabase, type EmbeddedDatabase } from "../../../src/platform/database/embedded.ts";
import { migrate } from "../../../src/platform/database/migrate.ts";
import { readMigrations } from "../../../src/platform/database/migrations.ts";
import { closeDatabase } from "../../../src/platform/database/database.ts";
import { startupFaults } from "../../../src/platform/database/startup-checks.ts";
import { openTestDatabase } from "../../support/databases.ts";
import { urlOf, withSession } from "../../support/session.ts";

let folder: string;
let database: EmbeddedDatabase;

const open = () => openEmbeddedDatabase({ folder, log: () => undefined, onGone: () => undefined });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "ballast-logins-"));
  chmodSync(folder, 0o755);
  database = await open();
  await migrate({ url: database.migrationUrl, serviceLogin: database.serviceLogin });
});
afterAll(async () => {
  await database.stop();
  rmSync(folder, { recursive: true, force: true });
});

const passwordOf = (url: string) => new URL(url).password;
/** What the server says to a session, or to one statement of it. */
const saidTo = (url: string, query = "select") =>
  withSession(url, async (session) => {
    await session.query(query);
    return "done";
  }).catch((error: unknown) => (error instanceof Error ? error.message : String(error)));

describe("the embedded database", () => {
  test("has a login of the service with a password of its own, which does not open the owner's", async () => {
    expect(passwordOf(database.url)).toMatch(/^[0-9a-f]{48}$/);
    expect(passwordOf(database.url)).not.toBe(passwordOf(database.migrationUrl));
    const posing = urlOf(database.migrationUrl, { password: passwordOf(database.url) });
    expect(await saidTo(posing)).toMatch(/password authentication failed for user "postgres"/);
    const swapped = urlOf(database.url, { password: passwordOf(database.migrationUrl) });
    expect(await saidTo(swapped)).toMatch(/password authentication failed for user "ballast"/);
  });

  test("keeps the owner's password alone, and nothing of it tells the service's", () => {
    const kept = readFileSync(join(folder, "data", "ballast.secret"), "utf8");
    expect(kept).toBe(passwordOf(database.migrationUrl));
  });

  test.each([
    ["set role postgres", /permission denied to set role "postgres"/],
    ["set session authorization postgres", /permission denied to set session authorization/],
    ["create table public.mine (a int)", /permission denied for schema public/],
    ["alter table public.rebalance_run disable trigger all", /must be owner of table rebalance_run/],
    ["set role ballast_purger", /permission denied to set role "ballast_purger"/],
    ["create role other", /permission denied to create role/],
    ["select from pg_authid", /permission denied for table pg_authid/],
    ["copy (select 1) to program 'true'", /permission denied to COPY to or from an external program/],
  ])("lets the service's login not act as the owner: %s", async (query, refusal) => {
    expect(await saidTo(database.url, query)).toMatch(refusal);
  });

  test("passes the checks of a service whose login is not the owner's", async () => {
    const service = openTestDatabase(database.url, { max: 1 });
    expect(await startupFaults(service, readMigrations(), { isOwnLogin: true })).toEqual([]);
    await closeDatabase(service);
  });

  test("that was made when both had one password gives the service another at its next start", async () => {
    const owners = passwordOf(database.migrationUrl);
    expect(await saidTo(database.migrationUrl, `alter role ballast password '${owners}'`)).toBe("done");
    const before = database;
    await before.stop();
    database = await open();
    expect(passwordOf(database.url)).not.toBe(passwordOf(before.url));
    const shared = urlOf(database.url, { password: owners });
    expect(await saidTo(shared)).toMatch(/password authentication failed/);
    expect(await saidTo(database.url)).toBe("done");
  });
});

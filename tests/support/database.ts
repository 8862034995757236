import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import { urlOf, withSession } from "./session.ts";

/** A migrated database that nobody else uses. */
export type TestDatabase = {
  /** As the superuser who owns the tables: to look behind the service's back. */
  adminUrl: string;
  /** As the login that the service has. */
  url: string;
  /** Gives the database back. On a server of the run's own it goes with the server, which is quicker. */
  drop: () => Promise<void>;
};

/** Copies the migrated template: call it once in a test file (`beforeAll`), or for each test that needs its own. */
export async function testDatabase(): Promise<TestDatabase> {
  const { adminUrl, template, prefix, login, isShared } = inject("testServer");
  const database = `${prefix}${randomBytes(6).toString("hex")}`;
  await withSession(adminUrl, async (session) => {
    await session.query(`create database ${database} template ${template}`);
  });
  const drop = async () => {
    if (!isShared) return;
    await withSession(adminUrl, async (session) => {
      await session.query(`drop database ${database} with (force)`);
    });
  };
  return { adminUrl: urlOf(adminUrl, { database }), url: urlOf(adminUrl, { database, ...login }), drop };
}

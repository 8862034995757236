import { randomBytes } from "node:crypto";
import type { TestProject } from "vitest/node";
import { ensureTypescriptClient } from "../../scripts/sdk/typescript.ts";
import { migrate } from "../../src/platform/database/migrate.ts";
import { buildService } from "./service-build.ts";
import { urlOf, withSession } from "./session.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

/** What a test file needs to know to get a database of its own. */
export type TestServerAccess = {
  /** Superuser, database `postgres`. */
  adminUrl: string;
  /** The migrated database that the others are copied from. */
  template: string;
  /** Begins the name of each database of this run. */
  prefix: string;
  /** What the service logs in as: neither superuser nor owner. */
  login: { user: string; password: string };
  isShared: boolean;
  /** The compiled service: `dist/main.js` below it. */
  serviceFolder: string;
};

declare module "vitest" {
  interface ProvidedContext {
    testServer: TestServerAccess;
  }
}

/** Runs once for each project that has tests to run; the first one starts the server for all. */
export default async function setup(project: TestProject) {
  const root = project.vitest.getRootProject();
  if ("testServer" in root.getProvidedContext()) return undefined;
  const [server, build] = await Promise.all([startTestServer(), buildService(), ensureTypescriptClient()]);
  const run = randomBytes(4).toString("hex");
  const access: TestServerAccess = {
    adminUrl: server.adminUrl,
    template: `ballast_test_${run}_template`,
    prefix: `ballast_test_${run}_`,
    login: { user: `ballast_test_${run}`, password: randomBytes(16).toString("hex") },
    isShared: server.isShared,
    serviceFolder: build.folder,
  };
  try {
    await prepareTemplate(access);
  } catch (error) {
    await server.stop();
    build.remove();
    throw error;
  }
  process.stdout.write(`\n PostgreSQL for the tests: ${server.origin}\n`);
  root.provide("testServer", access);
  return async () => {
    await cleanUp(server, access);
    build.remove();
  };
}

async function prepareTemplate({ adminUrl, template, login }: TestServerAccess): Promise<void> {
  await withSession(adminUrl, async (session) => {
    await session.query(`create database ${template}`);
    await session.query(`create role ${login.user} login password '${login.password}'`);
    await migrate({ url: urlOf(adminUrl, { database: template }), serviceLogin: login.user });
    await session.query(`alter database ${template} with is_template true allow_connections false`);
  });
}

async function cleanUp(server: TestServer, { adminUrl, prefix, login }: TestServerAccess): Promise<void> {
  if (server.isShared) {
    await withSession(adminUrl, async (session) => {
      const { rows } = await session.query<{ datname: string }>(
        "select datname from pg_database where starts_with(datname, $1)",
        [prefix],
      );
      for (const { datname } of rows) {
        await session.query(`alter database ${datname} with is_template false`);
        await session.query(`drop database ${datname} with (force)`);
      }
      await session.query(`drop role ${login.user}`);
    });
  }
  await server.stop();
}

import { parseServerAddress } from "../../src/platform/database/address.ts";
import { openDatabase, type Database, type DatabaseHooks } from "../../src/platform/database/database.ts";

/** Opens a test database with limits that a test can afford to wait for. */
export function openTestDatabase(
  url: string,
  limits: Partial<Parameters<typeof openDatabase>[0]> = {},
  hooks: DatabaseHooks = {},
): Database {
  return openDatabase(
    {
      server: parseServerAddress(url),
      role: "ballast_service",
      applicationName: "ballast-test",
      statementTimeoutMs: 10_000,
      lockTimeoutMs: 5_000,
      idleInTransactionTimeoutMs: 10_000,
      max: 8,
      queueLimit: 1_000,
      queueWaitMs: 20_000,
      connectTimeoutMs: 5_000,
      deadlineMs: 20_000,
      ...limits,
    },
    hooks,
  );
}

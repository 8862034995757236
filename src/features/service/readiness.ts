import type { Database } from "../../platform/database/database.ts";
import { databaseFault } from "../../platform/database/errors.ts";
import { readMigrations } from "../../platform/database/migrations.ts";
import { startupFaults } from "../../platform/database/startup-checks.ts";
import type { Readiness } from "./schemas.ts";

/** Where the process is in its life; the one thing that changes after the start. */
export type Lifecycle = { readonly isStopping: boolean };

/** Readiness is asked again within seconds, so a slow database is an unready one. */
const CHECK_DEADLINE_MS = 2_000;

/** Whether requests can be served: not stopping, the database as it was found at the start, and writes taken by it. */
export function readinessCheck(database: Database, lifecycle: Lifecycle): () => Promise<Readiness["checks"]> {
  const migrations = readMigrations();
  return async () => {
    if (lifecycle.isStopping) return [{ name: "process", ok: false, reason: "stopping" }];
    try {
      const [fault] = await startupFaults(database, migrations, { deadlineMs: CHECK_DEADLINE_MS });
      const reason = fault ?? database.writeHealth.fault();
      return [{ name: "database", ok: reason === null, reason }];
    } catch (error) {
      const fault = databaseFault(error);
      if (fault === undefined) throw error;
      return [{ name: "database", ok: false, reason: fault.kind }];
    }
  };
}

import type { Database, DatabaseHooks } from "./platform/database/database.ts";
import { databaseFault } from "./platform/database/errors.ts";
import { readMigrations } from "./platform/database/migrations.ts";
import { startupFaults } from "./platform/database/startup-checks.ts";
import type { Metrics } from "./platform/metrics.ts";
import type { ReadinessCheck } from "./service/routes.ts";

/** Where the process is in its life; it is the one thing that changes after the start. */
export type Lifecycle = { isStopping: boolean };

/** Readiness is asked again within seconds, so a database slower than this is an unready one. */
const CHECK_DEADLINE_MS = 2_000;

/** Whether requests can be served: not stopping, and the database still as it was checked at the start. */
export function readinessCheck(database: Database, lifecycle: Lifecycle): () => Promise<ReadinessCheck[]> {
  const migrations = readMigrations();
  return async () => {
    if (lifecycle.isStopping) return [{ name: "service", ok: false, reason: "stopping" }];
    try {
      const faults = await startupFaults(database, migrations, CHECK_DEADLINE_MS);
      return [{ name: "database", ok: faults.length === 0, reason: faults[0] ?? null }];
    } catch (error) {
      const kind = databaseFault(error)?.kind;
      if (kind === undefined) throw error;
      return [{ name: "database", ok: false, reason: kind }];
    }
  };
}

/** Counts what happens at the door to one database. */
export function databaseHooks(metrics: Metrics, database: string): DatabaseHooks {
  return {
    onWait: (waitedMs) => metrics.poolWait.observe({ database }, waitedMs / 1000),
    onRetry: (fault) => metrics.transactionRetries.inc({ database, fault }),
    onFault: (fault) => metrics.databaseFaults.inc({ database, fault }),
  };
}

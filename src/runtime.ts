import type { Config } from "./config/config.ts";
import { readVersion } from "./config/version.ts";
import type { Clock } from "./platform/clock.ts";
import { parseServerAddress } from "./platform/database/address.ts";
import { closeDatabase, openDatabase, type Database } from "./platform/database/database.ts";
import type { DatabaseError } from "./platform/database/errors.ts";
import { migrate } from "./platform/database/migrate.ts";
import { readMigrations } from "./platform/database/migrations.ts";
import { replicaOf, type EventualReads } from "./platform/database/read-eventually.ts";
import { startupFaults } from "./platform/database/startup-checks.ts";
import type { Deadline } from "./platform/deadline.ts";
import { messageOf } from "./platform/error-message.ts";
import type { WriteDeps } from "./platform/idempotency/write.ts";
import { newId, type Ids } from "./platform/ids.ts";
import { createKeyedQueue } from "./platform/keyed-queue.ts";
import type { Log } from "./platform/log.ts";
import { createMetrics, databaseHooks, type Metrics } from "./platform/metrics.ts";
import { inlineCalculations, openThreads, type Calculations } from "./platform/threads.ts";

/** What a process has opened. The features are assembled from it and hold nothing else. */
export type Runtime = {
  readonly config: Config;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The database's time: the wall clock of a machine may be off by days. */
  readonly clock: Clock;
  readonly newId: Ids;
  /** The version of the engine that runs are stamped with. */
  readonly engineVersion: string;
  readonly database: Database;
  /** For reads that may lag behind: the primary where there is no replica. */
  readonly reads: EventualReads;
  /** What every write goes through. */
  readonly writes: WriteDeps;
  /** Where the engine runs. */
  readonly calculations: Calculations;
};

export type RuntimeOptions = {
  readonly config: Config;
  readonly log: Log;
  /** Called when the service can no longer do its work: the embedded database is gone for good. */
  readonly onGone: (reason: Error) => void;
};

export type OpenedRuntime = {
  readonly runtime: Runtime;
  /** Closes everything, latest first; at once where `hurry` is aborted. */
  readonly close: (hurry: AbortSignal) => Promise<void>;
};

/**
 * Opens what a process needs, in order: database, schema, start-up checks. Throws an Error with a line for each fault,
 * after closing what had been opened.
 */
export async function openRuntime(options: RuntimeOptions): Promise<OpenedRuntime> {
  const closers: Closer[] = [];
  const close = async (hurry: AbortSignal) => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer(hurry);
  };
  try {
    const logins = await openServer(options, closers);
    if (options.config.database.migrateOnStart) await migrateSchema(logins, options);
    const calculations = openCalculations(options, closers);
    return { runtime: await openDatabases(logins.url, options, closers, calculations), close };
  } catch (error) {
    await close(new AbortController().signal);
    throw error;
  }
}

type Closer = (hurry: AbortSignal) => Promise<void>;

/** Logins of one database: the service's own, and the one that owns the schema. */
type Logins = { readonly url: string; readonly migrationUrl: string; readonly serviceLogin: string | null };

/** The role that requests run in, whatever the login may do. */
const SERVICE_ROLE = "ballast_service";
const CLOSE_GRACE_MS = 5_000;

async function openServer({ config, log, onGone }: RuntimeOptions, closers: Closer[]): Promise<Logins> {
  const { url, migrationUrl, serviceLogin, embeddedFolder: folder } = config.database;
  if (url !== null) return { url, migrationUrl: migrationUrl ?? url, serviceLogin };
  // Loaded only where it is used: a deployment with a database of its own need not have it installed.
  const { openEmbeddedDatabase } = await import("./platform/database/embedded.ts");
  const embedded = await openEmbeddedDatabase({ folder, log: (message) => log.warn(message), onGone });
  closers.push(embedded.stop);
  return embedded;
}

async function migrateSchema(
  { migrationUrl, serviceLogin }: Logins,
  { log, config }: RuntimeOptions,
): Promise<void> {
  const source = config.database.migrationUrl === null ? sourceOf(config) : "MIGRATION_DATABASE_URL";
  const applied = await naming(source, () =>
    migrate({
      url: migrationUrl,
      ...(serviceLogin === null ? {} : { serviceLogin }),
      log: (message) => log.warn(message),
    }),
  );
  if (applied.length > 0) log.info({ applied }, "schema brought up to date");
}

/** Threads run compiled code: what runs from its sources, as tests do, calculates in the thread that it has. */
function openCalculations({ config }: RuntimeOptions, closers: Closer[]): Calculations {
  if (!import.meta.url.endsWith(".js")) return inlineCalculations;
  const file = new URL("./thread.js", import.meta.url);
  const { calculations, close } = openThreads({ file, ...config.calculations });
  closers.push(close);
  return calculations;
}

async function openDatabases(
  url: string,
  options: RuntimeOptions,
  closers: Closer[],
  calculations: Calculations,
): Promise<Runtime> {
  const { config, log } = options;
  const metrics = createMetrics();
  const open = (address: string, name: string) => {
    const opened = openDatabase(databaseConfig(address, config), databaseHooks(metrics, name));
    closers.push((hurry) => closeDatabase(opened, hurry.aborted ? 0 : CLOSE_GRACE_MS));
    return opened;
  };
  const database = open(url, "primary");
  const isOwnLogin = config.profile === "PRODUCTION";
  const faults = await naming(sourceOf(config), () =>
    startupFaults(database, readMigrations(), { isOwnLogin }),
  );
  if (faults.length > 0) throw new Error(faults.join("\n"));
  const { readUrl } = config.database;
  return createRuntime(
    { config, log, metrics, database, calculations },
    readUrl === null ? null : open(readUrl, "replica"),
  );
}

/** A runtime over what is open already. */
export function createRuntime(
  opened: Pick<Runtime, "config" | "log" | "metrics" | "database"> &
    Partial<Pick<Runtime, "clock" | "calculations">>,
  replica: Database | null = null,
): Runtime {
  const { config, database } = opened;
  const clock = opened.clock ?? database.serverClock.now;
  const { lockTimeoutMs: turnWaitMs } = config.database;
  return {
    ...opened,
    clock,
    calculations: opened.calculations ?? inlineCalculations,
    newId,
    engineVersion: readVersion(),
    reads: eventualReads(opened, replica),
    writes: { database, clock, inFlight: new Map(), aggregates: createKeyedQueue(), turnWaitMs },
  };
}

/**
 * The same runtime for work that ends at a deadline: nothing starts on it later, and what is under way then is rolled back
 * or calculated no further. What it writes is told of with `traceparent`, that of its request.
 */
export function withDeadline(runtime: Runtime, deadline: Deadline, traceparent?: string): Runtime {
  const { reads, writes } = runtime;
  const database = { ...runtime.database, deadline, ...(traceparent === undefined ? {} : { traceparent }) };
  const replica =
    reads.replica === null ? null : { ...reads.replica, database: { ...reads.replica.database, deadline } };
  const calculations: Calculations = {
    run: (calculation, input, terms) =>
      runtime.calculations.run(calculation, input, { ...terms, signal: deadline.signal }),
  };
  return {
    ...runtime,
    database,
    reads: { primary: database, replica },
    writes: { ...writes, database },
    calculations,
  };
}

/** A replica that failed a read is left alone for a while; one that is slow leaves the primary most of the time. */
const REPLICA_PAUSE_MS = 5_000;
const REPLICA_TIMEOUT_MS = 2_000;

function eventualReads(
  { log, metrics, database }: Pick<Runtime, "log" | "metrics" | "database">,
  replica: Database | null,
): EventualReads {
  if (replica === null) return { primary: database, replica: null };
  const options = {
    pauseMs: REPLICA_PAUSE_MS,
    timeoutMs: REPLICA_TIMEOUT_MS,
    onFallback: (error: DatabaseError | null) => {
      metrics.replicaFallbacks.inc();
      if (error !== null) log.warn({ err: error }, "the replica cannot serve, reads go to the primary");
    },
  };
  return { primary: database, replica: replicaOf(replica, options) };
}

const sourceOf = ({ database }: Config) => (database.url === null ? "the embedded database" : "DATABASE_URL");

/** Says of an error which of the databases it is about. */
async function naming<T>(source: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${source}: ${messageOf(error)}`, { cause: error });
  }
}

function databaseConfig(url: string, { database, server }: Config) {
  return {
    server: parseServerAddress(url),
    role: SERVICE_ROLE,
    applicationName: "ballast",
    statementTimeoutMs: database.statementTimeoutMs,
    lockTimeoutMs: database.lockTimeoutMs,
    idleInTransactionTimeoutMs: database.idleInTransactionTimeoutMs,
    max: database.poolMax,
    queueLimit: database.queueMax,
    queueWaitMs: database.queueWaitMs,
    connectTimeoutMs: database.connectTimeoutMs,
    deadlineMs: server.requestDeadlineMs,
  };
}

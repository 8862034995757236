import type { FastifyInstance } from "fastify";
import { buildApp } from "./app.ts";
import type { Config } from "./config/config.ts";
import { parseServerAddress } from "./platform/database/address.ts";
import { closeDatabase, openDatabase } from "./platform/database/database.ts";
import { openEmbeddedDatabase } from "./platform/database/embedded.ts";
import { migrate } from "./platform/database/migrate.ts";
import { readMigrations } from "./platform/database/migrations.ts";
import { startupFaults } from "./platform/database/startup-checks.ts";
import type { Log } from "./platform/log.ts";
import { createMetrics, databaseHooks } from "./platform/metrics.ts";
import { startBackground } from "./background.ts";
import type { Surroundings } from "./surroundings.ts";
import { makeFeatures } from "./wiring.ts";

export type StartOptions = {
  readonly config: Config;
  readonly log: Log;
  /** Called when the service can no longer do its work: the embedded database is gone for good. */
  readonly onGone: (reason: Error) => void;
};

export type Service = {
  /** Where it listens, with the port that it was given. */
  readonly url: string;
  /** Ends what is in hand within the grace period, or at once when `hurry` is aborted, then everything else. */
  readonly stop: (hurry?: AbortSignal) => Promise<void>;
};

/** What a started part leaves to do at the end; taken in the opposite order. */
type Release = (hurry: AbortSignal) => Promise<void>;

/** Logins of one database: the service's own, and the one that owns the schema. */
type Logins = { readonly url: string; readonly migrationUrl: string; readonly serviceLogin: string | null };

/**
 * Starts everything in order: database, schema, checks, application, port. Throws an Error with a line for each fault,
 * after ending what had been started.
 */
export async function startService(options: StartOptions): Promise<Service> {
  const { result: url, stop } = await start(options, listen);
  return { url, stop };
}

/** Starts the background work alone: `npm run worker`. */
export async function startWorkerAlone(options: StartOptions): Promise<Pick<Service, "stop">> {
  if (options.config.database.url === null)
    throw new Error("DATABASE_URL must be set: a worker works on a service's database");
  return start(options, (surroundings, releases) => {
    const { execution } = makeFeatures(surroundings);
    const stopwatch = createStopwatch(surroundings.config.server.shutdownGraceMs);
    releases.push((hurry) => execution.hands.empty(stopwatch.remainingMs(), hurry));
    releases.push(startBackground(surroundings, execution).stop);
    releases.push(stopwatch.start);
    return Promise.resolve();
  });
}

/** The last step of a start, on what the steps before it have opened. */
type LastStep<T> = (surroundings: Surroundings, releases: Release[]) => Promise<T>;

async function start<T>(
  options: StartOptions,
  last: LastStep<T>,
): Promise<{ readonly result: T; readonly stop: Service["stop"] }> {
  const releases: Release[] = [];
  const stop = async (hurry: AbortSignal = NEVER) => {
    for (let release = releases.pop(); release !== undefined; release = releases.pop()) await release(hurry);
  };
  try {
    const logins = await openServer(options, releases);
    if (options.config.database.migrateOnStart) await migrateSchema(logins, options);
    return { result: await last(await open(logins.url, options, releases), releases), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The role that requests run in, whatever the login may do. */
const SERVICE_ROLE = "ballast_service";
const CLOSE_GRACE_MS = 5_000;
const NEVER = new AbortController().signal;

async function openServer({ config, log, onGone }: StartOptions, releases: Release[]): Promise<Logins> {
  const { url, migrationUrl, serviceLogin, embeddedFolder } = config.database;
  if (url !== null) {
    return { url, migrationUrl: migrationUrl ?? url, serviceLogin };
  }
  const embedded = await openEmbeddedDatabase({
    folder: embeddedFolder,
    log: (message) => log.warn(message),
    onGone,
  });
  releases.push(embedded.stop);
  return embedded;
}

async function migrateSchema(
  { migrationUrl, serviceLogin }: Logins,
  { log, config }: StartOptions,
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

/** Opens the doors to the database. */
async function open(url: string, options: StartOptions, releases: Release[]): Promise<Surroundings> {
  const { config, log } = options;
  const metrics = createMetrics();
  const openDoor = (address: string, name: string) => {
    const opened = openDatabase(databaseConfig(address, config), databaseHooks(metrics, name));
    releases.push((hurry) => closeDatabase(opened, hurry.aborted ? 0 : CLOSE_GRACE_MS));
    return opened;
  };
  const database = openDoor(url, "primary");
  const faults = await naming(sourceOf(config), () => startupFaults(database, readMigrations()));
  if (faults.length > 0) throw new Error(faults.join("\n"));
  const { readUrl } = config.database;
  const replica = readUrl === null ? database : openDoor(readUrl, "replica");
  return { config, log, metrics, database, replica };
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

/** A name with several addresses fails with one error for each, and no message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
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

async function listen(surroundings: Surroundings, releases: Release[]): Promise<string> {
  const { host, port, shutdownGraceMs } = surroundings.config.server;
  const lifecycle = { isStopping: false };
  const features = makeFeatures(surroundings);
  const { hands } = features.execution;
  const stopwatch = createStopwatch(shutdownGraceMs);
  releases.push((hurry) => hands.empty(stopwatch.remainingMs(), hurry));
  const app = await buildApp({ ...surroundings, features, lifecycle });
  releases.push((hurry) => closeWithin(app, shutdownGraceMs, hurry));
  try {
    await app.listen({ host, port });
  } catch (error) {
    throw new Error(listenFault(error, host, port), { cause: error });
  }
  releases.push(startBackground(surroundings, features.execution).stop);
  releases.push(() => {
    lifecycle.isStopping = true; // readiness drops before the port closes
    return stopwatch.start();
  });
  return addressOf(app);
}

/** One grace period for all that is in hand, requests and operations: it runs from the first step of the stop. */
function createStopwatch(graceMs: number) {
  let end = Infinity;
  return {
    start: () => {
      end = performance.now() + graceMs;
      return Promise.resolve();
    },
    remainingMs: () => (end === Infinity ? 0 : Math.max(0, end - performance.now())),
  };
}

/** Stops accepting, lets requests in hand end within the grace period, then cuts their connections. */
async function closeWithin(app: FastifyInstance, graceMs: number, hurry: AbortSignal): Promise<void> {
  const cut = () => app.server.closeAllConnections();
  const timer = setTimeout(cut, hurry.aborted ? 0 : graceMs);
  hurry.addEventListener("abort", cut, { once: true });
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
    hurry.removeEventListener("abort", cut);
  }
}

function listenFault(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE")
    return `PORT ${port} is already in use on ${host}: stop what listens there, or set PORT`;
  if (code === "EACCES")
    return `PORT ${port} may not be listened on by this user: set PORT to one above 1023`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") return `HOST ${host} is no address of this machine`;
  return messageOf(error);
}

function addressOf(app: FastifyInstance): string {
  const address = app.server.address();
  if (address === null || typeof address === "string") throw new Error("the service listens on no port");
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}

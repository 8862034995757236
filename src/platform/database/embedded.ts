import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import { removeCopy } from "./embedded/binaries.ts";
import { openCluster, type OwnedCluster } from "./embedded/cluster.ts";
import { launch, type RunningServer } from "./embedded/launch.ts";
import { stopServer, SUPERUSER } from "./embedded/server.ts";

export type EmbeddedOptions = {
  /** Where the database lives and is kept between starts. */
  readonly folder: string;
  readonly log: (message: string) => void;
  /** Called once, when the server has ended and cannot be brought back. */
  readonly onGone: (reason: Error) => void;
};

/** A PostgreSQL server of our own, on the loopback interface, as long as this process lives. */
export type EmbeddedDatabase = {
  /** The service's login, which owns nothing. */
  readonly url: string;
  readonly serviceLogin: string;
  /** The login that owns the schema. */
  readonly migrationUrl: string;
  readonly stop: () => Promise<void>;
};

const DATABASE = "ballast";
const SERVICE_LOGIN = "ballast";
const SETTINGS = { max_connections: "100" };

/** Held by the session of the one service that owns the folder; the server frees it when that process dies. */
const OWNER_LOCK = "3871046529174402";
/** A process that was killed a moment ago may still be listed with its session. */
const OWNER_LOCK_WAIT = "3s";
/** A server that is reset after a crash closes its sessions first. */
const RESTORE_PAUSE_MS = 100;

/**
 * Serves the database in `folder`: made on the first call, adopted from a service that was killed, started again
 * when it ends. Throws an Error of one line, and leaves no server of its own behind, when that cannot be done or when
 * another service owns the folder.
 */
export async function openEmbeddedDatabase(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const owned = await openCluster(options.folder);
  const running = await launch(owned, SETTINGS);
  await claim(owned, running.session);
  const servicePassword = randomBytes(24).toString("hex");
  try {
    await prepareDatabase(running.session, servicePassword);
  } catch (error) {
    await stopServer(owned.cluster);
    throw error;
  }
  const guard = keepServing(owned, running, options);
  const at = (login: string, password: string) =>
    `postgres://${login}:${password}@127.0.0.1:${String(running.port)}/${DATABASE}`;
  const stop = async () => {
    guard.isStopping = true;
    await guard.restoring;
    await stopServer(owned.cluster);
    removeCopy(owned.cluster.binaries);
  };
  return {
    url: at(SERVICE_LOGIN, servicePassword),
    serviceLogin: SERVICE_LOGIN,
    migrationUrl: at(SUPERUSER, owned.password),
    stop,
  };
}

async function claim({ cluster }: OwnedCluster, session: pg.Client): Promise<void> {
  try {
    await session.query(`set lock_timeout = '${OWNER_LOCK_WAIT}'`);
    await session.query(`select pg_advisory_lock(${OWNER_LOCK})`);
  } catch (error) {
    await session.end();
    if (!(error instanceof pg.DatabaseError) || error.code !== "55P03") throw error;
    throw new Error(
      `the embedded PostgreSQL in ${cluster.dataFolder} serves another process of Ballast: ` +
        "stop that one, or set EMBEDDED_PG_DIR to another folder",
      { cause: error },
    );
  }
}

/** The service's login gets a password with each start, which is written nowhere. It opens nothing else. */
async function prepareDatabase(session: pg.Client, servicePassword: string): Promise<void> {
  const isMissing = async (query: string) => (await session.query(query)).rowCount === 0;
  if (await isMissing(`select from pg_roles where rolname = '${SERVICE_LOGIN}'`)) {
    await session.query(`create role ${SERVICE_LOGIN} login`);
  }
  await session.query(`alter role ${SERVICE_LOGIN} password '${servicePassword}'`);
  if (await isMissing(`select from pg_database where datname = '${DATABASE}'`)) {
    await session.query(`create database ${DATABASE}`);
  }
}

/** The end of the owner's session means that the server ended or was reset: it is launched again, on its port. */
function keepServing(owned: OwnedCluster, { session, port }: RunningServer, options: EmbeddedOptions) {
  const guard = { isStopping: false, restoring: Promise.resolve() };
  watch(session);
  return guard;

  function watch(watched: pg.Client): void {
    watched.once("end", () => {
      if (!guard.isStopping) guard.restoring = restore().catch(giveUp);
    });
  }

  async function restore(): Promise<void> {
    options.log("the embedded PostgreSQL ended the session of its owner: it is started again if it stopped");
    await pause(RESTORE_PAUSE_MS);
    const restored = await launch(owned, SETTINGS, port);
    await claim(owned, restored.session);
    if (restored.port !== port) throw new Error("the embedded PostgreSQL came back on another port");
    watch(restored.session);
    options.log("the embedded PostgreSQL is back");
  }

  function giveUp(reason: unknown): void {
    if (!guard.isStopping) options.onGone(reason instanceof Error ? reason : new Error(String(reason)));
  }
}

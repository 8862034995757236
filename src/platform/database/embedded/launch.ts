import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import pg from "pg";
import type { OwnedCluster } from "./cluster.ts";
import { SUPERUSER, lastFatal, readPostmaster, startServer, type ServerProcess } from "./server.ts";

/** A server that answers, and the session that found it so: whoever launched it owns both. */
export type RunningServer = { port: number; session: pg.Client };

const START_TIMEOUT_MS = 120_000; // recovery after a crash replays up to max_wal_size
const CONNECT_TIMEOUT_MS = 5_000; // a process that holds the lock file but never answers is not this server
const PAUSE_MS = 50;

/** Reasons to try again: another start is under way, the last server is still stopping, the port was taken meanwhile. */
const TRANSIENT =
  /already exists|still in use|starting up|shutting down|address already in use|could not bind|could not create any TCP/i;

/**
 * Joins the server that runs on the cluster already (an earlier process was killed), or starts a new one
 * on `port`, by default a free one. Throws with one clear line when the server refuses to start.
 */
export async function launch(
  owned: OwnedCluster,
  settings: Record<string, string>,
  port: number | null = null,
): Promise<RunningServer> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const adopted = await joinRunning(owned, deadline);
    if (adopted !== null) return adopted;
    const chosen = port ?? (await freePort());
    const session = await awaitStart(owned, startServer(owned.cluster, chosen, settings), chosen, deadline);
    if (session !== null) return { port: chosen, session };
    const reason = lastFatal(owned.cluster) ?? "the server gave no reason";
    if (!TRANSIENT.test(reason) || Date.now() > deadline) {
      throw new Error(`the embedded PostgreSQL in ${owned.cluster.dataFolder} does not start: ${reason}`);
    }
    await pause(PAUSE_MS);
  }
}

async function joinRunning(owned: OwnedCluster, deadline: number): Promise<RunningServer | null> {
  const giveUp = Math.min(deadline, Date.now() + CONNECT_TIMEOUT_MS);
  for (;;) {
    const postmaster = readPostmaster(owned.cluster);
    if (postmaster === null) return null;
    const session = await connect(owned.password, postmaster.port);
    if (session !== null) return { port: postmaster.port, session };
    if (Date.now() > (postmaster.status === "ready" ? giveUp : deadline)) return null;
    await pause(PAUSE_MS);
  }
}

async function awaitStart(
  owned: OwnedCluster,
  server: ServerProcess,
  port: number,
  deadline: number,
): Promise<pg.Client | null> {
  const exit = { hasHappened: false };
  void server.exited.then(() => {
    exit.hasHappened = true;
  });
  while (!exit.hasHappened && Date.now() < deadline) {
    const session = await connect(owned.password, port);
    if (session !== null) return session;
    await Promise.race([pause(PAUSE_MS), server.exited]);
  }
  return null;
}

/** A session of the superuser; null while the server does not take one, or is not the one of this cluster. */
async function connect(password: string, port: number): Promise<pg.Client | null> {
  const session = new pg.Client({
    host: "127.0.0.1",
    port,
    user: SUPERUSER,
    password,
    database: "postgres",
    application_name: "ballast-embedded",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  });
  session.on("error", () => undefined); // the end of the session says the same, to whoever listens for it
  try {
    await session.connect();
    return session;
  } catch {
    await session.end().catch(() => undefined);
    return null;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === "string")
    throw new Error("no free port on the loopback interface");
  return address.port;
}

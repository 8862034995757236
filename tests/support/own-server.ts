import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { vi } from "vitest";
import { openCluster } from "../../src/platform/database/embedded/cluster.ts";
import { launch } from "../../src/platform/database/embedded/launch.ts";
import { readPostmaster, stopServer, type Cluster } from "../../src/platform/database/embedded/server.ts";
import { migrate } from "../../src/platform/database/migrate.ts";
import { urlOf } from "./session.ts";

/** A PostgreSQL server of a test's own, with one migrated database: it may be killed. */
export type OwnServer = {
  readonly adminUrl: string;
  /** As the login that the service has. */
  readonly url: string;
  /** SIGKILL to the postmaster and to every process of it: nobody flushes, says goodbye or cleans up. */
  readonly kill: () => Promise<void>;
  /** Starts it again where it was, and lets it recover. */
  readonly restart: () => Promise<void>;
  readonly remove: () => Promise<void>;
};

/** Named as the servers of whole runs are, which are looked for and removed where a run was killed. */
const FOLDER = `ballast-tests-${String(process.pid)}-`;
const SETTINGS = { max_connections: "60" };
const DATABASE = "ballast";
const PATIENCE = { timeout: 30_000, interval: 10 };

export async function startOwnServer(): Promise<OwnServer> {
  const folder = mkdtempSync(join(tmpdir(), FOLDER));
  const owned = await openCluster(folder);
  const { cluster, password } = owned;
  const running = await launch(owned, SETTINGS);
  const { port } = running;
  let { session } = running;
  const login = { user: "ballast", password: randomBytes(16).toString("hex") };
  const server = `postgres://postgres:${password}@127.0.0.1:${String(port)}/postgres`;
  const adminUrl = urlOf(server, { database: DATABASE });
  await session.query(`create database ${DATABASE}`);
  await session.query(`create role ${login.user} login password '${login.password}'`);
  await migrate({ url: adminUrl, serviceLogin: login.user });
  return {
    adminUrl,
    url: urlOf(server, { database: DATABASE, ...login }),
    kill: () => killServer(cluster, session),
    restart: async () => {
      ({ session } = await launch(owned, SETTINGS, port));
    },
    remove: async () => {
      await session.end();
      await stopServer(cluster);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** SIGKILL to the postmaster and to every process of it. `session` is one of its superuser. */
export async function killServer(cluster: Cluster, session: pg.Client): Promise<void> {
  const children = await childrenOf(session);
  const postmaster = readPostmaster(cluster);
  if (postmaster === null) throw new Error("there is no server to kill");
  for (const pid of [postmaster.pid, ...children]) endAtOnce(pid);
  await vi.waitUntil(() => readPostmaster(cluster) === null, PATIENCE);
}

/** Sessions and helpers: all that the server itself lists. */
async function childrenOf(session: pg.Client): Promise<number[]> {
  const { rows } = await session.query<{ pid: number }>("select pid from pg_stat_activity");
  return rows.map(({ pid }) => pid);
}

function endAtOnce(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error; // else it has ended
  }
}

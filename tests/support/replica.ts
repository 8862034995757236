import { chmodSync, chownSync, cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";
import { openCluster, type OwnedCluster } from "../../src/platform/database/embedded/cluster.ts";
import { launch } from "../../src/platform/database/embedded/launch.ts";
import { stopServer } from "../../src/platform/database/embedded/server.ts";
import { killServer } from "./own-server.ts";
import { migrate } from "../../src/platform/database/migrate.ts";

const SETTINGS = { max_connections: "50" };
const LOGIN = "ballast_app";

/** Two servers of their own: a migrated primary, and a hot standby that streams from it. */
export type ReplicatedServers = {
  readonly primaryUrl: string;
  readonly replicaUrl: string;
  /** Both as hosts of one URL, in the order of `hosts`. */
  readonly urlOfBoth: (hosts: readonly ("primary" | "replica")[], target: string) => string;
  /** Superuser, in the database of the service. */
  readonly adminUrls: { readonly primary: string; readonly replica: string };
  /** From now on the replica receives and does not apply: it lags. */
  readonly pauseReplay: () => Promise<void>;
  /** Applies again, and resolves once all that the primary has committed is there. */
  readonly catchUp: () => Promise<void>;
  readonly stopReplica: () => Promise<void>;
  /** On the port that it had. */
  readonly startReplica: () => Promise<void>;
  /** SIGKILL to every process of the primary; then its data is removed, for good. */
  readonly destroyPrimary: () => Promise<void>;
  /** Makes the replica take writes, and resolves once it does. */
  readonly promoteReplica: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

/**
 * From the programs of the embedded server, which are needed here whatever server the other tests use. `isSynchronous`: a
 * COMMIT of the primary waits until the replica has it on disk.
 */
export async function startReplicatedServers({ isSynchronous = false } = {}): Promise<ReplicatedServers> {
  const home = mkdtempSync(join(tmpdir(), `ballast-tests-${String(process.pid)}-primary-`));
  const primary = await openCluster(home);
  await prepare(primary);
  const replicaHome = mkdtempSync(join(tmpdir(), `ballast-tests-${String(process.pid)}-replica-`));
  copyStopped(primary, join(replicaHome, "data"));
  const replica = await openCluster(replicaHome);
  const { port, session } = await launch(primary, SETTINGS);
  const settings = {
    ...SETTINGS,
    hot_standby: "on",
    primary_conninfo: `host=127.0.0.1 port=${String(port)} user=postgres password=${primary.password}`,
  };
  let standby = await launch(replica, settings);
  if (isSynchronous) await demandStandby(session);
  const ports = { primary: port, replica: standby.port };
  const address = (at: number, user = LOGIN) =>
    `postgres://${user}:${primary.password}@127.0.0.1:${String(at)}/ballast`;
  const stopReplica = async () => {
    await standby.session.end();
    await stopServer(replica.cluster);
  };
  return {
    primaryUrl: address(port),
    replicaUrl: address(standby.port),
    urlOfBoth: (hosts, target) => {
      const list = hosts.map((name) => `127.0.0.1:${String(ports[name])}`).join(",");
      return `postgres://${LOGIN}:${primary.password}@${list}/ballast?target_session_attrs=${target}`;
    },
    adminUrls: { primary: address(port, "postgres"), replica: address(standby.port, "postgres") },
    pauseReplay: async () => {
      await standby.session.query("select pg_wal_replay_pause()");
      await until(standby.session, "select pg_get_wal_replay_pause_state() = 'paused' as is_so");
    },
    catchUp: async () => {
      await standby.session.query("select pg_wal_replay_resume()");
      const { rows } = await session.query<{ lsn: string }>("select pg_current_wal_lsn()::text as lsn");
      await until(
        standby.session,
        `select pg_last_wal_replay_lsn() >= '${rows[0]?.lsn ?? ""}'::pg_lsn as is_so`,
      );
    },
    stopReplica,
    startReplica: async () => {
      standby = await launch(replica, settings, standby.port);
    },
    destroyPrimary: async () => {
      await killServer(primary.cluster, session);
      rmSync(primary.cluster.dataFolder, { recursive: true, force: true });
    },
    promoteReplica: async () => {
      await standby.session.query("select pg_promote()");
    },
    stop: async () => {
      await stopServer(replica.cluster);
      await session.end();
      await stopServer(primary.cluster);
      for (const folder of [home, replicaHome]) rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function prepare(primary: OwnedCluster): Promise<void> {
  const { port, session } = await launch(primary, SETTINGS);
  await session.query(`create role ${LOGIN} login password '${primary.password}'`);
  await session.query("create database ballast");
  await session.end();
  const url = `postgres://postgres:${primary.password}@127.0.0.1:${String(port)}/ballast`;
  await migrate({ url, serviceLogin: LOGIN });
  await stopServer(primary.cluster);
}

/** A copy of a server that was shut down is a base backup: what came later, it streams. */
function copyStopped({ cluster }: OwnedCluster, folder: string): void {
  cpSync(cluster.dataFolder, folder, { recursive: true });
  writeFileSync(join(folder, "standby.signal"), "");
  chmodSync(folder, 0o700);
  if (cluster.user === null) return;
  const { uid, gid } = cluster.user;
  chownSync(folder, uid, gid);
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    chownSync(join(folder, name), uid, gid);
  }
}

/** Resolves once the standby that streams is one that COMMIT waits for. */
async function demandStandby(primary: pg.Client): Promise<void> {
  await primary.query("alter system set synchronous_standby_names = '*'");
  await primary.query("select pg_reload_conf()");
  await until(
    primary,
    "select count(*) = 1 as is_so from pg_stat_replication where state = 'streaming' and sync_state = 'sync'",
  );
}

async function until(session: pg.Client, query: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const { rows } = await session.query<{ is_so: boolean }>(query);
    if (rows[0]?.is_so === true) return;
    if (Date.now() > deadline) throw new Error(`never so: ${query}`);
    await pause(20);
  }
}

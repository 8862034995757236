import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runService, spawnService, startService, type RunningService } from "../support/service.ts";

let folder: string;
let services: RunningService[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ballast-embedded-"));
  chmodSync(folder, 0o755);
  services = [];
});

afterEach(async () => {
  await Promise.all(services.map((service) => service.stop()));
  rmSync(folder, { recursive: true, force: true });
});

async function start(embeddedFolder = folder): Promise<RunningService> {
  const service = await startService({ env: { EMBEDDED_PG_DIR: embeddedFolder } });
  services.push(service);
  return service;
}

const postmasterPid = (embeddedFolder = folder) =>
  Number(readFileSync(join(embeddedFolder, "data", "postmaster.pid"), "utf8").split("\n")[0]);

const isServed = (embeddedFolder = folder) => existsSync(join(embeddedFolder, "data", "postmaster.pid"));

/** Looks into the embedded database as its owner. */
async function query(text: string): Promise<unknown[]> {
  const [, , , port] = readFileSync(join(folder, "data", "postmaster.pid"), "utf8").split("\n");
  const password = readFileSync(join(folder, "data", "ballast.secret"), "utf8");
  const session = new pg.Client({
    host: "127.0.0.1",
    port: Number(port),
    user: "postgres",
    password,
    database: "ballast",
  });
  await session.connect();
  try {
    return (await session.query<Record<string, unknown>>(text)).rows;
  } finally {
    await session.end();
  }
}

const isReady = async ({ url }: RunningService) => (await fetch(`${url}/health/ready`)).ok;

describe("the embedded database", () => {
  test("is made, migrated, stopped with the service and kept for the next start", async () => {
    const first = await start();
    expect(await isReady(first)).toBe(true);
    await query("create table kept as select 42 as answer");
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    expect(isServed()).toBe(false);

    await start();
    expect(await query("select answer from kept")).toEqual([{ answer: 42 }]);
  });

  test("is durable and closed to others", async () => {
    await start();
    const names = [
      "fsync",
      "full_page_writes",
      "synchronous_commit",
      "listen_addresses",
      "password_encryption",
    ];
    const settings = await query(
      `select name, setting from pg_settings where name in (${names.map((name) => `'${name}'`).join()}) order by name`,
    );
    expect(settings).toEqual([
      { name: "fsync", setting: "on" },
      { name: "full_page_writes", setting: "on" },
      { name: "listen_addresses", setting: "127.0.0.1" },
      { name: "password_encryption", setting: "scram-sha-256" },
      { name: "synchronous_commit", setting: "on" },
    ]);
    const rules = await query("select distinct auth_method from pg_hba_file_rules");
    expect(rules).toEqual([{ auth_method: "scram-sha-256" }]);
  });

  test("outlives a service that is killed; the next start takes it over with all that was committed", async () => {
    const killed = await start();
    await query("create table kept as select 42 as answer");
    const pid = postmasterPid();
    await killed.kill();
    expect(isServed()).toBe(true);

    const next = await start();
    expect(postmasterPid()).toBe(pid);
    expect(await isReady(next)).toBe(true);
    expect(await query("select answer from kept")).toEqual([{ answer: 42 }]);
    expect(await next.stop()).toEqual({ code: 0, signal: null });
    expect(isServed()).toBe(false);
  });

  test("is recovered when service and server were killed together", async () => {
    const killed = await start();
    await query("create table kept as select 42 as answer");
    const pid = postmasterPid();
    await killed.kill();
    process.kill(pid, "SIGKILL");

    const next = await start();
    expect(await isReady(next)).toBe(true);
    expect(await query("select answer from kept")).toEqual([{ answer: 42 }]);
  });

  test("is brought back under a running service when it is killed", async () => {
    const service = await start();
    await query("create table kept as select 42 as answer");
    const pid = postmasterPid();
    process.kill(pid, "SIGKILL");
    await expect.poll(() => isServed() && postmasterPid() !== pid, { timeout: 30_000 }).toBe(true);
    await expect.poll(() => isReady(service), { timeout: 30_000 }).toBe(true);
    expect(await query("select answer from kept")).toEqual([{ answer: 42 }]);
    expect(await service.stop()).toEqual({ code: 0, signal: null });
    expect(isServed()).toBe(false);
  });

  test("serves one service at a time; a second is told so and leaves the first alone", async () => {
    const first = await start();
    const { code, output } = await runService({ EMBEDDED_PG_DIR: folder });
    expect(code).toBe(1);
    expect(output).toMatch(
      /^Ballast does not start: the embedded PostgreSQL in .* serves another process .*\n$/,
    );
    expect(await isReady(first)).toBe(true);
  });

  test("is one for two services that start at the same time in an empty folder: one serves, one is told", async () => {
    const both = [0, 1].map(() => spawnService({ EMBEDDED_PG_DIR: folder }));
    const starts = await Promise.allSettled(both.map(({ url }) => url));
    expect(starts.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    for (const { signal } of both) signal("SIGTERM");
    const endings = await Promise.all(both.map(({ ended }) => ended));
    expect(endings.map(({ code }) => code).sort()).toEqual([0, 1]);
    expect(isServed()).toBe(false);
  });

  test("is stopped when the start fails after it", async () => {
    const holder = await start();
    const other = mkdtempSync(join(tmpdir(), "ballast-embedded-"));
    chmodSync(other, 0o755);
    const { code } = await runService({ EMBEDDED_PG_DIR: other, PORT: new URL(holder.url).port });
    expect(code).toBe(1);
    expect(isServed(other)).toBe(false);
    rmSync(other, { recursive: true });
  });

  test("that was made by another version of PostgreSQL is refused with its reason", async () => {
    const service = await start();
    await service.stop();
    writeFileSync(join(folder, "data", "PG_VERSION"), "12\n");
    const { code, output } = await runService({ EMBEDDED_PG_DIR: folder });
    expect(code).toBe(1);
    expect(output).toMatch(/^Ballast does not start: .* database files are incompatible with server.*\n$/);
  });

  // Where the tests run as root, the server runs as another user, to whom root's home is closed.
  test("may live in the home of the user who runs the service", async () => {
    const home = mkdtempSync(join(homedir(), ".ballast-embedded-"));
    try {
      const service = await start(home);
      expect(await isReady(service)).toBe(true);
      await service.stop();
      expect(isServed(home)).toBe(false);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});

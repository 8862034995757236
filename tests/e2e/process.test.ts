import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { noticesIn, runService, serviceEnv, spawnService, startService } from "../support/service.ts";

/** Signals that come closer together than this count as one, with some time to spare. */
const SAME_PRESS_MS = 700;

let database: TestDatabase;
let env: Record<string, string>;
const folder = mkdtempSync(join(tmpdir(), "ballast-process-"));

beforeAll(async () => {
  database = await testDatabase();
  env = serviceEnv(database);
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

describe("a service on a given database", () => {
  test("says where it listens, is ready there, and ends with 0 on SIGTERM and on Ctrl-C", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const service = spawnService(env);
      const url = await service.url;
      expect((await fetch(`${url}/health/ready`)).status).toBe(200);
      service.signal(signal);
      expect(await service.ended).toEqual({ code: 0, signal: null });
      await expect(fetch(`${url}/health/live`)).rejects.toThrow();
    }
  });

  test("started by npm gets npm's SIGTERM, and npm ends with its code", async () => {
    // The compiled service is there, so the build that npm start begins with is left out.
    const service = spawnService(env, ["npm", "start", "--ignore-scripts"]);
    const url = await service.url;
    service.signal("SIGTERM");
    expect(await service.ended).toEqual({ code: 0, signal: null });
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
  });

  test("lets a request in hand end, and takes no others", async () => {
    const service = await startService({ env });
    const { hostname, port } = new URL(service.url);
    const slow = await sendHalf(hostname, Number(port));
    const stopped = service.stop();
    await expect.poll(() => service.output()).toContain("finishes what is in hand");
    await expect.poll(() => fetch(`${service.url}/health/live`).catch(() => "refused")).toBe("refused");
    expect(await slow.finish()).toMatch(/^HTTP\/1\.1 422 /);
    expect(await stopped).toEqual({ code: 0, signal: null });
  });

  test("serves for a while after SIGTERM, not ready any more, so that nobody is sent to a closed port", async () => {
    const drainMs = 1_500;
    const service = await startService({ env: { ...env, SHUTDOWN_DRAIN_MS: String(drainMs) } });
    const statusOf = async (path: string) => (await fetch(`${service.url}${path}`)).status;
    expect(await statusOf("/health/ready")).toBe(200);
    const askedAt = performance.now();
    const stopped = service.stop();
    await expect.poll(() => statusOf("/health/ready"), { interval: 5 }).toBe(503);
    expect(performance.now() - askedAt).toBeLessThan(500);
    let served = 0;
    while (performance.now() - askedAt < drainMs - 200) {
      expect(await statusOf("/rebalance/runs")).toBe(200);
      served += 1;
    }
    expect(served).toBeGreaterThan(0);
    expect(await statusOf("/health/ready")).toBe(503);
    expect(await stopped).toEqual({ code: 0, signal: null });
    expect(performance.now() - askedAt).toBeGreaterThanOrEqual(drainMs);
    await expect(statusOf("/health/live")).rejects.toThrow();
  });

  test("asked a second time to stop, waits no longer", async () => {
    const service = spawnService({ ...env, SHUTDOWN_DRAIN_MS: "60000" });
    const url = await service.url;
    service.signal("SIGTERM");
    await expect.poll(async () => (await fetch(`${url}/health/ready`)).status).toBe(503);
    await pause(SAME_PRESS_MS);
    service.signal("SIGTERM");
    expect(await service.ended).toEqual({ code: 0, signal: null });
  });

  test("serves its documentation", async () => {
    const service = await startService({ env });
    const openapi = await fetch(`${service.url}/openapi.json`);
    const docs = await fetch(`${service.url}/docs`);
    expect([openapi.status, docs.status]).toEqual([200, 200]);
    await service.stop();
  });

  test("keeps its secrets out of what it prints", async () => {
    const service = await startService({ env: { ...env, LOG_LEVEL: "trace" } });
    await service.stop();
    expect(service.output()).not.toContain(new URL(database.url).password);
    expect(service.output()).not.toContain(new URL(database.adminUrl).password);
  });
});

/** Sends the first half of a request; `finish` sends the rest and returns the answer. */
async function sendHalf(host: string, port: number): Promise<{ finish: () => Promise<string> }> {
  const socket = connect(port, host).setEncoding("utf8");
  await once(socket, "connect");
  const head = ["POST /rebalance/simulate HTTP/1.1", `Host: ${host}`, "Content-Type: application/json"];
  socket.write([...head, "Content-Length: 2", "", "{"].join("\r\n"));
  // An answer to a second connection shows that the server has read the first.
  await fetch(`http://${host}:${port}/health/live`, { headers: { connection: "close" } });
  return {
    finish: async () => {
      const answering: Promise<unknown[]> = once(socket, "data");
      socket.write("}");
      const [answer] = await answering;
      socket.destroy();
      return String(answer);
    },
  };
}

describe("a start that cannot succeed ends with 1 and one line that says why", () => {
  let neighbour: Server | undefined;
  afterEach(() => {
    neighbour?.close();
    neighbour = undefined;
  });

  test("a taken port", async () => {
    neighbour = createServer();
    const listening = neighbour;
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    const address = listening.address();
    const port = typeof address === "object" && address !== null ? String(address.port) : "";
    const { code, output } = await runService({ ...env, PORT: port });
    expect(code).toBe(1);
    expect(noticesIn(output)).toEqual([
      `Ballast does not start: PORT ${port} is already in use on 127.0.0.1: stop what listens there, or set PORT`,
    ]);
  });

  test("bad variables, a line for each", async () => {
    const { code, output } = await runService({ ...env, MAX_BODY_BYTES: "1MiB", DPM_WORKFLOW_ENABLED: "on" });
    expect(code).toBe(1);
    expect(noticesIn(output)).toEqual([
      'Ballast does not start: MAX_BODY_BYTES must be an integer from 1024 to 67108864, not "1MiB"',
      'Ballast does not start: DPM_WORKFLOW_ENABLED must be true, false, 1 or 0, not "on"',
    ]);
  });

  test("an address that is not of this machine", async () => {
    const { code, output } = await runService({ ...env, HOST: "192.0.2.1", AUTH_ALLOW_INSECURE: "true" });
    expect(code).toBe(1);
    expect(noticesIn(output)).toEqual([
      "Ballast does not start: HOST 192.0.2.1 is no address of this machine",
    ]);
  });

  test("a database that does not answer", async () => {
    const { code, output } = await runService({
      DATABASE_URL: "postgres://ballast:hidden@127.0.0.1:1/ballast",
    });
    expect(code).toBe(1);
    expect(output).toMatch(/^Ballast does not start: DATABASE_URL: .*ECONNREFUSED.*\n$/);
    expect(output).not.toContain("hidden");
  });

  test("a schema that nobody migrated", async () => {
    const admin = new URL(database.adminUrl);
    admin.pathname = "/postgres";
    const { code, output } = await runService({ DATABASE_URL: admin.href, MIGRATE_ON_START: "false" });
    expect(code).toBe(1);
    expect(output).toMatch(/lacks the migrations 0001_foundation, .*: run npm run migrate/);
  });

  test("a folder for the embedded database that cannot be one", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const path = join(file, "postgres");
    const { code, output } = await runService({ EMBEDDED_PG_DIR: path });
    expect(code).toBe(1);
    expect(output).toMatch(
      /^Ballast does not start: EMBEDDED_PG_DIR .*file\/postgres cannot be written: .*\n$/,
    );
  });
});

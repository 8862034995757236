import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startLoad } from "../support/load.ts";
import { startOwnServer, type OwnServer } from "../support/own-server.ts";
import { reckon, tellOf } from "../support/reckoning.ts";
import { serviceEnv, startService, type RunningService } from "../support/service.ts";

const ROUNDS = 4;
const CLIENTS = 8;
const WRITES_PER_ROUND = 40;

let server: OwnServer;
let service: RunningService;

beforeAll(async () => {
  server = await startOwnServer();
  service = await startService({ env: { ...serviceEnv(server), MIGRATE_ON_START: "false" } });
});

afterAll(async () => {
  await service.stop();
  await server.remove();
});

test("PostgreSQL killed with SIGKILL again and again under load takes no acknowledged write with it, and none is done twice", async () => {
  const load = startLoad(() => service.url, CLIENTS);
  for (let round = 0; round < ROUNDS; round += 1) {
    const enough = load.acknowledged.length + WRITES_PER_ROUND;
    await vi.waitUntil(() => load.acknowledged.length >= enough, { timeout: 30_000, interval: 5 });
    await server.kill();
    const [known, refused] = [load.acknowledged.length, load.retries()];
    await vi.waitUntil(() => load.retries() >= refused + CLIENTS, { timeout: 30_000, interval: 5 });
    // An answer may still have been on its way; nobody is told of a success while there is no database.
    expect(load.acknowledged.length - known).toBeLessThanOrEqual(CLIENTS);
    await server.restart();
  }
  await load.stop();
  tellOf(`${String(ROUNDS)} kills of PostgreSQL`, load);
  await reckon(load, service.url, server.adminUrl);
  expect((await fetch(`${service.url}/health/ready`)).status).toBe(200);
});

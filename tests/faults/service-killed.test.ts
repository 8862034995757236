import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { startLoad } from "../support/load.ts";
import { reckon, tellOf } from "../support/reckoning.ts";
import { serviceEnv, startService, type RunningService } from "../support/service.ts";

const ROUNDS = 5;
const CLIENTS = 8;
const WRITES_PER_ROUND = 40;

let db: TestDatabase;
let service: RunningService;

beforeAll(async () => {
  db = await testDatabase();
  service = await start();
});

afterAll(async () => {
  await service.kill();
  await db.drop();
});

function start(): Promise<RunningService> {
  return startService({ env: { ...serviceEnv(db), MIGRATE_ON_START: "false" } });
}

test("killed with SIGKILL again and again under load, the service loses no acknowledged write and does none twice", async () => {
  const load = startLoad(() => service.url, CLIENTS);
  for (let round = 0; round < ROUNDS; round += 1) {
    const enough = load.acknowledged.length + WRITES_PER_ROUND;
    await vi.waitUntil(() => load.acknowledged.length >= enough, { timeout: 30_000, interval: 5 });
    expect((await service.kill()).signal).toBe("SIGKILL");
    service = await start();
  }
  await load.stop();
  tellOf(`${String(ROUNDS)} kills of the service`, load);
  expect(load.retries()).toBeGreaterThanOrEqual(ROUNDS);
  await reckon(load, service.url, db.adminUrl);
});

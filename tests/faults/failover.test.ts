import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startLoad, type Load } from "../support/load.ts";
import { reckon, tellOf } from "../support/reckoning.ts";
import { startReplicatedServers, type ReplicatedServers } from "../support/replica.ts";
import { startService, type RunningService } from "../support/service.ts";

const CLIENTS = 8;
const WRITES = 60;
/** From the call that promotes the standby. */
const FOLLOWS_WITHIN_MS = 5_000;
const PATIENCE = { timeout: 30_000, interval: 5 };

let servers: ReplicatedServers;
let service: RunningService;

beforeAll(async () => {
  servers = await startReplicatedServers({ isSynchronous: true });
  const url = servers.urlOfBoth(["primary", "replica"], "read-write");
  service = await startService({ env: { DATABASE_URL: url, MIGRATE_ON_START: "false" } });
});
afterAll(async () => {
  await service.stop();
  await servers.stop();
});

const readiness = async () => (await fetch(`${service.url}/health/ready`)).status;

/** Without those that had been done when they were asked for again. */
const newWrites = ({ acknowledged, recovered }: Load) => acknowledged.length - recovered();

test("the primary is destroyed under load: the service follows to its synchronous standby, no acknowledged write is lost, none is done twice", async () => {
  const load = startLoad(() => service.url, CLIENTS);
  await vi.waitUntil(() => load.acknowledged.length >= WRITES, PATIENCE);
  await servers.destroyPrimary();
  const refused = load.retries();
  await vi.waitUntil(() => load.retries() >= refused + CLIENTS, PATIENCE);
  expect(await readiness()).toBe(503);

  const known = load.acknowledged.length;
  const taken = newWrites(load);
  const askedAt = performance.now();
  const sinceAskedMs = () => performance.now() - askedAt;
  const promoting = servers.promoteReplica().then(sinceAskedMs);
  await vi.waitUntil(() => newWrites(load) > taken, PATIENCE);
  const writtenMs = sinceAskedMs();
  await vi.waitUntil(async () => (await readiness()) === 200, PATIENCE);
  const readyMs = sinceAskedMs();
  const promotedMs = await promoting;
  expect(writtenMs).toBeLessThan(FOLLOWS_WITHIN_MS);
  expect(readyMs).toBeLessThan(FOLLOWS_WITHIN_MS);

  await vi.waitUntil(() => load.acknowledged.length >= known + WRITES, PATIENCE);
  await load.stop();
  const times = [promotedMs, writtenMs, readyMs].map((ms) => ms.toFixed(0)).join(", ");
  tellOf(`the primary destroyed; promoted, written to, ready after ${times} ms`, load);
  await reckon(load, service.url, servers.adminUrls.replica);
});

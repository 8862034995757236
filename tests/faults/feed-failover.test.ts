import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../support/app.ts";
import { feedAfter, feedOf, writeEvents } from "../support/events.ts";
import { startReplicatedServers, type ReplicatedServers } from "../support/replica.ts";

let servers: ReplicatedServers;
let onPrimary: TestApp;
let onReplica: TestApp;

beforeAll(async () => {
  servers = await startReplicatedServers();
  onPrimary = await openTestApp(servers.primaryUrl);
  onReplica = await openTestApp(servers.replicaUrl);
});
afterAll(async () => {
  await onPrimary.close();
  await onReplica.close();
  await servers.stop();
});

const subjectsAfter = async (app: TestApp, cursor?: string) =>
  (await feedAfter(app, cursor)).events.map(({ subject }) => subject);

/** Transaction ids that nobody needs: the standby never hears of them. */
const LOST = Array.from({ length: 40 }, (_, number) => `lost-${String(number)}`);

test("a reader whose cursor is of a primary that was lost, with what only it had committed, misses nothing of its successor", async () => {
  await writeEvents(servers.primaryUrl, ["kept"]);
  await feedOf(onPrimary, 1);
  await servers.catchUp();
  expect(await subjectsAfter(onReplica)).toEqual(["kept"]);

  await servers.stopReplica();
  for (const id of LOST) await writeEvents(servers.primaryUrl, [id]);
  const { cursor } = await feedOf(onPrimary, 1 + LOST.length);
  await servers.destroyPrimary();
  await servers.startReplica();
  expect(await subjectsAfter(onReplica, cursor)).toEqual([]);

  await servers.promoteReplica();
  await Promise.all(["new-1", "new-2"].map((id) => writeEvents(servers.replicaUrl, [id])));
  const { events } = await feedOf(onReplica, 2, cursor);
  expect(events.map(({ subject }) => subject).toSorted()).toEqual(["new-1", "new-2"]);
  expect((await subjectsAfter(onReplica)).slice(0, 1)).toEqual(["kept"]);
});

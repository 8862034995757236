import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { closeDatabase, type Database } from "../../src/platform/database/database.ts";
import type { DatabaseError } from "../../src/platform/database/errors.ts";
import {
  readEventually,
  replicaOf,
  type EventualReads,
} from "../../src/platform/database/read-eventually.ts";
import { inTransaction, type Tx } from "../../src/platform/database/transaction.ts";
import { findRun, listRuns } from "../../src/features/runs/repository.ts";
import { readCounts } from "../../src/features/support/repository/counts.ts";
import { openTestDatabase } from "../support/databases.ts";
import { startReplicatedServers, type ReplicatedServers } from "../support/replica.ts";
import { storeRun } from "../support/stored-run.ts";

const TENANT = "tenant-a";
const PAUSE_MS = 1_000;

let servers: ReplicatedServers;
let primary: Database;
let replica: Database;
let clockMs = 0;
/** What was counted, and why. */
let fallbacks: (string | null)[] = [];
let reads: EventualReads;

beforeAll(async () => {
  servers = await startReplicatedServers();
  primary = openTestDatabase(servers.primaryUrl);
  replica = openTestDatabase(servers.replicaUrl);
});
beforeEach(() => {
  fallbacks = [];
  const options = {
    pauseMs: PAUSE_MS,
    timeoutMs: 5_000,
    now: () => clockMs,
    onFallback: (error: DatabaseError | null) => fallbacks.push(error?.fault.kind ?? null),
  };
  reads = { primary, replica: replicaOf(replica, options) };
});
afterAll(async () => {
  await Promise.all([closeDatabase(primary, 0), closeDatabase(replica, 0)]);
  await servers.stop();
});

const store = (status: "READY" | "BLOCKED" = "READY") => storeRun(primary, { key: null, status });

async function list(): Promise<string[]> {
  const runs = await readEventually(reads, { tenantId: TENANT }, (tx) =>
    listRuns(tx, {}, { tenantId: TENANT, after: undefined, limit: 100 }),
  );
  return runs.map((run) => run.rebalance_run_id);
}

const blocked = async () => {
  const counts = await readEventually(reads, { tenantId: TENANT }, (tx) => readCounts(tx, TENANT));
  return counts.find(({ label }) => label === "BLOCKED")?.count ?? 0;
};

const isStandby = async (tx: Tx) =>
  (await tx<{ is_so: boolean }>`select pg_is_in_recovery() as is_so`)[0]?.is_so;

describe("eventual reads", () => {
  test("lag as far as the replica does; reads of one run do not", async () => {
    const before = await store();
    await servers.catchUp();
    await servers.pauseReplay();
    const after = await store("BLOCKED");
    expect(await list()).toEqual([before]);
    expect(await blocked()).toBe(0);
    const found = await inTransaction(primary, { tenantId: TENANT, readOnly: true }, (tx) =>
      findRun(tx, TENANT, { by: "rebalance_run_id", value: after }),
    );
    expect(found?.rebalance_run_id).toBe(after);
    await servers.catchUp();
    expect(await list()).toEqual([after, before]);
    expect(await blocked()).toBe(1);
    expect(fallbacks).toEqual([]);
  });

  test("go to the primary while the replica is down, and try it once in each pause", async () => {
    expect(await readEventually(reads, { tenantId: TENANT }, isStandby)).toBe(true);
    await servers.stopReplica();
    const missed = await store();
    expect(await list()).toContain(missed);
    expect(fallbacks).toHaveLength(1);
    expect(fallbacks[0]).toMatch(/unavailable|connection_lost/);

    await list();
    expect(fallbacks.slice(1)).toEqual([null]);

    clockMs += PAUSE_MS;
    await Promise.all([list(), list(), list()]);
    expect(fallbacks.slice(2).filter((kind) => kind !== null)).toHaveLength(1);
    expect(fallbacks).toHaveLength(5);

    await servers.startReplica();
    clockMs += PAUSE_MS;
    expect(await readEventually(reads, { tenantId: TENANT }, isStandby)).toBe(true);
    expect(fallbacks).toHaveLength(5);
  });

  test("go to the primary when the replica lacks what a migration brought", async () => {
    const work = async (tx: Tx) => {
      if ((await isStandby(tx)) === true) await tx`select from not_there_yet`;
      return "read";
    };
    expect(await readEventually(reads, { tenantId: TENANT }, work)).toBe("read");
    expect(fallbacks).toEqual(["rejected"]);
    expect(await readEventually(reads, { tenantId: TENANT }, isStandby)).toBe(true);
  });

  test("fail as on the primary where the mistake is ours", async () => {
    const mistaken = readEventually(reads, { tenantId: TENANT }, (tx) => tx`select from never_there`);
    await expect(mistaken).rejects.toMatchObject({ fault: { kind: "rejected" } });
    const thrown = readEventually(reads, { tenantId: TENANT }, () => Promise.reject(new Error("ours")));
    await expect(thrown).rejects.toThrow("ours");
  });

  test("write nowhere", async () => {
    const writing = readEventually(
      { primary, replica: null },
      { tenantId: TENANT },
      (tx) => tx`delete from rebalance_run`,
    );
    await expect(writing).rejects.toThrow(/permission denied|read-only/);
  });
});

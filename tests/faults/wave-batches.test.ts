import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { attemptBatch } from "../../src/features/waves/attempt-batch.ts";
import type { Batch, BatchDeps } from "../../src/features/waves/batch.ts";
import { CALCULATE_ITEMS } from "../../src/features/waves/calculations.ts";
import { claimItems, type ClaimedItem } from "../../src/features/waves/repository/leases.ts";
import { closeDatabase, type Database } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import { inlineCalculations, openThreads, type Calculations } from "../../src/platform/threads.ts";
import { openTestApp, type TestApp } from "../support/app.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { openTestDatabase } from "../support/databases.ts";
import { hasText, isComplete, type Message } from "../support/protocol.ts";
import { withSession } from "../support/session.ts";
import { openProxy, type Direction, type TcpProxy, type Verdict } from "../support/tcp-proxy.ts";
import { reckonWave } from "../support/wave-reckoning.ts";
import { act, createWave, getWave, portfolios, type Wave } from "../support/waves.ts";

const TENANT = "default";

let test: TestDatabase;
let app: TestApp;
let proxy: TcpProxy;
const open: Database[] = [];

beforeAll(async () => {
  test = await testDatabase();
  app = await openTestApp(test.url);
  proxy = await openProxy(test.url);
});
afterEach(async () => {
  proxy.judge = () => "pass";
  proxy.heal();
  await Promise.all(open.splice(0).map((each) => closeDatabase(each, 0)));
});
afterAll(async () => {
  await proxy.close();
  await app.close();
  await test.drop();
});

let owners = 0;

/** A process of its own, as far as the database can tell. */
function owner(change: Partial<BatchDeps> = {}): BatchDeps {
  owners += 1;
  const { deps } = app.works.waves;
  return { ...deps, random: () => 0, terms: { owner: `owner-${owners}`, leaseMs: 20_000 }, ...change };
}

async function started(count: number): Promise<Wave> {
  const wave = await createWave(app, portfolios(count));
  return act(app, wave, "start");
}

async function claim({ terms }: BatchDeps, wave: Wave, limit = 20): Promise<Batch> {
  const items: readonly ClaimedItem[] = await inTransaction(app.database, { tenantId: null }, (tx) =>
    claimItems(tx, terms, limit, new Date().toISOString()),
  );
  return { tenantId: TENANT, waveId: wave.wave_id, items };
}

/** Lets the time of all leases pass. */
async function endLeases(wave: Wave): Promise<void> {
  await withSession(test.adminUrl, (session) =>
    session.query("update wave_item set claimable_at = now() where wave_id = $1 and finished_at is null", [
      wave.wave_id,
    ]),
  );
}

/** Claims and works until the wave is over. */
async function finish(wave: Wave, deps: BatchDeps = owner()): Promise<void> {
  for (;;) {
    await endLeases(wave);
    const batch = await claim(deps, wave);
    if (batch.items.length === 0) return;
    await attemptBatch(deps, batch);
  }
}

const tally = (outcomes: ReadonlyMap<string, string>) =>
  Object.fromEntries(
    [...new Set(outcomes.values())].map((kind) => [
      kind,
      [...outcomes.values()].filter((one) => one === kind).length,
    ]),
  );

describe("two processes that believe they own the same items", () => {
  it("make one run for each item: the one whose lease is over writes nothing", async () => {
    const wave = await started(20);
    const [before, after] = [owner(), owner()];
    const stale = await claim(before, wave);
    await endLeases(wave);
    const taken = await claim(after, wave);
    expect(taken.items.map(({ attempt, lost_attempts }) => [attempt, lost_attempts])).toEqual(
      Array(20).fill([2, 1]),
    );
    const [lost, won] = await Promise.all([attemptBatch(before, stale), attemptBatch(after, taken)]);
    expect([tally(lost), tally(won)]).toEqual([{ lease_lost: 20 }, { succeeded: 20 }]);
    await reckonWave(app, test.adminUrl, wave);
  });

  it("also where only some of a batch were taken over: each item is written by its owner", async () => {
    const wave = await started(20);
    const [before, after] = [owner(), owner()];
    const all = await claim(before, wave);
    await withSession(test.adminUrl, (session) =>
      session.query("update wave_item set claimable_at = now() where wave_id = $1 and position <= 7", [
        wave.wave_id,
      ]),
    );
    const some = await claim(after, wave);
    const [mine, theirs] = await Promise.all([attemptBatch(before, all), attemptBatch(after, some)]);
    expect([tally(mine), tally(theirs)]).toEqual([{ lease_lost: 7, succeeded: 13 }, { succeeded: 7 }]);
    await reckonWave(app, test.adminUrl, wave);
  });
});

/** Judges the messages of a connection from the moment at which it ends items. */
type Cut = (direction: Direction, message: Message) => Verdict;

/** What a client sends once its last statement is confirmed is COMMIT, whether or not its text goes with it. */
const gone: Cut = (direction) => (direction === "to server" ? "cut before" : "pass");
const replyLost: Cut = (direction, message) =>
  direction === "to client" && isComplete(message, "COMMIT") ? "cut before" : "pass";
const silence: Cut = (direction, message) =>
  direction === "to client" && isComplete(message, "COMMIT") ? "stall" : "pass";

async function workThrough(cut: Cut, cuts: number, wave: Wave) {
  const behind = openTestDatabase(proxy.url(test.url), { max: 2, statementTimeoutMs: 1_000 });
  open.push(behind);
  const deps = owner({ database: behind });
  const batch = await claim(deps, wave);
  let left = cuts;
  let isWriting = false;
  proxy.judge = (direction, message) => {
    isWriting ||= hasText(message, "ready_count = w.ready_count +");
    const verdict = isWriting && left > 0 ? cut(direction, message) : "pass";
    if (verdict !== "pass") left -= 1;
    return verdict;
  };
  return attemptBatch(deps, batch);
}

describe("the connection of a process that commits a batch", () => {
  it.each([
    ["is cut ahead of COMMIT", gone, 1],
    ["loses the answer to COMMIT, which the server has done", replyLost, 1],
    ["loses it three times in a row", replyLost, 3],
    ["falls silent instead of confirming COMMIT", silence, 1],
  ])("%s: one run for each item, and one end of the wave", async (_, cut, cuts) => {
    const wave = await started(20);
    expect(tally(await workThrough(cut, cuts, wave))).toEqual({ succeeded: 20 });
    expect((await getWave(app, wave)).state).toBe("COMPLETED");
    await reckonWave(app, test.adminUrl, wave);
  });

  it("is cut for good: nothing is half done, and the items are taken over", async () => {
    const wave = await started(20);
    const deps = { terms: { owner: "short", leaseMs: 1_000 } };
    const behind = openTestDatabase(proxy.url(test.url), { max: 2, statementTimeoutMs: 1_000 });
    open.push(behind);
    const own = owner({ ...deps, database: behind });
    const batch = await claim(own, wave);
    proxy.judge = () => "cut before";
    expect(tally(await attemptBatch(own, batch))).toEqual({ unsettled: 20 });
    expect((await getWave(app, wave)).counts.items).toMatchObject({ RUNNING: 20, SUCCEEDED: 0 });
    await finish(wave);
    await reckonWave(app, test.adminUrl, wave);
  });
});

/** Calculates as told, and fails where an item of this key is among those to calculate. */
function failingOn(key: string): Calculations {
  return {
    run: (calculation, input, terms) => {
      const isIt = calculation.name === CALCULATE_ITEMS.name && JSON.stringify(input).includes(`:${key}"`);
      return isIt
        ? Promise.reject(new Error("the thread died"))
        : inlineCalculations.run(calculation, input, terms);
    },
  };
}

describe("a batch with an item that is bad", () => {
  it("costs that item only: it is tried again, and failed the fifth time", async () => {
    const wave = await started(20);
    const deps = owner({ calculations: failingOn("pf-00007") });
    expect(tally(await attemptBatch(deps, await claim(deps, wave)))).toEqual({ succeeded: 19, put_back: 1 });
    await finish(wave, deps);
    const { counts, state } = await getWave(app, wave);
    expect([state, counts.items]).toMatchObject(["COMPLETED_WITH_FAILURES", { SUCCEEDED: 19, FAILED: 1 }]);
    await act(app, wave, "retry-failed");
    await finish(wave);
    expect((await getWave(app, wave)).state).toBe("COMPLETED");
    await reckonWave(app, test.adminUrl, wave);
  });

  it("that the database refuses costs that item only", async () => {
    const wave = await started(20);
    await withSession(test.adminUrl, (session) =>
      session.query(
        `insert into idempotency_record (tenant_id, scope, idempotency_key, payload_hash, response_status, response_body, created_at)
         values ('default', $1, 'pf-00003', 'sha256:' || repeat('0', 64), 200, '{}', now())`,
        [`waves.item ${wave.wave_id}`],
      ),
    );
    const deps = owner();
    expect(tally(await attemptBatch(deps, await claim(deps, wave)))).toEqual({ succeeded: 19, put_back: 1 });
    const { counts } = await getWave(app, wave);
    expect(counts.items).toMatchObject({ SUCCEEDED: 19, PENDING: 1 });
    // Due again in a second, it would come in between the claims of other tests.
    await act(app, wave, "cancel");
  });

  it("that takes one process after the other with it is claimed alone, and failed instead of taking a sixth", async () => {
    const wave = await started(20);
    await claim(owner(), wave);
    await endLeases(wave);
    await claim(owner(), wave);
    const innocent = owner();
    // Lost once, they still come together; lost twice, each alone.
    await endLeases(wave);
    expect((await claim(innocent, wave)).items).toHaveLength(20);
    await endLeases(wave);
    const alone = await claim(innocent, wave);
    expect(alone.items).toHaveLength(1);
    await attemptBatch(innocent, alone);
    const suspect = await claim(owner(), wave);
    for (let lost = 4; lost < 5; lost += 1) {
      await withSession(test.adminUrl, (session) =>
        session.query(
          "update wave_item set claimable_at = now() - interval '1 minute' where wave_id = $1 and item_key = $2",
          [wave.wave_id, suspect.items[0]?.item_key],
        ),
      );
      await claim(owner(), wave);
    }
    await finish(wave);
    const { counts, state } = await getWave(app, wave);
    expect([state, counts.items]).toMatchObject(["COMPLETED_WITH_FAILURES", { SUCCEEDED: 19, FAILED: 1 }]);
    await reckonWave(app, test.adminUrl, wave);
  });
});

describe("worker threads that end in the middle of a calculation", () => {
  it("again and again leave a run for each portfolio", async () => {
    const thread = join(inject("testServer").serviceFolder, "dist", "thread.js");
    process.env["THREAD_FILE"] = pathToFileURL(thread).href;
    process.env["DIES_EVERY"] = "3";
    const file = new URL("../support/children/dying-thread.mjs", import.meta.url);
    const { calculations, close } = openThreads({ file, threads: 2, queueMax: 10 });
    try {
      const wave = await started(200);
      await finish(wave, owner({ calculations }));
      expect((await getWave(app, wave)).state).toBe("COMPLETED");
      expect(await reckonWave(app, test.adminUrl, wave)).toMatchObject({ runs: 200 });
    } finally {
      await close();
    }
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { openTestApp, refusalOf, type TestApp } from "../support/app.ts";
import { testDatabase, type TestDatabase } from "../support/database.ts";
import { startOwnServer } from "../support/own-server.ts";
import { serviceEnv } from "../support/service.ts";
import { withSession } from "../support/session.ts";
import { reckonWave } from "../support/wave-reckoning.ts";
import {
  act,
  createWave,
  getWave,
  portfolio,
  portfolios,
  tryTo,
  untilState,
  type Wave,
} from "../support/waves.ts";
import { startWorkerProcess, type WorkerProcess } from "../support/worker.ts";

const PATIENCE = { timeout: 60_000, interval: 20 };

let test: TestDatabase;
/** Where waves are made and looked at. It works on none itself. */
let app: TestApp;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  test = await testDatabase();
  app = await openTestApp(test.url);
});
afterEach(async () => {
  for (const worker of workers.splice(0)) {
    worker.signal("SIGCONT");
    worker.signal("SIGKILL");
    await worker.ended;
  }
});
afterAll(async () => {
  await app.close();
  await test.drop();
});

async function work(env: Record<string, string> = {}, database: { url: string; adminUrl: string } = test) {
  const worker = await startWorkerProcess({
    ...serviceEnv(database),
    MIGRATE_ON_START: "false",
    WORKER_LEASE_MS: "1000",
    WORKER_POLL_MS: "100",
    ...env,
  });
  workers.push(worker);
  return worker;
}

const endedOf = ({ counts: { items } }: Wave) => items.SUCCEEDED + items.FAILED + items.CANCELLED;

async function untilEnded(wave: Wave, count: number, on: TestApp = app): Promise<void> {
  await vi.waitFor(
    async () => expect(endedOf(await getWave(on, wave))).toBeGreaterThanOrEqual(count),
    PATIENCE,
  );
}

async function kill(worker: WorkerProcess): Promise<void> {
  worker.signal("SIGKILL");
  expect((await worker.ended).signal).toBe("SIGKILL");
}

/** Items that a process took and did not end. */
async function inHand(wave: Wave): Promise<number> {
  return (await getWave(app, wave)).counts.items.RUNNING;
}

describe("a wave whose processes are killed with SIGKILL", () => {
  it("again and again in the middle, ends with a run for each portfolio", async () => {
    const wave = await createWave(app, portfolios(600));
    await act(app, wave, "start");
    const [first, second] = [await work(), await work()];
    let left = second;
    let doomed = first;
    for (let round = 1; round <= 4; round += 1) {
      await untilEnded(wave, round * 80);
      await kill(doomed);
      [doomed, left] = [left, await work()];
    }
    expect(left.output()).not.toContain("fatal");
    await untilState(app, wave, "COMPLETED");
    expect(await reckonWave(app, test.adminUrl, wave)).toMatchObject({ items: 600, runs: 600 });
  });

  it("is taken over within 30 seconds, with the leases that a deployment has by default", async () => {
    const wave = await createWave(app, portfolios(300));
    await act(app, wave, "start");
    const doomed = await work({ WORKER_LEASE_MS: "30000", WORKER_POLL_MS: "1000" });
    await untilEnded(wave, 20);
    await kill(doomed);
    const killedAt = performance.now();
    expect(await inHand(wave)).toBeGreaterThan(0);
    await work({ WORKER_LEASE_MS: "30000", WORKER_POLL_MS: "1000" });
    await untilState(app, wave, "COMPLETED");
    expect(performance.now() - killedAt).toBeLessThan(30_000);
    await reckonWave(app, test.adminUrl, wave);
  });
});

describe("a wave whose PostgreSQL is killed with SIGKILL", () => {
  it("goes on when it is back, and ends with a run for each portfolio", async () => {
    const server = await startOwnServer();
    const own = await openTestApp(server.url);
    try {
      const wave = await createWave(own, portfolios(400));
      await act(own, wave, "start");
      await work({}, server);
      for (const ended of [60, 180]) {
        await untilEnded(wave, ended, own);
        await server.kill();
        await server.restart();
      }
      await untilState(own, wave, "COMPLETED");
      expect(await reckonWave(own, server.adminUrl, wave)).toMatchObject({ items: 400, runs: 400 });
    } finally {
      await own.close();
      for (const worker of workers.splice(0)) await kill(worker);
      await server.remove();
    }
  });
});

describe("a process that is stopped with SIGSTOP beyond its lease", () => {
  it("writes nothing of what others have taken over when it wakes up", async () => {
    const wave = await createWave(app, portfolios(400));
    await act(app, wave, "start");
    const sleeper = await work();
    await untilEnded(wave, 40);
    sleeper.signal("SIGSTOP");
    expect(await inHand(wave)).toBeGreaterThan(0);
    await work();
    // What the sleeper has in hand is the last that is left, and is taken over when its leases have run out.
    await untilEnded(wave, 380);
    sleeper.signal("SIGCONT");
    await untilState(app, wave, "COMPLETED");
    expect(await reckonWave(app, test.adminUrl, wave)).toMatchObject({ items: 400, runs: 400 });
  });
});

describe("a process that is stopped with SIGTERM", () => {
  it("ends what it has in hand, or gives it back as if it had not been taken", async () => {
    const wave = await createWave(app, portfolios(300));
    await act(app, wave, "start");
    const worker = await work({ WORKER_LEASE_MS: "600000" });
    await untilEnded(wave, 40);
    worker.signal("SIGTERM");
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    expect(await inHand(wave)).toBe(0);
    const { rows } = await withSession(test.adminUrl, (session) =>
      session.query("select 1 from wave_item where wave_id = $1 and status = 'PENDING' and attempt > 0", [
        wave.wave_id,
      ]),
    );
    expect(rows).toHaveLength(0);
    await work();
    await untilState(app, wave, "COMPLETED");
    await reckonWave(app, test.adminUrl, wave);
  });

  it("within no time at all, gives back what is under way to others, at once", async () => {
    const wave = await createWave(app, portfolios(300));
    await act(app, wave, "start");
    const worker = await work({ WORKER_LEASE_MS: "600000", SHUTDOWN_GRACE_MS: "1" });
    await untilEnded(wave, 20);
    worker.signal("SIGTERM");
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    expect(await inHand(wave)).toBe(0);
    await work();
    await untilState(app, wave, "COMPLETED");
    await reckonWave(app, test.adminUrl, wave);
  });
});

describe("pauses and cancellations that race with completion", () => {
  it("leave each wave in one of the two ends, with everything in its place", async () => {
    await work();
    await work();
    const ends: string[] = [];
    for (let round = 0; round < 8; round += 1) {
      const wave = await createWave(app, portfolios(30 + round * 10));
      await act(app, wave, "start");
      await untilEnded(wave, 1 + round * 8);
      const answers = await Promise.all([
        tryTo(app, wave, "pause"),
        tryTo(app, wave, "cancel"),
        tryTo(app, wave, "pause"),
      ]);
      for (const answer of answers) expect([200, 409]).toContain(answer.status);
      const over = await vi.waitFor(async () => {
        const now = await getWave(app, wave);
        expect(["COMPLETED", "CANCELLED"]).toContain(now.state);
        expect(endedOf(now)).toBe(now.counts.total);
        return now;
      }, PATIENCE);
      ends.push(over.state);
      await reckonWave(app, test.adminUrl, wave);
    }
    expect(ends).toContain("CANCELLED");
  });

  it("start no item once a pause is answered, and go on when resumed", async () => {
    await work();
    const wave = await createWave(app, portfolios(300));
    await act(app, wave, "start");
    await untilEnded(wave, 20);
    const paused = await act(app, wave, "pause");
    const pending = paused.counts.items.PENDING;
    await vi.waitFor(async () => expect(await inHand(wave)).toBe(0), PATIENCE);
    expect((await getWave(app, wave)).counts.items.PENDING).toBe(pending);
    await act(app, wave, "resume");
    await untilState(app, wave, "COMPLETED");
    await reckonWave(app, test.adminUrl, wave);
  });

  it("end what a process that was killed had in hand, and nothing else, in a wave that was cancelled meanwhile", async () => {
    const wave = await createWave(app, portfolios(300));
    await act(app, wave, "start");
    const doomed = await work({ WORKER_LEASE_MS: "3000" });
    await untilEnded(wave, 20);
    await kill(doomed);
    const held = await inHand(wave);
    expect(held).toBeGreaterThan(0);
    const cancelled = await act(app, wave, "cancel");
    expect(cancelled.counts.items.RUNNING).toBe(held);
    await work();
    await vi.waitFor(async () => expect(await inHand(wave)).toBe(0), PATIENCE);
    const over = await untilState(app, wave, "CANCELLED");
    expect(over.counts.items.SUCCEEDED).toBe(cancelled.counts.items.SUCCEEDED + held);
    await reckonWave(app, test.adminUrl, wave);
  });
});

describe("a retry of what failed", () => {
  it("is refused while items still run, and done once when many ask at the end", async () => {
    const bad = Array.from({ length: 40 }, (_, index) => portfolio(`bad-${index}`, "nonsense"));
    const wave = await createWave(app, [...bad, ...portfolios(200)]);
    await act(app, wave, "start");
    await work();
    await untilEnded(wave, 20);
    expect(refusalOf(await tryTo(app, wave, "retry-failed"))).toBe("409 WAVE_INVALID_STATE");
    await untilState(app, wave, "COMPLETED_WITH_FAILURES");
    const answers = await Promise.all(Array.from({ length: 8 }, () => tryTo(app, wave, "retry-failed")));
    // One that comes when the retry is over begins another.
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(1);
    for (const { status } of answers) expect([200, 409]).toContain(status);
    await untilState(app, wave, "COMPLETED_WITH_FAILURES");
    const counted = await reckonWave(app, test.adminUrl, wave);
    expect(counted).toMatchObject({ items: 240, succeeded: 200 });
  });
});

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openTestApp, type TestApp } from "../support/app.ts";
import { startOwnServer, type OwnServer } from "../support/own-server.ts";
import { serviceEnv } from "../support/service.ts";
import { reckonWave } from "../support/wave-reckoning.ts";
import { act, createWave, getWave, portfolios, untilState, type Wave } from "../support/waves.ts";
import { startWorkerProcess, type WorkerProcess } from "../support/worker.ts";

/** The long form, of which docs/reliability.md has the figures: WAVE_ITEMS=5000 WAVE_KILLS=10 WAVE_RESTARTS=2. */
const ITEMS = Number(process.env["WAVE_ITEMS"] ?? 800);
const KILLS = Number(process.env["WAVE_KILLS"] ?? 4);
const RESTARTS = Number(process.env["WAVE_RESTARTS"] ?? 1);
const PATIENCE = { timeout: 120_000, interval: 20 };

let server: OwnServer;
let app: TestApp;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  server = await startOwnServer();
  app = await openTestApp(server.url);
});
afterAll(async () => {
  await app.close();
  for (const worker of workers) worker.signal("SIGKILL");
  await server.remove();
});

/** With the leases that a deployment has by default, but for their length. */
const work = () =>
  startWorkerProcess({
    ...serviceEnv(server),
    MIGRATE_ON_START: "false",
    WORKER_LEASE_MS: "2000",
    WORKER_POLL_MS: "200",
  });

const endedOf = ({ counts: { items } }: Wave) => items.SUCCEEDED + items.FAILED;

async function untilEnded(wave: Wave, count: number): Promise<void> {
  await vi.waitFor(
    async () => expect(endedOf(await getWave(app, wave))).toBeGreaterThanOrEqual(count),
    PATIENCE,
  );
}

test(`${ITEMS} portfolios over two processes, through ${KILLS} SIGKILLs of a process and ${RESTARTS} of PostgreSQL: as many runs, no more and no fewer`, async () => {
  const wave = await createWave(app, portfolios(Math.min(ITEMS, 5_000)));
  await act(app, wave, "start");
  const startedAt = performance.now();
  workers.push(await work(), await work());
  const blows = KILLS + RESTARTS;
  const takeovers: number[] = [];
  for (let blow = 1; blow <= blows; blow += 1) {
    await untilEnded(wave, Math.floor((ITEMS * blow) / (blows + 1)));
    // The restarts of PostgreSQL lie between the kills, as evenly as they can.
    const isRestart = Math.floor((blow * RESTARTS) / blows) > Math.floor(((blow - 1) * RESTARTS) / blows);
    const at = performance.now();
    if (isRestart) {
      await server.kill();
      await server.restart();
    } else {
      const doomed = workers.shift();
      doomed?.signal("SIGKILL");
      await doomed?.ended;
      workers.push(await work());
    }
    const { counts } = await getWave(app, wave);
    await untilEnded(wave, Math.min(ITEMS, counts.items.SUCCEEDED + 1));
    takeovers.push(performance.now() - at);
  }
  const over = await untilState(app, wave, "COMPLETED");
  const seconds = (performance.now() - startedAt) / 1_000;
  const counted = await reckonWave(app, server.adminUrl, wave);
  expect(counted).toMatchObject({ items: ITEMS, succeeded: ITEMS, runs: ITEMS });
  process.stdout.write(
    `${counted.runs} runs of ${ITEMS} items in ${seconds.toFixed(0)} s, ${String(over.items_per_second)} a second; ` +
      `longest wait for progress after a blow ${(Math.max(...takeovers) / 1_000).toFixed(1)} s\n`,
  );
}, 1_200_000);

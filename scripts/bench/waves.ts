import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { WaveResponse, WaveSummary } from "../../src/features/waves/schemas.ts";
import { RebalanceResult } from "../../src/contract/rebalance.ts";
import { measureWaveFloor } from "./wave-floor.ts";
import { call, expectOk, probeUntil, type ProbeFigure } from "./probes.ts";
import { simulateBody } from "./portfolio.ts";
import type { BenchService } from "./service.ts";

export type WaveFigure = {
  readonly portfolios: number;
  readonly processes: number;
  readonly perSecond: number;
  /** Seconds of processor time that the processes of the service took, PostgreSQL's not counted. */
  readonly cpuSeconds: number;
  readonly mostResidentMiB: number;
  readonly probes: readonly ProbeFigure[];
};

export type WaveFigures = {
  readonly floorPerSecond: number;
  /** A stream of single simulates while nothing else happens. */
  readonly quiet: ProbeFigure;
  readonly rows: readonly WaveFigure[];
};

const POSITIONS = 50;
const AT_ONCE = 1_000;
const LIVE_EVERY_MS = 20;
const SIMULATE_EVERY_MS = 100;
const QUIET_MS = 10_000;
const LOOK_MS = 50;

/** Waves of portfolios of 50 positions: 2,000 with one process and with two, then other sizes with one. */
export async function benchWaves(service: BenchService, sizes: readonly number[]): Promise<WaveFigures> {
  const { base, databaseUrl } = service;
  await runWave(service, [], 200, false);
  const quiet = await during(delay(QUIET_MS), simulates(base));
  const rows: WaveFigure[] = [];
  const main = [service.process];
  rows.push(await runWave(service, main, 2_000, true));
  for (const size of sizes) rows.push(await runWave(service, main, size, false));
  const worker = startWorker(service);
  try {
    await delay(3_000);
    rows.push(await runWave(service, [...main, worker], 2_000, true));
  } finally {
    worker.kill("SIGTERM");
  }
  const floorPerSecond = await measureWaveFloor(databaseUrl, await sampleRow(base), 2_000);
  return { floorPerSecond, quiet, rows };
}

function startWorker({ databaseUrl, ownerUrl }: BenchService): ChildProcess {
  const env = {
    ...process.env,
    LOG_LEVEL: "error",
    DATABASE_URL: databaseUrl,
    MIGRATION_DATABASE_URL: ownerUrl,
  };
  return spawn(process.execPath, ["dist/worker.js"], { env, stdio: ["ignore", "inherit", "inherit"] });
}

/** Creates, fills and starts a wave, and measures from there to its end. */
async function runWave(
  { base }: BenchService,
  processes: readonly ChildProcess[],
  portfolios: number,
  isProbed: boolean,
): Promise<WaveFigure> {
  const path = await createWave(base, portfolios);
  const before = processes.map(cpuSecondsOf);
  const started = performance.now();
  const most = { residentMiB: 0 };
  await expectOk(base, "POST", `${path}/start`, "{}");
  const ending = untilOver(base, path, () => {
    most.residentMiB = Math.max(most.residentMiB, ...processes.map(residentMiBOf));
  });
  const live = {
    what: "/health/live",
    everyMs: LIVE_EVERY_MS,
    call: () => timeOf(expectOk(base, "GET", "/health/live")),
  };
  const probes = isProbed ? Promise.all([during(ending, live), during(ending, simulates(base))]) : [];
  await ending;
  const seconds = (performance.now() - started) / 1_000;
  const cpuSeconds = processes.reduce((sum, child, at) => sum + cpuSecondsOf(child) - (before[at] ?? 0), 0);
  return {
    portfolios,
    processes: processes.length,
    perSecond: portfolios / seconds,
    cpuSeconds,
    mostResidentMiB: most.residentMiB,
    probes: await probes,
  };
}

async function createWave(base: string, portfolios: number): Promise<string> {
  const { portfolio_snapshot: _, ...shared } = simulateBody(POSITIONS);
  const head = { wave_name: `bench ${portfolios}`, created_by: "bench", shared, portfolios: [] };
  const created = await call(base, "POST", "/rebalance/waves", JSON.stringify(head));
  const path = `/rebalance/waves/${WaveResponse.parse(JSON.parse(created.text)).wave_id}`;
  for (let at = 0; at < portfolios; at += AT_ONCE) {
    const count = Math.min(AT_ONCE, portfolios - at);
    const lines = Array.from({ length: count }, (_, index) => {
      const { portfolio_snapshot } = simulateBody(POSITIONS, at + index);
      return JSON.stringify({ portfolio_snapshot });
    });
    const more = { "content-type": "application/x-ndjson" };
    await expectOk(base, "POST", `${path}/portfolios`, lines.join("\n"), more);
  }
  return path;
}

async function untilOver(base: string, path: string, look: () => void): Promise<void> {
  for (;;) {
    await delay(LOOK_MS);
    look();
    const { text } = await expectOk(base, "GET", path);
    const { state } = WaveSummary.loose().parse(JSON.parse(text));
    if (state === "COMPLETED") return;
    if (state !== "RUNNING") throw new Error(`the wave is ${state}`);
  }
}

const timeOf = async (answer: ReturnType<typeof expectOk>) => (await answer).milliseconds;

function simulates(base: string) {
  let salt = 1_000_000;
  return {
    what: "simulate of 20 positions",
    everyMs: SIMULATE_EVERY_MS,
    call: () => {
      salt += 1;
      return timeOf(expectOk(base, "POST", "/rebalance/simulate", JSON.stringify(simulateBody(20, salt))));
    },
  };
}

async function during(work: Promise<unknown>, probe: Parameters<typeof probeUntil>[1]): Promise<ProbeFigure> {
  const controller = new AbortController();
  const probing = probeUntil(controller.signal, probe);
  await work;
  controller.abort();
  return probing;
}

/** The documents of one run of the size that the waves have. */
async function sampleRow(base: string) {
  const body = JSON.stringify(simulateBody(POSITIONS));
  const { text: resultText } = await expectOk(base, "POST", "/rebalance/simulate", body);
  RebalanceResult.parse(JSON.parse(resultText));
  return { inputText: body, resultText };
}

const TICKS_A_SECOND = 100;

/** Of all its threads, as Linux counts it. */
function cpuSecondsOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${String(pid)}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

function residentMiBOf({ pid }: ChildProcess): number {
  const [, kib = "0"] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8")) ?? [];
  return Number(kib) / 1_024;
}

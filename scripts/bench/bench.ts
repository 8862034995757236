/**
 * Measures and prints: `npm run bench`, or `npm run bench -- engine rules solver http proposals verify memory pressure waves
 * lists events` for parts of it. `lists` fills the database with a million runs first, or with as many as BENCH_ROWS says, `events` with ten
 * million events or BENCH_EVENTS; `pressure` lasts a minute, or as many seconds as BENCH_SECONDS says.
 * Figures of one run belong together; only the ratios between them say something on another machine.
 */
import { benchEngine } from "./engine.ts";
import { benchEvents, benchOutbox, fillEvents } from "./events.ts";
import { fillWithProgress } from "./fill-progress.ts";
import { benchLists } from "./lists.ts";
import { benchHttp, benchMemory } from "./http.ts";
import { benchFairness, benchPressure } from "./pressure.ts";
import { benchProposals } from "./proposals.ts";
import {
  engineTable,
  eventTable,
  fairnessTable,
  fillTable,
  httpTable,
  listTable,
  memoryTable,
  pressureTables,
  proposalTable,
  rulesTable,
  solverTable,
  verifyTable,
  waveTables,
} from "./report.ts";
import { benchFill, benchRules } from "./rules.ts";
import { startBenchService } from "./service.ts";
import { benchSolver } from "./solver.ts";
import { benchVerify } from "./verify.ts";
import { benchWaves } from "./waves.ts";

const PARTS = [
  "engine",
  "rules",
  "solver",
  "http",
  "proposals",
  "verify",
  "memory",
  "pressure",
  "waves",
  "lists",
  "events",
];
const POOL_MAX = 16;
const DEFAULT_POOL_MAX = 10;
const SECONDS = 15;
const MEMORY_REQUESTS = 100_000;
const PRESSURE_SECONDS = Number(process.env["BENCH_SECONDS"] ?? 60);
const PRESSURE_HEAP_MIB = 512;
const EVENTS = Number(process.env["BENCH_EVENTS"] ?? 10_000_000);
const WAVE_SIZES = [500, 5_000, 20_000];
const LIST_ROWS = Number(process.env["BENCH_ROWS"] ?? 1_000_000);

const asked = process.argv.slice(2);
const unknown = asked.filter((part) => !PARTS.includes(part));
if (unknown.length > 0) throw new Error(`no part ${unknown.join(", ")}: there are ${PARTS.join(", ")}`);
const wants = (part: string): boolean => asked.length === 0 || asked.includes(part);

if (wants("engine")) console.log(engineTable(benchEngine()));
if (wants("rules")) {
  console.log(rulesTable(benchRules()));
  console.log(fillTable(benchFill()));
}
if (wants("solver")) console.log(solverTable(benchSolver()));
if (["http", "proposals", "verify", "memory", "lists"].some(wants)) {
  const service = await startBenchService(POOL_MAX);
  try {
    if (wants("http")) console.log(httpTable(await benchHttp(service, POOL_MAX, SECONDS)));
    if (wants("proposals")) console.log(proposalTable(await benchProposals(service.base)));
    if (wants("verify")) console.log(verifyTable(await benchVerify(service.base)));
    if (wants("memory"))
      console.log(memoryTable(await benchMemory(service.base, MEMORY_REQUESTS, 5), MEMORY_REQUESTS));
    // Last: the others measure a database that is nearly empty.
    if (wants("lists")) {
      await fillWithProgress(service.ownerUrl, LIST_ROWS);
      console.log(listTable(await benchLists(service.base), LIST_ROWS));
    }
  } finally {
    await service.stop();
  }
}
if (wants("events")) {
  const service = await startBenchService(DEFAULT_POOL_MAX);
  try {
    console.log(
      eventTable("What the outbox adds to a write, one caller at a time", await benchOutbox(service)),
    );
    await fillEvents(service.ownerUrl, EVENTS);
    console.log(
      eventTable(`The feed at ${EVENTS} events, one caller at a time`, await benchEvents(service, EVENTS)),
    );
  } finally {
    await service.stop();
  }
}
if (wants("pressure")) {
  const service = await startBenchService(DEFAULT_POOL_MAX, [`--max-old-space-size=${PRESSURE_HEAP_MIB}`]);
  try {
    console.log(fairnessTable(await benchFairness(service)));
    console.log(pressureTables(await benchPressure(service, PRESSURE_SECONDS), PRESSURE_HEAP_MIB));
  } finally {
    await service.stop();
  }
}
if (wants("waves")) {
  const service = await startBenchService(DEFAULT_POOL_MAX);
  try {
    console.log(waveTables(await benchWaves(service, WAVE_SIZES)));
  } finally {
    await service.stop();
  }
}

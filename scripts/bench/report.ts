import type { EngineFigure } from "./engine.ts";
import type { EventFigure } from "./events.ts";
import type { HttpFigures } from "./http.ts";
import type { ListFigure } from "./lists.ts";
import type { PressureFigures } from "./pressure.ts";
import type { ProbeFigure } from "./probes.ts";
import type { ProposalFigure } from "./proposals.ts";
import type { FillFigure, RulesFigure } from "./rules.ts";
import type { SolverFigure } from "./solver.ts";
import type { VerifyFigure } from "./verify.ts";
import type { WaveFigures } from "./waves.ts";

/** Tables in Markdown, so that a run can be pasted into docs/performance.md as it is. */
function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [`\n### ${title}\n`, line(head), line(head.map(() => "---")), ...rows.map(line), ""].join("\n");
}

const round = (value: number, decimals = 1): string => value.toFixed(decimals);

export function engineTable(figures: readonly EngineFigure[]): string {
  return table(
    "The engine alone",
    [
      "positions",
      "runs a second",
      "engine µs/position",
      "reading µs/position",
      "writing µs/position",
      "plain engine µs/position",
      "plain ÷ engine",
    ],
    figures.map((figure) => [
      String(figure.positions),
      round(figure.runsPerSecond),
      round(figure.engineMicrosPerPosition),
      round(figure.readingMicrosPerPosition),
      round(figure.writingMicrosPerPosition),
      round(figure.plainMicrosPerPosition),
      round(figure.plainMicrosPerPosition / figure.engineMicrosPerPosition),
    ]),
  );
}

export function rulesTable(figures: readonly RulesFigure[]): string {
  return table(
    "The rules versions side by side",
    ["portfolio", "positions", "version 1 CPU µs/position", "version 2 CPU µs/position", "version 2 ÷ 1"],
    figures.map(({ what, positions, firstMicrosPerPosition: first, secondMicrosPerPosition: second }) => [
      what,
      String(positions),
      round(first),
      round(second),
      round(second / first, 2),
    ]),
  );
}

export function fillTable(figures: readonly FillFigure[]): string {
  return table(
    "Progressive filling",
    ["instruments", "groups of each", "groups", "CPU ms", "CPU µs per instrument and group"],
    figures.map(({ instruments, groups, groupsOfEach, micros }) => [
      String(instruments),
      String(groupsOfEach),
      String(groups),
      round(micros / 1000, 2),
      round(micros / (instruments * groupsOfEach), 2),
    ]),
  );
}

export function solverTable(figures: readonly SolverFigure[]): string {
  return table(
    "The solver of target weights",
    ["group constraints", "instruments", "caps", "outcome", "first CPU s", "median CPU s"],
    figures.map(({ what, instruments, caps, outcome, firstSeconds, medianSeconds }) => [
      what,
      String(instruments),
      String(caps),
      outcome,
      round(firstSeconds, 3),
      round(medianSeconds, 3),
    ]),
  );
}

export function httpTable({ floor, rows }: HttpFigures): string {
  const ratios = (perSecond: number): string[] =>
    [floor["one by one"], floor.together].map((each) => round(perSecond / each, 2));
  const floorRow = (what: string, perSecond: number): string[] => [
    `floor, ${what}`,
    round(perSecond, 0),
    ...ratios(perSecond),
    ...["", "", "", ""],
  ];
  return table(
    "HTTP, portfolios of 20 positions, beside the floor: the write transaction alone",
    ["load", "a second", "÷ floor", "÷ floor together", "p50 ms", "p95 ms", "p99 ms", "failed"],
    [
      floorRow("one statement after the other", floor["one by one"]),
      floorRow("all statements together", floor.together),
      ...rows.map(({ what, figure }) => [
        what,
        round(figure.requestsPerSecond, 0),
        ...ratios(figure.requestsPerSecond),
        round(figure.p50Ms),
        round(figure.p95Ms),
        round(figure.p99Ms),
        String(figure.failed),
      ]),
    ],
  );
}

export function proposalTable(figures: readonly ProposalFigure[]): string {
  return table(
    "Advisory proposals, one caller at a time",
    ["what", "calls", "p50 ms", "p95 ms"],
    figures.map(({ what, calls, p50Ms, p95Ms }) => [what, String(calls), round(p50Ms), round(p95Ms)]),
  );
}

export function verifyTable(figures: readonly VerifyFigure[]): string {
  return table(
    "Verification of proposals, one caller at a time",
    ["proposal", "calls", "p50 ms", "most ms", "/health/live p50 ms", "p99 ms", "most ms"],
    figures.map(({ what, calls, p50Ms, mostMs, live }) => [
      what,
      String(calls),
      ...[p50Ms, mostMs].map((each) => round(each, 0)),
      ...[live.p50Ms, live.p99Ms, live.mostMs].map((each) => round(each)),
    ]),
  );
}

export function listTable(figures: readonly ListFigure[], rows: number): string {
  return table(
    `Lists and lookups over ${rows} runs, one caller at a time`,
    ["what", "calls", "p50 ms", "p95 ms"],
    figures.map(({ what, calls, p50Ms, p95Ms }) => [what, String(calls), round(p50Ms), round(p95Ms)]),
  );
}

export function eventTable(title: string, figures: readonly EventFigure[]): string {
  return table(
    title,
    ["what", "calls", "mean ms", "p50 ms", "p95 ms", "p99 ms"],
    figures.map(({ what, calls, meanMs, p50Ms, p95Ms, p99Ms }) => [
      what,
      String(calls),
      ...[meanMs, p50Ms, p95Ms, p99Ms].map((each) => round(each, 2)),
    ]),
  );
}

export function memoryTable(samplesMiB: readonly number[], requests: number): string {
  return table(
    `Resident memory of the service over ${requests} first runs`,
    ["after", "MiB"],
    samplesMiB.map((sample, at) => [
      String(Math.round((requests / samplesMiB.length) * (at + 1))),
      round(sample, 0),
    ]),
  );
}

export function fairnessTable(figures: readonly ProbeFigure[]): string {
  return table(
    "Fairness: another tenant's request while one proposal is locked",
    PROBE_HEAD,
    figures.map(probeRow),
  );
}

export function pressureTables(figures: PressureFigures, heapMiB: number): string {
  const { seconds, clients, alone, probes, counts, mostResidentMiB, survived } = figures;
  const outcomes = [...new Set(Object.values(counts).flatMap((ofKind) => Object.keys(ofKind)))].toSorted();
  const rows = Object.entries(counts).map(([what, ofKind]) => [
    what,
    ...outcomes.map((outcome) => String(ofKind[outcome] ?? 0)),
  ]);
  const title = `${clients} clients send the largest bodies for ${seconds} s, heap of ${heapMiB} MiB`;
  return [
    table(
      "One large request after the other",
      ["body", "status", "KiB sent", "KiB received", "ms", "/health/live p50 ms", "p99 ms", "most ms"],
      alone.map(({ what, status, sentBytes, receivedBytes, milliseconds, live }) => [
        what,
        String(status),
        ...[sentBytes, receivedBytes].map((bytes) => round(bytes / 1_024, 0)),
        round(milliseconds, 0),
        ...[live.p50Ms, live.p99Ms, live.mostMs].map((each) => round(each)),
      ]),
    ),
    table(title, PROBE_HEAD, probes.map(probeRow)),
    table("What the clients were answered", ["body", ...outcomes], rows),
    `Most resident memory ${round(mostResidentMiB, 0)} MiB; the service ${survived ? "survived" : "ended"}.\n`,
  ].join("\n");
}

export function waveTables({ floorPerSecond, quiet, rows }: WaveFigures): string {
  const figures = rows.map(({ portfolios, processes, perSecond, cpuSeconds, mostResidentMiB }) => [
    String(portfolios),
    String(processes),
    round(perSecond, 0),
    round(cpuSeconds / (portfolios / perSecond), 2),
    round(portfolios / cpuSeconds, 0),
    round(perSecond / floorPerSecond, 2),
    round(mostResidentMiB, 0),
  ]);
  const probes = rows.flatMap((row) =>
    row.probes.map((probe) => [
      `${row.portfolios} portfolios, ${row.processes} processes`,
      ...probeRow(probe),
    ]),
  );
  return [
    table(
      `Waves of portfolios of 50 positions; the floor is ${round(floorPerSecond, 0)} runs a second`,
      ["portfolios", "processes", "a second", "cores used", "a second and core", "÷ floor", "most MiB"],
      figures,
    ),
    table("Beside a wave", ["while", ...PROBE_HEAD], [["nothing", ...probeRow(quiet)], ...probes]),
  ].join("\n");
}

const PROBE_HEAD = ["request", "calls", "failed", "p50 ms", "p95 ms", "p99 ms", "most ms"];

function probeRow({ what, calls, failed, p50Ms, p95Ms, p99Ms, mostMs }: ProbeFigure): string[] {
  return [what, String(calls), String(failed), ...[p50Ms, p95Ms, p99Ms, mostMs].map((each) => round(each))];
}

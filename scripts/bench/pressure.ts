import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { residentMiB } from "./http.ts";
import { simulateBody } from "./portfolio.ts";
import type { Percentiles } from "./percentiles.ts";
import { createProposal, largestRequests } from "./pressure-bodies.ts";
import type { LoadCounts } from "./pressure-load.ts";
import { call, expectOk, probeUntil, sampleUntil, type Probe, type ProbeFigure } from "./probes.ts";
import type { BenchService } from "./service.ts";

export type PressureFigures = {
  readonly seconds: number;
  readonly clients: number;
  readonly alone: readonly AloneFigure[];
  readonly probes: readonly ProbeFigure[];
  /** How often each kind of body was answered with which status. */
  readonly counts: LoadCounts;
  readonly mostResidentMiB: number;
  readonly survived: boolean;
};

/** One large request, and what `/health/live` took while it was worked on. */
export type AloneFigure = {
  readonly what: string;
  readonly status: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly milliseconds: number;
  readonly live: Percentiles;
};

const CLIENTS = 32;
const POSITIONS = 20;
const CALM_MS = 5_000;
const MEMORY_PAUSE_MS = 1_000;

/** What small requests take while callers send the largest bodies of every kind, and whether the service survives it. */
export async function benchPressure(service: BenchService, seconds: number): Promise<PressureFigures> {
  const { base } = service;
  const proposalId = await createProposal(base);
  const small = JSON.stringify(simulateBody(POSITIONS));
  for (let sent = 0; sent < 200; sent += 1) await expectOk(base, "POST", "/rebalance/simulate", small);
  await sendEachAlone(base, proposalId); // compiles the code
  const alone = await sendEachAlone(base, proposalId);
  const calm = await Promise.all(
    smallRequests(base, small, ", quiet").map((probe) => probeUntil(AbortSignal.timeout(CALM_MS), probe)),
  );
  const over = new AbortController();
  const probing = smallRequests(base, small, ", under pressure").map((probe) =>
    probeUntil(over.signal, probe),
  );
  const sampling = sampleUntil(over.signal, MEMORY_PAUSE_MS, () => residentMiB(base));
  const counts = await sendLargest(base, proposalId, seconds);
  over.abort();
  const samples = (await sampling).flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const { exitCode, signalCode } = service.process;
  return {
    seconds,
    clients: CLIENTS,
    alone,
    probes: [...calm, ...(await Promise.all(probing))],
    counts,
    mostResidentMiB: Math.max(...samples),
    survived: exitCode === null && signalCode === null,
  };
}

function smallRequests(base: string, simulation: string, when: string): Probe[] {
  return [
    liveProbe(base, when, 20),
    {
      what: `simulate, ${POSITIONS} positions${when}`,
      everyMs: 200,
      call: async () => (await expectOk(base, "POST", "/rebalance/simulate", simulation)).milliseconds,
    },
  ];
}

function liveProbe(base: string, when: string, everyMs: number): Probe {
  return {
    what: `/health/live${when}`,
    everyMs,
    call: async () => (await expectOk(base, "GET", "/health/live")).milliseconds,
  };
}

/** What each kind of body does to the others when it is sent alone, one after the other. */
async function sendEachAlone(base: string, proposalId: string): Promise<AloneFigure[]> {
  const figures: AloneFigure[] = [];
  for (const { what, path, body } of largestRequests(proposalId)) {
    const over = new AbortController();
    const probing = probeUntil(over.signal, liveProbe(base, "", 5));
    const { status, text, milliseconds } = await call(base, "POST", path, body);
    if (status === 202) await operationIsDone(base, path, text);
    over.abort();
    const sizes = { sentBytes: body.length, receivedBytes: text.length };
    figures.push({ what, status, ...sizes, milliseconds, live: await probing });
  }
  return figures;
}

/** Waits for the end of an operation that was accepted. */
async function operationIsDone(base: string, path: string, accepted: string): Promise<void> {
  const id = /"operation_id":"(\w+)"/.exec(accepted)?.[1];
  const operations = path.startsWith("/rebalance/proposals/")
    ? "/rebalance/proposals/operations"
    : "/rebalance/operations";
  while (/"status":"(PENDING|RUNNING)"/.test((await expectOk(base, "GET", `${operations}/${id}`)).text)) {
    await delay(500);
  }
}

async function sendLargest(base: string, proposalId: string, seconds: number): Promise<LoadCounts> {
  const file = new URL("./pressure-load.ts", import.meta.url);
  const load = fork(file, [base, proposalId, String(CLIENTS), String(seconds)]);
  const [counts] = (await once(load, "message")) as [LoadCounts];
  return counts;
}

const TRANSITIONS = 30;
const LOCKED_MS = 10_000;

/** What another tenant's simulate takes while thirty transitions wait for one proposal that is locked. */
export async function benchFairness({ base, lockProposal }: BenchService): Promise<ProbeFigure[]> {
  const proposalId = await createProposal(base);
  const small = JSON.stringify(simulateBody(POSITIONS));
  const simulate = (what: string): Probe => ({
    what,
    everyMs: 50,
    call: async () =>
      (await expectOk(base, "POST", "/rebalance/simulate", small, { "x-tenant-id": "other" })).milliseconds,
  });
  const before = await probeUntil(AbortSignal.timeout(LOCKED_MS), simulate("simulate, quiet"));
  const unlock = await lockProposal(proposalId);
  const over = new AbortController();
  const transitions = Array.from({ length: TRANSITIONS }, () =>
    transitionUntil(over.signal, base, proposalId),
  );
  const probing = probeUntil(
    over.signal,
    simulate(`simulate, ${TRANSITIONS} transitions of another tenant wait`),
  );
  await delay(LOCKED_MS);
  over.abort();
  await unlock();
  await Promise.all(transitions);
  return [before, await probing];
}

async function transitionUntil(signal: AbortSignal, base: string, proposalId: string): Promise<void> {
  const body = JSON.stringify({
    event_type: "SUBMITTED_FOR_RISK_REVIEW",
    actor_id: "advisor_bench",
    expected_state: "DRAFT",
  });
  while (!signal.aborted) {
    await call(base, "POST", `/rebalance/proposals/${proposalId}/transitions`, body);
    await delay(100);
  }
}

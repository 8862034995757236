import { RebalanceRequest } from "../../src/contract/rebalance.ts";
import { simulateRebalance } from "../../src/engine/rebalance/simulate.ts";
import { canonicalJson } from "../../src/platform/json/canonical-json.ts";
import { readJsonBody } from "../../src/platform/json/read-json.ts";
import { plainRun } from "./plain-engine.ts";
import { simulateBody } from "./portfolio.ts";

const SIZES = [10, 100, 1000, 5000];
export const ENGINE_IDENTITY = {
  runId: "rr_00000000000000000000000000000000",
  correlationId: "corr_bench",
  requestHash: "sha256:bench",
  idempotencyKey: null,
  engineVersion: "bench",
  defaultRulesVersion: "1" as const,
};

export type EngineFigure = {
  readonly positions: number;
  readonly runsPerSecond: number;
  readonly engineMicrosPerPosition: number;
  readonly readingMicrosPerPosition: number;
  readonly writingMicrosPerPosition: number;
  readonly plainMicrosPerPosition: number;
};

/** The calculation alone, without HTTP and without a database; beside it a straightforward engine on decimal.js. */
export function benchEngine(): EngineFigure[] {
  return SIZES.map((positions) => {
    const body = Buffer.from(JSON.stringify(simulateBody(positions)), "utf8");
    const request = readRequest(body);
    const result = simulateRebalance(request, ENGINE_IDENTITY);
    const perPosition = (work: () => unknown): number => (millisPerCall(work, positions) * 1000) / positions;
    const engineMicrosPerPosition = perPosition(() => simulateRebalance(request, ENGINE_IDENTITY));
    return {
      positions,
      runsPerSecond: 1e6 / (engineMicrosPerPosition * positions),
      engineMicrosPerPosition,
      readingMicrosPerPosition: perPosition(() => readRequest(body)),
      writingMicrosPerPosition: perPosition(() => canonicalJson(result)),
      plainMicrosPerPosition: perPosition(() => plainRun(request)),
    };
  });
}

export function readRequest(body: Buffer): RebalanceRequest {
  const json = readJsonBody(body);
  if (!json.ok) throw new Error(json.reason);
  return RebalanceRequest.parse(json.value);
}

/** The median of several batches after a warm-up: a single slow batch is the machine, not the code. */
function millisPerCall(work: () => unknown, positions: number): number {
  const calls = Math.max(3, Math.ceil(20_000 / positions));
  for (let call = 0; call < calls; call += 1) work();
  const batches = Array.from({ length: 7 }, () => {
    const startedAt = performance.now();
    for (let call = 0; call < calls; call += 1) work();
    return (performance.now() - startedAt) / calls;
  });
  return batches.sort((a, b) => a - b)[3] ?? Number.NaN;
}

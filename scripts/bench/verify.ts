import { percentilesOf, type Percentiles } from "./percentiles.ts";
import { largestProposal } from "./pressure-bodies.ts";
import { expectOk, probeUntil } from "./probes.ts";
import { createBody, idOf } from "./proposals.ts";

export type VerifyFigure = Percentiles & {
  readonly what: string;
  /** What `/health/live` took meanwhile. */
  readonly live: Percentiles;
};

type Case = {
  readonly what: string;
  readonly versions: number;
  readonly body: string;
  readonly calls: number;
};

const LIVE_EVERY_MS = 10;

/** Verifying proposals of many versions, and of large ones: each version is hashed and simulated again. */
export async function benchVerify(base: string): Promise<VerifyFigure[]> {
  const large = { created_by: "advisor_bench", simulate_request: largestProposal(500 * 1_024) };
  const cases: Case[] = [
    { what: "1,000 versions", versions: 1_000, body: JSON.stringify(createBody()), calls: 5 },
    { what: "30 versions of 500 KiB", versions: 30, body: JSON.stringify(large), calls: 3 },
  ];
  const figures: VerifyFigure[] = [];
  for (const each of cases) figures.push(await verify(base, each));
  return figures;
}

async function verify(base: string, { what, versions, body, calls }: Case): Promise<VerifyFigure> {
  const id = idOf((await expectOk(base, "POST", "/rebalance/proposals", body)).text);
  for (let version = 1; version < versions; version += 1) {
    await expectOk(base, "POST", `/rebalance/proposals/${id}/versions`, body);
  }
  const times: number[] = [];
  const over = new AbortController();
  const probing = probeUntil(over.signal, {
    what: "/health/live",
    everyMs: LIVE_EVERY_MS,
    call: async () => (await expectOk(base, "GET", "/health/live")).milliseconds,
  });
  for (let call = 0; call < calls; call += 1) {
    const { text, milliseconds } = await expectOk(base, "GET", `/rebalance/proposals/${id}/verify`);
    if (!text.includes('"valid":true')) throw new Error(`${what}: ${text.slice(0, 300)}`);
    times.push(milliseconds);
  }
  over.abort();
  return { what, ...percentilesOf(times), live: await probing };
}

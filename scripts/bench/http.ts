import { randomUUID } from "node:crypto";
import { RebalanceRequest } from "../../src/contract/rebalance.ts";
import { canonicalJson } from "../../src/platform/json/canonical-json.ts";
import { readJsonBody } from "../../src/platform/json/read-json.ts";
import { measureFloor, type Manner } from "./floor.ts";
import { measureArrivals, measureLoad, type LoadFigure } from "./load.ts";
import { simulateBody } from "./portfolio.ts";
import type { BenchService } from "./service.ts";

export type HttpFigures = {
  /** Transactions a second of the floor, by how its statements follow each other. */
  readonly floor: Readonly<Record<Manner, number>>;
  readonly rows: readonly { readonly what: string; readonly figure: LoadFigure }[];
};

const POSITIONS = 20;
const CONNECTIONS = 32;
const PATH = "/rebalance/simulate";

/** HTTP simulate, replay and read by id, and in the same run the floor: the bare write transaction. */
export async function benchHttp(
  service: BenchService,
  poolMax: number,
  seconds: number,
): Promise<HttpFigures> {
  const { base } = service;
  const body = JSON.stringify(simulateBody(POSITIONS));
  const first = await post(base, body, "bench-replay");
  const fresh = {
    base,
    method: "POST",
    path: PATH,
    body,
    key: () => randomUUID(),
    connections: CONNECTIONS,
  } as const;
  const { rebalance_run_id } = JSON.parse(first) as { rebalance_run_id: string };
  await measureLoad({ ...fresh, seconds: Math.min(seconds, 5) }); // warm: compiled code, prepared statements, connections
  const row = { inputText: canonicalInput(body), resultText: first };
  const measure = (manner: Manner): Promise<number> =>
    measureFloor(service.databaseUrl, row, poolMax, seconds, manner);
  const before = { alone: await measure("one by one"), together: await measure("together") };
  const saturated = await measureLoad({ ...fresh, seconds });
  const after = { together: await measure("together"), alone: await measure("one by one") };
  const replay = await measureLoad({ ...fresh, key: () => "bench-replay", seconds });
  const read = await measureLoad({
    base,
    method: "GET",
    path: `/rebalance/runs/${rebalance_run_id}`,
    connections: CONNECTIONS,
    seconds,
  });
  const rate = Math.max(20, Math.floor(saturated.requestsPerSecond / 2));
  const fixed = await measureArrivals({ ...fresh, seconds }, rate);
  return {
    floor: {
      "one by one": (before.alone + after.alone) / 2,
      together: (before.together + after.together) / 2,
    },
    rows: [
      { what: `simulate, ${rate} a second`, figure: fixed },
      { what: `simulate, ${CONNECTIONS} connections`, figure: saturated },
      { what: `replay, ${CONNECTIONS} connections`, figure: replay },
      { what: `read by id, ${CONNECTIONS} connections`, figure: read },
    ],
  };
}

/** The resident memory of the service, from its own metrics, in MiB. */
export async function residentMiB(base: string): Promise<number> {
  const text = await (await fetch(new URL("/metrics", base))).text();
  const bytes = /^ballast_process_resident_memory_bytes (\S+)$/m.exec(text)?.[1];
  if (bytes === undefined) throw new Error("the service shows no resident memory");
  return Number(bytes) / 2 ** 20;
}

/** Memory at even steps of a long run: flat means that nothing is kept. */
export async function benchMemory(base: string, requests: number, steps: number): Promise<number[]> {
  const body = JSON.stringify(simulateBody(POSITIONS));
  const samples: number[] = [];
  for (let step = 0; step < steps; step += 1) {
    let answered = 0;
    while (answered < requests / steps) {
      const figure = await measureLoad({
        base,
        method: "POST",
        path: PATH,
        body,
        key: () => randomUUID(),
        connections: CONNECTIONS,
        seconds: 5,
      });
      if (figure.failed > 0) throw new Error(`${figure.failed} requests failed`);
      answered += figure.calls;
    }
    samples.push(await residentMiB(base));
  }
  return samples;
}

async function post(base: string, body: string, key: string): Promise<string> {
  const headers = { "content-type": "application/json", "idempotency-key": key };
  const response = await fetch(new URL(PATH, base), { method: "POST", headers, body });
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return text;
}

function canonicalInput(body: string): string {
  const json = readJsonBody(Buffer.from(body, "utf8"));
  if (!json.ok) throw new Error(json.reason);
  return canonicalJson(RebalanceRequest.parse(json.value));
}

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { percentilesOf, type Percentiles } from "./percentiles.ts";

export type ProbeFigure = Percentiles & {
  readonly what: string;
  readonly failed: number;
};

export type Probe = {
  readonly what: string;
  readonly everyMs: number;
  /** Sends one request and gives its milliseconds. Rejects where the answer is not the expected one. */
  readonly call: () => Promise<number>;
};

/** Calls at even times until the signal, whether earlier calls were answered or not: a slow answer does not hide others. */
export async function probeUntil(signal: AbortSignal, { what, everyMs, call }: Probe): Promise<ProbeFigure> {
  const calls = await sampleUntil(signal, everyMs, call);
  const times = calls.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  return { what, failed: calls.length - times.length, ...percentilesOf(times), calls: calls.length };
}

/** What a sample gave at even times until the signal. */
export async function sampleUntil<T>(
  signal: AbortSignal,
  everyMs: number,
  sample: () => Promise<T>,
): Promise<PromiseSettledResult<T>[]> {
  const samples: Promise<PromiseSettledResult<T>>[] = [];
  const timer = setInterval(() => {
    samples.push(Promise.allSettled([sample()]).then(([result]) => result));
  }, everyMs);
  await once(signal, "abort");
  clearInterval(timer);
  return Promise.all(samples);
}

export type Answer = { readonly status: number; readonly text: string; readonly milliseconds: number };

const agent = new http.Agent({ keepAlive: true });

/** Sends one request over a connection that is kept, with a fresh key. */
export function call(
  base: string,
  method: "GET" | "POST",
  path: string,
  body?: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const startedAt = performance.now();
  const headers = { "content-type": "application/json", "idempotency-key": randomUUID(), ...more };
  return new Promise((resolve, reject) => {
    const request = http.request(new URL(path, base), { method, headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject);
      response.on("end", () => {
        const milliseconds = performance.now() - startedAt;
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString(), milliseconds });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** As `call`, but an answer that is not 200 is an error. */
export async function expectOk(...args: Parameters<typeof call>): Promise<Answer> {
  const answer = await call(...args);
  if (answer.status !== 200) throw new Error(`${args[2]}: ${answer.status} ${answer.text.slice(0, 300)}`);
  return answer;
}

import { setTimeout as delay } from "node:timers/promises";
import autocannon from "autocannon";
import { percentilesOf, type Percentiles } from "./percentiles.ts";

export type LoadFigure = Percentiles & {
  readonly requestsPerSecond: number;
  /** Anything but a 2xx: a bench that fails measures nothing. */
  readonly failed: number;
};

export type Load = {
  readonly base: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: string;
  /** The key of each request; a fresh one makes it a first run, a fixed one a replay. */
  readonly key?: () => string;
  readonly connections: number;
  readonly seconds: number;
};

/** Sends one kind of request for some seconds, as fast as it is answered. */
export async function measureLoad(load: Load): Promise<LoadFigure> {
  const times: number[] = [];
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const options: autocannon.Options = {
      url: load.base,
      connections: load.connections,
      duration: load.seconds,
      requests: [request(load)],
    };
    const instance = autocannon(options, (error, done) =>
      error === null ? resolve(done) : reject(new Error(String(error))),
    );
    instance.on("response", (_client, _status, _bytes, milliseconds) => times.push(milliseconds));
  });
  return figureOf(times, result.duration, result.non2xx + result.errors);
}

/**
 * Sends one kind of request at even intervals, whatever has been answered. A time counts from when its request was due:
 * a service that falls behind does not slow its callers down.
 */
export async function measureArrivals(
  load: Omit<Load, "connections">,
  perSecond: number,
): Promise<LoadFigure> {
  const startedAt = performance.now();
  const dueAt = (arrival: number): number => startedAt + (arrival * 1000) / perSecond;
  const times: number[] = [];
  let failed = 0;
  const arrive = async (arrival: number): Promise<void> => {
    await delay(Math.max(0, dueAt(arrival) - performance.now()));
    const isOk = await isAnswered(load).catch(() => false);
    times.push(performance.now() - dueAt(arrival));
    if (!isOk) failed += 1;
  };
  const arrivals = Array.from({ length: Math.round(load.seconds * perSecond) }, (_, arrival) =>
    arrive(arrival),
  );
  await Promise.all(arrivals);
  return figureOf(times, (performance.now() - startedAt) / 1000, failed);
}

async function isAnswered({ base, method, path, body, key }: Omit<Load, "connections">): Promise<boolean> {
  const response = await fetch(new URL(path, base), {
    method,
    headers: headersOf(key),
    ...(body === undefined ? {} : { body }),
  });
  await response.arrayBuffer();
  return response.ok;
}

function headersOf(key: Load["key"]): Record<string, string> {
  const headers = { "content-type": "application/json" };
  return key === undefined ? headers : { ...headers, "idempotency-key": key() };
}

function figureOf(times: readonly number[], seconds: number, failed: number): LoadFigure {
  return { ...percentilesOf(times), requestsPerSecond: times.length / seconds, failed };
}

function request({ method, path, body, key }: Load): autocannon.Request {
  return {
    method,
    path,
    ...(body === undefined ? {} : { body }),
    setupRequest: (sent) => ({ ...sent, headers: headersOf(key) }),
  };
}

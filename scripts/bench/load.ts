import autocannon from "autocannon";

export type LoadFigure = {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly answered: number;
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
  /** Requests per second in all, at a fixed rate whatever the answers; left out: as fast as they are answered. */
  readonly rate?: number;
};

/** Sends one kind of request for some seconds and returns how fast it was answered. */
export async function measureLoad(load: Load): Promise<LoadFigure> {
  const times: number[] = [];
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const options: autocannon.Options = {
      url: load.base,
      connections: load.connections,
      duration: load.seconds,
      ...(load.rate === undefined ? {} : { overallRate: load.rate }),
      requests: [request(load)],
    };
    const instance = autocannon(options, (error, done) =>
      error === null ? resolve(done) : reject(new Error(String(error))),
    );
    instance.on("response", (_client, _status, _bytes, milliseconds) => times.push(milliseconds));
  });
  times.sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return {
    requestsPerSecond: times.length / result.duration,
    p50Ms: at(0.5),
    p95Ms: at(0.95),
    p99Ms: at(0.99),
    answered: times.length,
    failed: result.non2xx + result.errors,
  };
}

function request({ method, path, body, key }: Load): autocannon.Request {
  const headers = { "content-type": "application/json" };
  return {
    method,
    path,
    ...(body === undefined ? {} : { body }),
    setupRequest: (sent) => ({
      ...sent,
      headers: key === undefined ? headers : { ...headers, "idempotency-key": key() },
    }),
  };
}

import { pause } from "./time-limit.ts";

/** Work that goes on beside the requests until it is stopped. */
export type PeriodicJob = { readonly stop: () => Promise<void> };

export type JobTimes = { readonly intervalMs: number; readonly onError: (error: unknown) => void };

/** Runs `pass` now and then every `intervalMs`; a pass that fails is repeated with the next. */
export function startPeriodicJob(pass: (signal: AbortSignal) => Promise<void>, times: JobTimes): PeriodicJob {
  const stopping = new AbortController();
  const { signal } = stopping;

  async function passes(): Promise<void> {
    while (!signal.aborted) {
      await pass(signal).catch(times.onError);
      await pause(times.intervalMs, signal);
    }
  }

  const running = passes();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

/**
 * Repeats `batch` until it comes back with fewer than `batchSize`, `signal` aborts, or another process is found at it,
 * which `batch` answers with null.
 */
export async function runBatches(
  batchSize: number,
  signal: AbortSignal | undefined,
  batch: () => Promise<number | null>,
): Promise<"done" | "busy"> {
  let count: number | null = batchSize;
  while (count === batchSize && signal?.aborted !== true) count = await batch();
  return count === null ? "busy" : "done";
}

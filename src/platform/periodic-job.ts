import { setTimeout as delay } from "node:timers/promises";
import type { Database } from "./database/database.ts";
import { inTransaction, type Tx } from "./database/transaction.ts";

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
      await delay(times.intervalMs, undefined, { signal }).catch(() => undefined);
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
 * One batch of a periodic job over all tenants, as the role that may delete, in a transaction that one process at a time
 * gets into; the others come back with "busy". `lock` names the job among the advisory locks of the database, and ends
 * with the transaction, so a crash leaves nothing behind.
 */
export function runBatch(
  database: Database,
  lock: number,
  batch: (tx: Tx) => Promise<number>,
): Promise<number | "busy"> {
  return inTransaction(database, { tenantId: null, localRole: "ballast_retention" }, async (tx) => {
    const [row] = await tx<{ is_ours: boolean }>`select pg_try_advisory_xact_lock(${lock}) as is_ours`;
    return row?.is_ours === true ? batch(tx) : "busy";
  });
}

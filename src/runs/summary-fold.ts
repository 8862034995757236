import { setTimeout as delay } from "node:timers/promises";
import type { Database } from "../platform/database/database.ts";
import { inTransaction } from "../platform/database/transaction.ts";
import { foldChanges } from "./summary-repository.ts";

export type FoldDeps = {
  readonly database: Database;
  /** Changes per transaction. */
  readonly batchSize: number;
};

/** Names the job among the advisory locks of the database. */
const LOCK = 4_627_120;

/**
 * Folds the changes of the summary into its counts, batch by batch, until none is left, `signal` aborts, or another
 * process is found at it. The summary is right before, between and after: it reads both.
 */
export async function fold(deps: FoldDeps, signal?: AbortSignal): Promise<void> {
  let isMore = true;
  while (isMore && signal?.aborted !== true) {
    isMore = (await foldBatch(deps)) === deps.batchSize;
  }
}

function foldBatch({ database, batchSize }: FoldDeps): Promise<number> {
  return inTransaction(database, { tenantId: null, localRole: "ballast_retention" }, async (tx) => {
    const [lock] = await tx<{ is_ours: boolean }>`select pg_try_advisory_xact_lock(${LOCK}) as is_ours`;
    return lock?.is_ours === true ? foldChanges(tx, batchSize) : 0;
  });
}

export type FoldJob = { readonly stop: () => Promise<void> };

/** Folds now and then every `intervalMs`, until it is stopped; a pass that fails is repeated with the next. */
export function startFolding(
  deps: FoldDeps & { readonly intervalMs: number; readonly onError: (error: unknown) => void },
): FoldJob {
  const stopping = new AbortController();
  const { signal } = stopping;

  async function passes(): Promise<void> {
    while (!signal.aborted) {
      await fold(deps, signal).catch(deps.onError);
      await delay(deps.intervalMs, undefined, { signal }).catch(() => undefined);
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

import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import type { InFlightAttempts } from "./in-flight-attempts.ts";
import { claimDue, type ClaimedOperation, type LeaseTerms } from "./repository/leases.ts";
import { createWakeUp } from "./wake-up.ts";

export type WorkerDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly terms: LeaseTerms;
  readonly attempts: InFlightAttempts;
  /** Attempts under way at once, beyond which the worker claims none. */
  readonly concurrency: number;
  /** How often to look without being woken: for retries and run-out leases, and where a wake-up got lost. */
  readonly pollMs: number;
  readonly onClaimError: (error: unknown) => void;
};

export type Worker = {
  /** There may be something to do. */
  readonly wake: () => void;
  /** Claims no more. The attempts under way are left to `InFlightAttempts`. */
  readonly stop: () => Promise<void>;
};

/** Claims what is due, as much as it may work on at once, until it is stopped. */
export function startWorker(deps: WorkerDeps): Worker {
  const wakeUp = createWakeUp();
  let isStopping = false;

  async function claimLoop(): Promise<void> {
    while (!isStopping) {
      const free = Math.max(0, deps.concurrency - deps.attempts.count());
      const claimed = free === 0 ? [] : await claimUpTo(deps, free);
      for (const operation of claimed) void deps.attempts.start(operation).then(wakeUp.wake);
      if (free === 0 || claimed.length < free) await wakeUp.wait(deps.pollMs);
    }
  }

  const looping = claimLoop();
  return {
    wake: wakeUp.wake,
    stop: async () => {
      isStopping = true;
      wakeUp.wake();
      await looping;
    },
  };
}

/** Nothing, where the database does not answer: the next look comes with the poll. */
async function claimUpTo(deps: WorkerDeps, limit: number): Promise<readonly ClaimedOperation[]> {
  const startedAt = deps.clock().toISOString();
  try {
    return await inTransaction(deps.database, { tenantId: null }, (tx) =>
      claimDue(tx, deps.terms, limit, startedAt),
    );
  } catch (error) {
    deps.onClaimError(error);
    return [];
  }
}

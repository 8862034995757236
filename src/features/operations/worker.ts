import type { Clock } from "../../platform/clock.ts";
import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { createAlarm } from "./alarm.ts";
import type { Hands } from "./hands.ts";
import { claimDue, type Claim, type LeaseTerms } from "./repository.ts";

export type WorkerDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly terms: LeaseTerms;
  readonly hands: Hands;
  /** Operations in hand at once, beyond which the worker claims none. */
  readonly concurrency: number;
  /** How often to look without being woken: for retries and run-out leases, and where a wake-up got lost. */
  readonly pollMs: number;
  readonly onClaimError: (error: unknown) => void;
};

export type Worker = {
  /** There may be something to do. */
  readonly wake: () => void;
  /** Claims no more. What is in hand is left to `Hands`. */
  readonly stop: () => Promise<void>;
};

/** Claims what is due, as much as there are free hands, until it is stopped. */
export function startWorker(deps: WorkerDeps): Worker {
  const alarm = createAlarm();
  let isStopping = false;

  async function claimLoop(): Promise<void> {
    while (!isStopping) {
      const free = Math.max(0, deps.concurrency - deps.hands.count());
      const claims = free === 0 ? [] : await claimUpTo(deps, free);
      for (const claim of claims) void deps.hands.attempt(claim).then(alarm.ring);
      if (free === 0 || claims.length < free) await alarm.wait(deps.pollMs);
    }
  }

  const looping = claimLoop();
  return {
    wake: alarm.ring,
    stop: async () => {
      isStopping = true;
      alarm.ring();
      await looping;
    },
  };
}

/** Nothing, where the database does not answer: the next look comes with the poll. */
async function claimUpTo(deps: WorkerDeps, limit: number): Promise<readonly Claim[]> {
  const startedAt = deps.clock().toISOString();
  try {
    return await inTransaction(deps.database, { tenantId: null, localRole: "ballast_worker" }, (tx) =>
      claimDue(tx, deps.terms, limit, startedAt),
    );
  } catch (error) {
    deps.onClaimError(error);
    return [];
  }
}

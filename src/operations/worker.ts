import { setTimeout as delay } from "node:timers/promises";
import { inTransaction } from "../platform/database/transaction.ts";
import { createAlarm } from "./alarm.ts";
import { attempt, release, type ExecutionDeps } from "./execution.ts";
import { claimDue, type Claim } from "./repository.ts";

export type WorkerDeps = ExecutionDeps & {
  /** Operations in hand at once. */
  readonly concurrency: number;
  /** How often to look without being woken: for retries and run-out leases, and where a wake-up got lost. */
  readonly pollMs: number;
  readonly onClaimError: (error: unknown) => void;
};

export type Worker = {
  /** There may be something to do. */
  readonly wake: () => void;
  /** Claims no more, waits up to `graceMs` for what is in hand and gives the rest back to other workers. */
  readonly stop: (graceMs: number) => Promise<void>;
  readonly inHand: () => number;
};

/** Claims what is due, as much as there are free hands, until it is stopped. */
export function startWorker(deps: WorkerDeps): Worker {
  const inHand = new Map<Claim, Promise<unknown>>();
  const alarm = createAlarm();
  let isStopping = false;

  async function claimLoop(): Promise<void> {
    while (!isStopping) {
      const free = deps.concurrency - inHand.size;
      const claims = free === 0 ? [] : await claimUpTo(deps, free);
      for (const claim of claims) takeInHand(claim);
      if (claims.length === 0 || claims.length < free) await alarm.wait(deps.pollMs);
    }
  }

  function takeInHand(claim: Claim): void {
    const done = attempt(deps, claim).finally(() => {
      inHand.delete(claim);
      alarm.ring();
    });
    inHand.set(claim, done);
  }

  async function stop(graceMs: number): Promise<void> {
    isStopping = true;
    alarm.ring();
    await looping;
    const inTime = new AbortController();
    const timeUp = delay(graceMs, undefined, { signal: inTime.signal }).catch(() => undefined);
    await Promise.race([Promise.all(inHand.values()), timeUp]);
    inTime.abort();
    await Promise.all([...inHand.keys()].map((claim) => release(deps, claim).catch(deps.onClaimError)));
  }

  const looping = claimLoop();
  return { wake: alarm.ring, stop, inHand: () => inHand.size };
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

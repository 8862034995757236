import { setTimeout as delay } from "node:timers/promises";
import { attempt, release, type AttemptEnd, type ExecutionDeps } from "./execution.ts";
import type { Claim } from "./repository.ts";

/** The operations that this process is at work on, whoever claimed them: its worker, or a request to execute one. */
export type Hands = {
  readonly attempt: (claim: Claim) => Promise<AttemptEnd>;
  readonly count: () => number;
  /** Waits up to `graceMs`, or until `hurry`, for what is in hand, and gives the rest back to other workers. */
  readonly empty: (graceMs: number, hurry?: AbortSignal) => Promise<void>;
};

export function createHands(deps: ExecutionDeps): Hands {
  const held = new Map<Claim, Promise<AttemptEnd>>();

  function take(claim: Claim): Promise<AttemptEnd> {
    const ending = attempt(deps, claim).finally(() => held.delete(claim));
    held.set(claim, ending);
    return ending;
  }

  async function empty(graceMs: number, hurry?: AbortSignal): Promise<void> {
    const inTime = new AbortController();
    const signal = hurry === undefined ? inTime.signal : AbortSignal.any([inTime.signal, hurry]);
    const timeUp = delay(graceMs, undefined, { signal }).catch(() => undefined);
    await Promise.race([Promise.all(held.values()), timeUp]);
    inTime.abort();
    await Promise.all([...held.keys()].map(giveBack));
  }

  async function giveBack(claim: Claim): Promise<void> {
    try {
      await release(deps, claim);
    } catch (error) {
      deps.hooks.onLeaseError(claim, error);
    }
  }

  return { attempt: take, count: () => held.size, empty };
}

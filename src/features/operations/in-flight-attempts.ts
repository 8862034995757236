import { TimeLimitError, within } from "../../platform/time-limit.ts";
import { attempt, releaseOperation, type AttemptDeps, type AttemptEnd } from "./attempt-operation.ts";
import type { ClaimedOperation } from "./repository/leases.ts";

/** The operations that this process is at work on, whoever claimed them: its worker, or a request to execute one. */
export type InFlightAttempts = {
  readonly start: (claimed: ClaimedOperation) => Promise<AttemptEnd>;
  readonly count: () => number;
  /** Waits up to `graceMs`, or until `hurry`, for the attempts under way, and releases the rest to other workers. */
  readonly drain: (graceMs: number, hurry?: AbortSignal) => Promise<void>;
};

export function createInFlightAttempts(deps: AttemptDeps): InFlightAttempts {
  const attempts = new Map<ClaimedOperation, Promise<AttemptEnd>>();

  function start(claimed: ClaimedOperation): Promise<AttemptEnd> {
    const ending = attempt(deps, claimed).finally(() => attempts.delete(claimed));
    attempts.set(claimed, ending);
    return ending;
  }

  async function drain(graceMs: number, hurry?: AbortSignal): Promise<void> {
    await within({ ms: graceMs, signal: hurry }, Promise.all(attempts.values())).catch((error: unknown) => {
      if (!(error instanceof TimeLimitError)) throw error;
    });
    await Promise.all([...attempts.keys()].map(release));
  }

  async function release(claimed: ClaimedOperation): Promise<void> {
    try {
      await releaseOperation(deps, claimed);
    } catch (error) {
      deps.hooks.onLeaseError(claimed, error);
    }
  }

  return { start, count: () => attempts.size, drain };
}

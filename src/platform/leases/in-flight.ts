import { TimeLimitError, within } from "../time-limit.ts";

export type InFlightDeps<Claimed, End> = {
  /** One attempt, to its end. Never rejects. */
  readonly attempt: (claimed: Claimed) => Promise<End>;
  /** Hands what is not going to be finished in time to others, at once. */
  readonly release: (claimed: Claimed) => Promise<void>;
  readonly onReleaseError: (claimed: Claimed, error: unknown) => void;
};

/** What this process is at work on, whoever claimed it. */
export type InFlight<Claimed, End> = {
  readonly start: (claimed: Claimed) => Promise<End>;
  readonly count: () => number;
  /** Waits up to `graceMs`, or until `hurry`, for the attempts under way, and releases the rest to other workers. */
  readonly drain: (graceMs: number, hurry?: AbortSignal) => Promise<void>;
};

export function createInFlight<Claimed, End>(deps: InFlightDeps<Claimed, End>): InFlight<Claimed, End> {
  const attempts = new Map<Claimed, Promise<End>>();

  function start(claimed: Claimed): Promise<End> {
    const ending = deps.attempt(claimed).finally(() => attempts.delete(claimed));
    attempts.set(claimed, ending);
    return ending;
  }

  async function drain(graceMs: number, hurry?: AbortSignal): Promise<void> {
    await within({ ms: graceMs, signal: hurry }, Promise.all(attempts.values())).catch((error: unknown) => {
      if (!(error instanceof TimeLimitError)) throw error;
    });
    await Promise.all([...attempts.keys()].map(release));
  }

  async function release(claimed: Claimed): Promise<void> {
    try {
      await deps.release(claimed);
    } catch (error) {
      deps.onReleaseError(claimed, error);
    }
  }

  return { start, count: () => attempts.size, drain };
}

import { renewalPauseMs } from "./lease.ts";

export type HeartbeatDeps = {
  readonly leaseMs: number;
  /** Renews, within so many milliseconds; false: there is nothing left to renew. */
  readonly renew: (deadlineMs: number) => Promise<boolean>;
  readonly onError: (error: unknown) => void;
};

export type Heartbeat = {
  /** Whether the lease can still be this attempt's, by what was last heard of it. */
  readonly mayHoldLease: () => boolean;
  readonly stop: () => void;
};

/** Renews a lease until it is stopped. A renewal that fails is made up for by the next; one that finds it gone changes nothing. */
export function startHeartbeat({ leaseMs, renew, onError }: HeartbeatDeps): Heartbeat {
  const pauseMs = renewalPauseMs(leaseMs);
  let leaseEndsAt = performance.now() + leaseMs;

  async function beat(): Promise<void> {
    const sentAt = performance.now();
    if (await renew(pauseMs)) leaseEndsAt = sentAt + leaseMs;
  }

  const timer = setInterval(() => {
    beat().catch(onError);
  }, pauseMs);
  return {
    mayHoldLease: () => performance.now() < leaseEndsAt,
    stop: () => {
      clearInterval(timer);
    },
  };
}

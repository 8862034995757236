import { createWakeUp } from "./wake-up.ts";

export type ClaimLoopDeps<Claimed> = {
  /** How much may be taken now, beside what is in hand. */
  readonly room: () => number;
  /** Takes up to so much of what is due; what it cannot take now, a later look finds. */
  readonly claim: (limit: number) => Promise<readonly Claimed[]>;
  /** Works on what was taken, to its end. Never rejects. */
  readonly start: (claimed: Claimed) => Promise<unknown>;
  /** How often to look without being woken: for retries and run-out leases, and where a wake-up got lost. */
  readonly pollMs: number;
  readonly onClaimError: (error: unknown) => void;
};

export type ClaimLoop = {
  /** There may be something to do. */
  readonly wake: () => void;
  /** Claims no more. What is in hand is left to whoever works on it. */
  readonly stop: () => Promise<void>;
};

/** Claims what is due, as much as there is room for, until it is stopped. */
export function startClaimLoop<Claimed>(deps: ClaimLoopDeps<Claimed>): ClaimLoop {
  const wakeUp = createWakeUp();
  let isStopping = false;

  async function claimAgainAndAgain(): Promise<void> {
    while (!isStopping) {
      const room = Math.max(0, deps.room());
      const claimed = room === 0 ? [] : await claimUpTo(deps, room);
      for (const one of claimed) void deps.start(one).then(wakeUp.wake);
      if (room === 0 || claimed.length < room) await wakeUp.wait(deps.pollMs);
    }
  }

  const looping = claimAgainAndAgain();
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
async function claimUpTo<Claimed>(
  { claim, onClaimError }: ClaimLoopDeps<Claimed>,
  limit: number,
): Promise<readonly Claimed[]> {
  try {
    return await claim(limit);
  } catch (error) {
    onClaimError(error);
    return [];
  }
}

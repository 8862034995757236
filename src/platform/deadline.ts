/** Until when somebody waits for a piece of work. Nothing of it starts later, and what is under way then ends. */
export type Deadline = {
  /** On the scale of `performance.now()`. */
  readonly endsAt: number;
  /** Aborted at that moment, or earlier when nobody waits any more. */
  readonly signal: AbortSignal;
};

/** Milliseconds that are left; 0: it is over. */
export function timeLeft({ endsAt, signal }: Deadline): number {
  return signal.aborted ? 0 : Math.max(0, endsAt - performance.now());
}

/** Until when somebody waits for a piece of work. Nothing of it starts later, and what is under way then ends. */
export type Deadline = {
  /** On the scale of `performance.now()`. */
  readonly endsAt: number;
  /** Aborted at that moment, or earlier when nobody waits any more. */
  readonly signal: AbortSignal;
};

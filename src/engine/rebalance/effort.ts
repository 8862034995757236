/**
 * Counts operations, so that the solver gives up at the same place on every machine. One is about the work of half
 * a nanosecond, but only the count decides.
 */
export type Effort = { spent: number; readonly most: number };

/**
 * Problems of 5,000 instruments and 100 group constraints take less than a tenth of it, about a hundredth if the
 * groups are values of a few attributes. All of it is some seconds of work.
 */
export const MOST_OPERATIONS = 5e9;

/** The guess of the active set may take this share; the exact phase has the rest. */
const SHARE_OF_GUESS = 0.5;

/** What a pass over the problem costs in doubles, for each instrument and each of its memberships. */
export const PASS_OPERATIONS = 8;

/** What it costs to factor a matrix of this size. */
export function factoringOperations(size: number): number {
  return size * size * size;
}

export function spend(effort: Effort, operations: number): void {
  effort.spent += operations;
}

export function isSpent({ spent, most }: Effort): boolean {
  return spent >= most;
}

export function isGuessSpent({ spent, most }: Effort): boolean {
  return spent >= most * SHARE_OF_GUESS;
}

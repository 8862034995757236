/** The time as a dependency: the database's (`ServerClock`), or one that a test holds. */
export type Clock = () => Date;

/** The wall clock of this machine. What is stored has the database's time instead. */
export const systemClock: Clock = () => new Date();

/**
 * A time that does not go back behind the one before it: the clocks of several processes differ, and the history of one
 * record must not run backwards. Both are ISO 8601 in UTC, so they compare as texts.
 */
export function notBefore(earliest: string | undefined, now: Date): string {
  const time = now.toISOString();
  return earliest !== undefined && earliest > time ? earliest : time;
}

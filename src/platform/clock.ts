/** The time as a dependency, so that a test can hold it. */
export type Clock = () => Date;

export const systemClock: Clock = () => new Date();

/**
 * A time that does not go back behind the one before it: the clocks of several processes differ, and the history of one
 * record must not run backwards. Both are ISO 8601 in UTC, so they compare as texts.
 */
export function notBefore(earliest: string | undefined, now: Date): string {
  const time = now.toISOString();
  return earliest !== undefined && earliest > time ? earliest : time;
}

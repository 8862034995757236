import { within } from "./time-limit.ts";

export type QueueLimits = { readonly ms: number; readonly signal: AbortSignal | undefined };

/** Pieces of work of one name run one after the other, in the order of arrival; those of other names beside them. */
export type KeyedQueue = {
  /** Throws a TimeLimitError, and does nothing, where the turn does not come within the limits. */
  readonly run: <T>(name: string, limits: QueueLimits, work: () => Promise<T>) => Promise<T>;
};

export function createKeyedQueue(): KeyedQueue {
  /** When everything that came so far under a name has ended. */
  const ends = new Map<string, Promise<void>>();

  async function run<T>(name: string, limits: QueueLimits, work: () => Promise<T>): Promise<T> {
    const before = ends.get(name);
    let leave: () => void = () => undefined;
    const own = new Promise<void>((resolve) => {
      leave = resolve;
    });
    // One that gives up its turn leaves those behind it waiting for those ahead.
    const end = before === undefined ? own : before.then(() => own);
    ends.set(name, end);
    void end.then(() => {
      if (ends.get(name) === end) ends.delete(name);
    });
    try {
      if (before !== undefined) await within(limits, before);
      return await work();
    } finally {
      leave();
    }
  }

  return { run };
}

import { plainError } from "./errors.ts";

export type AdmissionLimits = {
  /** Units of work under way at once. */
  readonly slots: number;
  /** Units of work that may wait for a slot; one more is refused at once. */
  readonly queueLimit: number;
  /** How long one may wait before it is refused. */
  readonly queueWaitMs: number;
};

export type Admission = {
  /** Takes a slot, in the order of arrival, within `budgetMs`; throws `overloaded` or `deadline_exceeded`. */
  readonly enter: (budgetMs: number) => Promise<void>;
  /** Gives the slot back. Once for each `enter` that resolved. */
  readonly leave: () => void;
  readonly inFlight: () => number;
  readonly waiting: () => number;
  /** Resolves when no unit of work is under way. */
  readonly drained: () => Promise<void>;
};

type Waiter = { admit: () => void };

/** A counting semaphore with a bounded queue: work beyond what the database can take waits here, briefly, or is refused. */
export function createAdmission(limits: AdmissionLimits): Admission {
  const queue = new Set<Waiter>();
  const drainWaiters: (() => void)[] = [];
  let taken = 0;

  function enter(budgetMs: number): Promise<void> {
    if (taken < limits.slots) {
      taken += 1;
      return Promise.resolve();
    }
    if (queue.size >= limits.queueLimit) {
      return Promise.reject(plainError("overloaded", "too many units of work wait for a connection"));
    }
    return wait(budgetMs);
  }

  function wait(budgetMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        admit: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(
        () => {
          queue.delete(waiter);
          reject(
            budgetMs < limits.queueWaitMs
              ? plainError("deadline_exceeded", "the deadline passed while waiting for a connection")
              : plainError("overloaded", "no connection became free in time"),
          );
        },
        Math.min(budgetMs, limits.queueWaitMs),
      );
      queue.add(waiter);
    });
  }

  /** The slot goes straight to the one who waited longest, so that nobody who came later can take it. */
  function leave(): void {
    const [next] = queue;
    if (next === undefined) {
      taken -= 1;
      if (taken === 0) for (const resolve of drainWaiters.splice(0)) resolve();
      return;
    }
    queue.delete(next);
    next.admit();
  }

  function drained(): Promise<void> {
    return taken === 0 ? Promise.resolve() : new Promise((resolve) => void drainWaiters.push(resolve));
  }

  return { enter, leave, inFlight: () => taken, waiting: () => queue.size, drained };
}

import type { Deadline } from "./deadline.ts";
import { TimeLimitError, within } from "./time-limit.ts";

/** Work that several wait for: who asks for what is under way gets what it comes to. Nothing is kept beyond its end. */
export type SharedRuns<T> = {
  /**
   * Waits for the run of this name, and starts it where there is none. A run ends at its own deadline, or when the last
   * who waited for it has left, and that one waits for its end. Whoever leaves before gets a TimeLimitError.
   */
  readonly join: (
    name: string,
    leave: AbortSignal | undefined,
    work: (deadline: Deadline) => Promise<T>,
  ) => Promise<T>;
};

type Run<T> = { readonly result: Promise<T>; readonly end: () => void; waiting: number };

export function createSharedRuns<T>(limitMs: number): SharedRuns<T> {
  const underWay = new Map<string, Run<T>>();

  function start(name: string, work: (deadline: Deadline) => Promise<T>): Run<T> {
    const controller = new AbortController();
    const forget = (): void => {
      clearTimeout(timer);
      if (underWay.get(name) === run) underWay.delete(name);
    };
    const end = (): void => {
      forget(); // who comes now starts anew
      controller.abort();
    };
    const timer = setTimeout(end, limitMs);
    const deadline = { endsAt: performance.now() + limitMs, signal: controller.signal };
    const run: Run<T> = { result: work(deadline).finally(forget), end, waiting: 0 };
    underWay.set(name, run);
    return run;
  }

  async function join(
    name: string,
    leave: AbortSignal | undefined,
    work: (deadline: Deadline) => Promise<T>,
  ): Promise<T> {
    const run = underWay.get(name) ?? start(name, work);
    run.waiting += 1;
    try {
      return await within({ signal: leave }, run.result);
    } catch (error) {
      const isLastToLeave = error instanceof TimeLimitError && run.waiting === 1;
      if (!isLastToLeave) throw error;
      run.end();
      return await run.result;
    } finally {
      run.waiting -= 1;
    }
  }

  return { join };
}

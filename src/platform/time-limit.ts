import { setTimeout as delay } from "node:timers/promises";

/** Work took longer than it may, or was given up. */
export class TimeLimitError extends Error {}

/**
 * What `work` comes to, or a TimeLimitError once `ms` have passed or `signal` is aborted. The work itself goes on: a promise
 * cannot be cancelled, so the caller ends what it stands for.
 */
export function within<T>(
  limits: { readonly ms?: number; readonly signal?: AbortSignal | undefined },
  work: PromiseLike<T>,
): Promise<T> {
  const { ms, signal } = limits;
  return new Promise((resolve, reject) => {
    // A signal may outlive a thousand calls, so its listener is taken off.
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      settle();
    };
    const giveUp = (reason: string): void => end(() => reject(new TimeLimitError(reason)));
    const onAbort = (): void => giveUp("stopped");
    const timer =
      ms === undefined
        ? undefined
        : setTimeout(() => giveUp(`no reply within ${String(Math.round(ms))} ms`), ms);
    signal?.addEventListener("abort", onAbort);
    const settle = (): void => end(() => resolve(work));
    work.then(settle, settle);
    // Behind the work, which may be done already.
    if (signal?.aborted === true) queueMicrotask(onAbort);
  });
}

/** Resolves after `ms`, or at once when `signal` is aborted: whoever pauses looks at the signal next. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}

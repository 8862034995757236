import { setTimeout as delay } from "node:timers/promises";

/** Work took longer than it may, or was given up. */
export class TimeLimitError extends Error {}

/**
 * What `work` comes to, or a TimeLimitError once `ms` have passed or `signal` is aborted. The work itself goes on: a promise
 * cannot be cancelled, so the caller ends what it stands for.
 */
export async function within<T>(
  limits: { readonly ms?: number; readonly signal?: AbortSignal | undefined },
  work: PromiseLike<T>,
): Promise<T> {
  // Ends the timer and takes the listener off a signal that may outlive a thousand calls.
  const over = new AbortController();
  const { ms, signal } = limits;
  try {
    return await Promise.race([
      work,
      ...(ms === undefined ? [] : [timedOut(ms, over.signal)]),
      ...(signal === undefined ? [] : [aborted(signal, over.signal)]),
    ]);
  } finally {
    over.abort();
  }
}

async function timedOut(ms: number, over: AbortSignal): Promise<never> {
  await delay(ms, undefined, { signal: over });
  throw new TimeLimitError(`no reply within ${String(Math.round(ms))} ms`);
}

function aborted(signal: AbortSignal, over: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = (): void => {
      reject(new TimeLimitError("stopped"));
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { signal: over });
  });
}

/** Resolves after `ms`, or at once when `signal` is aborted: whoever pauses looks at the signal next. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
}

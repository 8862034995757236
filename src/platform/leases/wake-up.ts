export type WakeUp = {
  /** Ends the wait that is under way, or else the next one. */
  readonly wake: () => void;
  /** Until woken, at most `ms`. For one who waits at a time. */
  readonly wait: (ms: number) => Promise<void>;
};

/** A wake-up that is not lost when nobody is waiting yet; many before a wait are one. */
export function createWakeUp(): WakeUp {
  let isWoken = false;
  let end: (() => void) | undefined;

  function wake(): void {
    isWoken = true;
    end?.();
  }

  async function wait(ms: number): Promise<void> {
    if (!isWoken) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      end = undefined;
    }
    isWoken = false;
  }

  return { wake, wait };
}

export type Alarm = {
  /** Ends the wait that is under way, or else the next one. */
  readonly ring: () => void;
  /** Until it rings, at most `ms`. For one who waits at a time. */
  readonly wait: (ms: number) => Promise<void>;
};

/** A wake-up that is not lost when nobody is waiting yet; many rings before a wait are one. */
export function createAlarm(): Alarm {
  let hasRung = false;
  let end: (() => void) | undefined;

  function ring(): void {
    hasRung = true;
    end?.();
  }

  async function wait(ms: number): Promise<void> {
    if (!hasRung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        end = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      end = undefined;
    }
    hasRung = false;
  }

  return { ring, wait };
}

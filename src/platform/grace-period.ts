/** One grace period for everything that is under way, requests and operations: it runs from the start of the stop. */
export function createGracePeriod(graceMs: number) {
  let end = Infinity;
  return {
    start: (): void => {
      end = performance.now() + graceMs;
    },
    remainingMs: (): number => (end === Infinity ? 0 : Math.max(0, end - performance.now())),
  };
}

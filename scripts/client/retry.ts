const MOST_ATTEMPTS = 10;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/**
 * `fetch` that sends a request again while its outcome is open: after a lost connection, a 5xx, or 409
 * IDEMPOTENCY_IN_PROGRESS. It waits for as long as Retry-After says, else longer each time. What writes needs its
 * Idempotency-Key: with the same one, the write happens once.
 */
export const retryingFetch: typeof fetch = async (input, init) => {
  const request = new Request(input, init);
  for (let attempt = 1; ; attempt += 1) {
    const answer = await fetch(request.clone()).catch((error: unknown) => {
      if (attempt === MOST_ATTEMPTS) throw error;
    });
    if (answer !== undefined && (attempt === MOST_ATTEMPTS || !(await isOpen(answer)))) return answer;
    const told = Number(answer?.headers.get("retry-after") ?? Number.NaN);
    const pause = Number.isNaN(told) ? FIRST_PAUSE_MS * 2 ** (attempt - 1) : told * 1_000;
    await new Promise((resolve) => setTimeout(resolve, Math.min(pause, LONGEST_PAUSE_MS)));
  }
};

async function isOpen(answer: Response): Promise<boolean> {
  if (answer.status >= 500) return true;
  return answer.status === 409 && (await answer.clone().text()).includes("IDEMPOTENCY_IN_PROGRESS");
}

import { setTimeout as delay } from "node:timers/promises";
import type * as z from "zod";
import { WaveSummary } from "../../src/features/waves/schemas.ts";

/** A service that may be gone for a while: whoever calls it comes back until it answers. */
export type WaveClient = {
  readonly post: <T>(
    path: string,
    key: string,
    body: string,
    type: string,
    answer: z.ZodType<T>,
  ) => Promise<T>;
  readonly get: <T>(path: string, answer: z.ZodType<T>) => Promise<T>;
  /** Follows the progress of a wave to its end, over as many connections as it takes. */
  readonly watch: (
    waveId: string,
    onProgress: (summary: z.output<typeof WaveSummary>) => void,
  ) => Promise<void>;
};

const PAUSE_MS = 500;
const ATTEMPT_MS = 60_000;

/** What was refused for good. */
export class Refused extends Error {}

type Request = {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

export function openClient(base: string, headers: Readonly<Record<string, string>>): WaveClient {
  async function untilAnswered(path: string, request: Request): Promise<string> {
    for (;;) {
      const signal = AbortSignal.timeout(ATTEMPT_MS);
      const answer = await fetch(new URL(path, base), { ...request, signal }).catch(() => undefined);
      const text = await answer?.text().catch(() => undefined);
      if (answer?.ok === true && text !== undefined) return text;
      const mayPass =
        answer === undefined || text === undefined || answer.status >= 500 || isBusy(answer.status, text);
      if (!mayPass) throw new Refused(refusalText(path, request.method, answer.status, text));
      await delay(PAUSE_MS);
    }
  }

  async function follow(
    waveId: string,
    seen: string | null,
    onProgress: (summary: z.output<typeof WaveSummary>) => void,
  ): Promise<{ readonly seen: string | null; readonly isOver: boolean }> {
    let last = seen;
    const answer = await fetch(new URL(`/rebalance/waves/${waveId}/progress`, base), {
      headers: { ...headers, ...(last === null ? {} : { "last-event-id": last }) },
    });
    if (answer.status === 204) return { seen: last, isOver: true };
    if (!answer.ok || answer.body === null) throw new Error(`no progress: ${answer.status}`);
    let text = "";
    for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
      const events = (text + chunk).split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(event)?.[1];
        const data = field("data");
        last = field("id") ?? last;
        if (data !== undefined) onProgress(WaveSummary.parse(JSON.parse(data)));
        if (field("event") === "end") return { seen: last, isOver: true };
      }
    }
    return { seen: last, isOver: false };
  }

  return {
    post: async (path, key, body, type, answer) => {
      const sent = { ...headers, "content-type": type, "idempotency-key": key };
      return answer.parse(JSON.parse(await untilAnswered(path, { method: "POST", headers: sent, body })));
    },
    get: async (path, answer) =>
      answer.parse(JSON.parse(await untilAnswered(path, { method: "GET", headers }))),
    watch: async (waveId, onProgress) => {
      let at: Awaited<ReturnType<typeof follow>> = { seen: null, isOver: false };
      while (!at.isOver) {
        at = await follow(waveId, at.seen, onProgress).catch(async () => {
          await delay(PAUSE_MS);
          return at;
        });
      }
    },
  };
}

function refusalText(path: string, method: string, status: number, text: string): string {
  return text.includes("IDEMPOTENCY_KEY_CONFLICT")
    ? "a wave of this name was sent before with another content. Another wave needs another name."
    : `${method} ${path} was refused: ${status} ${text}`;
}

/** Another request with the key is under way, or many others are. */
function isBusy(status: number, text: string): boolean {
  return status === 429 || status === 408 || (status === 409 && text.includes("IDEMPOTENCY_IN_PROGRESS"));
}

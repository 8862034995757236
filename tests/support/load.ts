import { setTimeout as pause } from "node:timers/promises";
import { ProposalCreateResponse } from "../../src/features/proposals/schemas.ts";
import { simulateBody } from "./proposals.ts";
import { rebalanceBody } from "./runs.ts";

/** A write that a client was told is done, with the bytes that told it so. */
export type Acknowledged = {
  readonly path: string;
  readonly key: string;
  readonly body: unknown;
  readonly text: string;
};

/** Clients that write until they are stopped, each of them one write after the other. */
export type Load = {
  readonly acknowledged: readonly Acknowledged[];
  /** Answers that no client should ever see: whatever is neither a success nor a reason to come back. */
  readonly surprises: readonly string[];
  /** How often a client did not learn what became of its write, and asked again with the same key. */
  readonly retries: () => number;
  /** Writes that had been done when the client asked again: their first answer was lost on the way. */
  readonly recovered: () => number;
  /** Begins no more writes, and sees every one that was begun to its end. */
  readonly stop: () => Promise<void>;
};

const ATTEMPT_MS = 10_000;
const RETRY_PAUSE_MS = 50;
/** What tells a client to come back with the same key. */
const COME_BACK = /^(503 |409 IDEMPOTENCY_IN_PROGRESS)/;

type Answer = { readonly status: number; readonly text: string; readonly isReplay: boolean };

export async function post(base: string, path: string, key: string, body: unknown): Promise<Answer> {
  const response = await fetch(new URL(path, base), {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": key },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(ATTEMPT_MS),
  });
  const isReplay = response.headers.get("idempotent-replayed") === "true";
  return { status: response.status, text: await response.text(), isReplay };
}

/**
 * Puts a service under load: simulations, proposals, and two transitions of each. `address` is asked ahead of every
 * attempt, as the service may have moved.
 */
export function startLoad(address: () => string, clients: number): Load {
  const acknowledged: Acknowledged[] = [];
  const surprises: string[] = [];
  let retries = 0;
  let recovered = 0;
  let isStopping = false;

  /** The text of the answer; undefined where the answer was none that a client can go on with. */
  async function write(path: string, key: string, body: unknown): Promise<string | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await post(address(), path, key, body).catch(() => undefined);
      if (answer?.status === 200) {
        if (attempt > 1 && answer.isReplay) recovered += 1;
        acknowledged.push({ path, key, body, text: answer.text });
        return answer.text;
      }
      if (answer !== undefined && !COME_BACK.test(`${String(answer.status)} ${detailOf(answer)}`)) {
        surprises.push(`${path} ${key}: ${String(answer.status)} ${answer.text}`);
        return undefined;
      }
      retries += 1;
      await pause(RETRY_PAUSE_MS);
    }
  }

  async function chain(name: string, quantity: string): Promise<void> {
    await write("/rebalance/simulate", `${name}-simulate`, rebalanceBody({}, quantity));
    const body = { created_by: name, simulate_request: simulateBody({ quantity }) };
    const made = await write("/rebalance/proposals", `${name}-create`, body);
    if (made === undefined) return;
    const { proposal } = ProposalCreateResponse.parse(JSON.parse(made));
    const transitions = `/rebalance/proposals/${proposal.proposal_id}/transitions`;
    for (const [event_type, expected_state] of [
      ["SUBMITTED_FOR_RISK_REVIEW", "DRAFT"],
      ["CANCELLED", "RISK_REVIEW"],
    ] as const) {
      await write(transitions, `${name}-${event_type}`, { event_type, expected_state, actor_id: name });
    }
  }

  async function client(number: number): Promise<void> {
    for (let at = 1; !isStopping; at += 1) await chain(`client-${String(number)}-${String(at)}`, String(at));
  }

  const working = Array.from({ length: clients }, (_, number) => client(number));
  return {
    acknowledged,
    surprises,
    retries: () => retries,
    recovered: () => recovered,
    stop: async () => {
      isStopping = true;
      await Promise.all(working);
    },
  };
}

function detailOf({ text }: Answer): string {
  return /"detail":"([^"]*)"/.exec(text)?.[1] ?? "";
}

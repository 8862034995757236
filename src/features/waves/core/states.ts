import type { WaveEventType, WaveState } from "../schemas.ts";

/** What somebody can do with a wave. */
export type WaveAction = "start" | "pause" | "resume" | "cancel" | "retry-failed";

type Move = { readonly event: WaveEventType; readonly to: WaveState };

const CANCEL: Move = { event: "CANCELLED", to: "CANCELLED" };

/** The life of a wave: what leads where. What a state does not list is refused in it. */
export const MOVES: Readonly<Record<WaveState, Partial<Readonly<Record<WaveAction, Move>>>>> = {
  DRAFT: { start: { event: "STARTED", to: "RUNNING" }, cancel: CANCEL },
  RUNNING: { pause: { event: "PAUSED", to: "PAUSED" }, cancel: CANCEL },
  PAUSED: { resume: { event: "RESUMED", to: "RUNNING" }, cancel: CANCEL },
  COMPLETED: {},
  COMPLETED_WITH_FAILURES: { "retry-failed": { event: "FAILED_RETRIED", to: "RUNNING" } },
  CANCELLED: {},
};

/** Why something cannot be done with a wave as it is. */
export type WaveRefusal = "WAVE_INVALID_STATE" | "WAVE_EMPTY" | "WAVE_FULL" | "WAVE_ITEM_EXISTS";

export type Decision =
  | { readonly ok: true; readonly move: Move }
  | { readonly ok: false; readonly code: "WAVE_INVALID_STATE" | "WAVE_EMPTY" };

/** Decided under the lock of the wave. */
export function decide(
  { state, item_count }: { readonly state: WaveState; readonly item_count: number },
  action: WaveAction,
): Decision {
  const move = MOVES[state][action];
  if (move === undefined) return { ok: false, code: "WAVE_INVALID_STATE" };
  if (action === "start" && item_count === 0) return { ok: false, code: "WAVE_EMPTY" };
  return { ok: true, move };
}

export const MOST_ITEMS = 100_000;

/** Whether so many more portfolios may be added. */
export function judgeAddition(
  { state, item_count }: { readonly state: WaveState; readonly item_count: number },
  added: number,
): "WAVE_INVALID_STATE" | "WAVE_FULL" | undefined {
  if (state !== "DRAFT") return "WAVE_INVALID_STATE";
  return item_count + added > MOST_ITEMS ? "WAVE_FULL" : undefined;
}

/** How many items have come to which end, and how many there are. */
export type Ended = {
  readonly item_count: number;
  readonly ready_count: number;
  readonly pending_review_count: number;
  readonly blocked_count: number;
  readonly failed_count: number;
  readonly cancelled_count: number;
};

export function endedOf(ended: Ended): number {
  return succeededOf(ended) + ended.failed_count + ended.cancelled_count;
}

export function succeededOf({ ready_count, pending_review_count, blocked_count }: Ended): number {
  return ready_count + pending_review_count + blocked_count;
}

/**
 * What follows by itself when the last item has ended: a wave that runs is over, a cancelled one is settled. One that is
 * paused stays so until it is resumed.
 */
export function moveWhenOver(
  wave: Ended & { readonly state: WaveState; readonly settled_at: string | null },
): Move | undefined {
  if (wave.settled_at !== null || endedOf(wave) < wave.item_count) return undefined;
  if (wave.state === "CANCELLED") return { event: "SETTLED", to: "CANCELLED" };
  if (wave.state !== "RUNNING") return undefined;
  return wave.failed_count === 0
    ? { event: "COMPLETED", to: "COMPLETED" }
    : { event: "COMPLETED_WITH_FAILURES", to: "COMPLETED_WITH_FAILURES" };
}

import { describe, expect, it } from "vitest";
import {
  decide,
  judgeAddition,
  MOST_ITEMS,
  moveWhenOver,
  type WaveAction,
} from "../../../src/features/waves/core/states.ts";
import { WaveState } from "../../../src/features/waves/schemas.ts";

const ACTIONS: readonly WaveAction[] = ["start", "pause", "resume", "cancel", "retry-failed"];

/** Written apart from the code: what may be done in which state, and where it leads. Everything else is refused. */
const LEGAL: Readonly<Record<string, string>> = {
  "DRAFT start": "STARTED RUNNING",
  "DRAFT cancel": "CANCELLED CANCELLED",
  "RUNNING pause": "PAUSED PAUSED",
  "RUNNING cancel": "CANCELLED CANCELLED",
  "PAUSED resume": "RESUMED RUNNING",
  "PAUSED cancel": "CANCELLED CANCELLED",
  "COMPLETED_WITH_FAILURES retry-failed": "FAILED_RETRIED RUNNING",
};

const PAIRS = WaveState.options.flatMap((state) => ACTIONS.map((action) => ({ state, action })));

describe("what can be done with a wave", () => {
  it.each(PAIRS)("in $state: $action", ({ state, action }) => {
    const decision = decide({ state, item_count: 1 }, action);
    const said = decision.ok ? `${decision.move.event} ${decision.move.to}` : decision.code;
    expect(said).toBe(LEGAL[`${state} ${action}`] ?? "WAVE_INVALID_STATE");
  });

  it("is not to start it without a portfolio; a state that forbids it comes first", () => {
    expect(decide({ state: "DRAFT", item_count: 0 }, "start")).toEqual({ ok: false, code: "WAVE_EMPTY" });
    expect(decide({ state: "PAUSED", item_count: 0 }, "start")).toEqual({
      ok: false,
      code: "WAVE_INVALID_STATE",
    });
  });

  it("is to add portfolios in DRAFT alone, up to a hundred thousand", () => {
    for (const state of WaveState.options) {
      const judged = judgeAddition({ state, item_count: 0 }, 1);
      expect([state, judged]).toEqual([state, state === "DRAFT" ? undefined : "WAVE_INVALID_STATE"]);
    }
    expect(judgeAddition({ state: "DRAFT", item_count: MOST_ITEMS - 5 }, 5)).toBeUndefined();
    expect(judgeAddition({ state: "DRAFT", item_count: MOST_ITEMS - 5 }, 6)).toBe("WAVE_FULL");
    expect(MOST_ITEMS).toBe(100_000);
  });
});

const NONE = {
  item_count: 4,
  ready_count: 0,
  pending_review_count: 0,
  blocked_count: 0,
  failed_count: 0,
  cancelled_count: 0,
  settled_at: null,
};
/** All four have ended, each in another way. */
const ALL = { ...NONE, ready_count: 1, pending_review_count: 1, blocked_count: 1, failed_count: 1 };

describe("what follows by itself when the last item has ended", () => {
  it.each(WaveState.options.map((state) => ({ state })))("in $state", ({ state }) => {
    const EXPECTED: Partial<Record<WaveState, string>> = {
      RUNNING: "COMPLETED_WITH_FAILURES COMPLETED_WITH_FAILURES",
      CANCELLED: "SETTLED CANCELLED",
    };
    const move = moveWhenOver({ ...ALL, state });
    expect(move && `${move.event} ${move.to}`).toBe(EXPECTED[state]);
  });

  it("is COMPLETED where none has failed", () => {
    const wave = { ...ALL, ready_count: 2, failed_count: 0, state: "RUNNING" as const };
    expect(moveWhenOver(wave)).toEqual({ event: "COMPLETED", to: "COMPLETED" });
  });

  it("is nothing while one has not, nor a second time", () => {
    for (const state of WaveState.options) {
      expect(moveWhenOver({ ...ALL, ready_count: 0, state })).toBeUndefined();
      expect(moveWhenOver({ ...ALL, settled_at: "2026-01-01T00:00:00.000Z", state })).toBeUndefined();
    }
  });
});

import { describe, expect, it } from "vitest";
import { csvLine } from "../../../src/features/waves/core/items.ts";
import { countsOf, progressOf, summaryOf } from "../../../src/features/waves/core/wave.ts";
import type { ItemRow } from "../../../src/features/waves/repository/items.ts";
import type { WaveRow } from "../../../src/features/waves/repository/waves.ts";

const WAVE: WaveRow = {
  wave_id: "rw_1",
  wave_name: "w",
  created_by: "desk.kim",
  authenticated_subject: null,
  correlation_id: "c",
  created_at: "2026-01-01T00:00:00.000Z",
  policy_pack_id: null,
  policy_pack_version: null,
  policy_pack_revision: null,
  is_pack_missing: false,
  default_rules_version: "1",
  shared_hash: "sha256:0",
  state: "RUNNING",
  item_count: 10_001,
  ready_count: 7_000,
  pending_review_count: 2_000,
  blocked_count: 900,
  failed_count: 70,
  cancelled_count: 30,
  last_event_no: 2,
  last_event_hash: "sha256:1",
  last_event_at: "2026-01-01T00:00:10.000Z",
  running_since: "2026-01-01T00:00:10.000Z",
  ended_before: 5_000,
  settled_at: null,
};
const NOW = "2026-01-01T00:00:20.000Z";

describe("how far a wave is", () => {
  it("is counted by item and by run; what has not ended and is not under way is pending", () => {
    expect(countsOf({ ...WAVE, ready_count: 6_000 }, 40)).toEqual({
      total: 10_001,
      items: { PENDING: 961, RUNNING: 40, SUCCEEDED: 8_900, FAILED: 70, CANCELLED: 30 },
      runs: { READY: 6_000, PENDING_REVIEW: 2_000, BLOCKED: 900 },
    });
  });

  it("is 1 only when all have ended", () => {
    expect(progressOf(WAVE)).toBe("0.9999");
    expect(progressOf({ ...WAVE, ready_count: 7_001 })).toBe("1");
    expect(progressOf({ ...WAVE, item_count: 0, ready_count: 0 })).toBe("0");
  });

  it("tells the rate since it last began to run, and what is left by it", () => {
    const shown = summaryOf({ ...WAVE, ready_count: 6_000 }, 0, NOW);
    expect([shown.items_per_second, shown.seconds_left]).toEqual(["400", 3]);
  });

  it("tells no time left of a wave that does not run, and no rate of one that never did", () => {
    expect(summaryOf({ ...WAVE, state: "PAUSED" }, 0, NOW).seconds_left).toBeNull();
    const draft = summaryOf({ ...WAVE, state: "DRAFT", running_since: null }, 0, NOW);
    expect([draft.items_per_second, draft.seconds_left]).toEqual([null, null]);
  });
});

describe("a line of the file of items", () => {
  const item: ItemRow = {
    item_key: 'a "b", c',
    portfolio_id: "pf",
    status: "FAILED",
    rebalance_run_id: null,
    run_status: null,
    error_code: "X",
    error_message: "two\nlines",
    errors_text: null,
    attempt: 2,
    started_at: NOW,
    finished_at: null,
  };

  it("quotes what would break it", () => {
    expect(csvLine(item)).toBe(`"a ""b"", c",pf,FAILED,,,X,"two\nlines",,2,${NOW},\r\n`);
  });

  it("shows an error of what has failed alone: another attempt follows the others", () => {
    expect(csvLine({ ...item, status: "PENDING" })).toBe(`"a ""b"", c",pf,PENDING,,,,,,2,${NOW},\r\n`);
  });
});

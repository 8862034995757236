import type { StoredWave } from "../../src/features/reports/core/wave-report.ts";
import type { WaveEventRow } from "../../src/features/waves/core/event.ts";
import type { ItemRow } from "../../src/features/waves/repository/items.ts";
import type { TotalRow } from "../../src/features/waves/repository/totals.ts";
import type { WaveRow } from "../../src/features/waves/repository/waves.ts";

const hash = (digit: string): string => `sha256:${digit.repeat(64)}`;

/** A wave of a hundred portfolios, one of which failed. */
export function waveRow(change: Partial<WaveRow> = {}): WaveRow {
  return {
    wave_id: `rw_${"1".repeat(32)}`,
    wave_name: "Model change of November",
    created_by: "desk.kim",
    authenticated_subject: null,
    correlation_id: "corr_wave",
    created_at: "2026-11-30T08:00:00.000Z",
    policy_pack_id: "cautious",
    policy_pack_version: "7",
    policy_pack_revision: 2,
    is_pack_missing: false,
    default_rules_version: "1",
    shared_hash: hash("a"),
    state: "COMPLETED_WITH_FAILURES",
    last_event_no: 3,
    last_event_hash: hash("b"),
    last_event_at: "2026-11-30T08:00:11.000Z",
    item_count: 100,
    ready_count: 80,
    pending_review_count: 15,
    blocked_count: 4,
    failed_count: 1,
    cancelled_count: 0,
    running_since: "2026-11-30T08:00:01.000Z",
    ended_before: 0,
    settled_at: "2026-11-30T08:00:11.000Z",
    ...change,
  };
}

export function waveTotal(
  change: Pick<TotalRow, "measure" | "currency" | "amount"> & Partial<TotalRow>,
): TotalRow {
  return { label: "", quantity: "0", count: 1, ...change };
}

const TOTALS: readonly TotalRow[] = [
  waveTotal({ measure: "CASH_AFTER", currency: "EUR", amount: "0.000000" }),
  waveTotal({ measure: "CASH_AFTER", currency: "USD", amount: "1500.25" }),
  waveTotal({ measure: "CASH_BEFORE", currency: "EUR", amount: "-20" }),
  waveTotal({ measure: "CASH_BEFORE", currency: "USD", amount: "9000" }),
  waveTotal({ measure: "FX_BOUGHT", currency: "EUR", amount: "20" }),
  waveTotal({ measure: "FX_SOLD", currency: "USD", amount: "25" }),
  waveTotal({ measure: "REALIZED_GAIN", currency: "USD", amount: "12.5" }),
  waveTotal({ measure: "REALIZED_LOSS", currency: "USD", amount: "0" }),
  waveTotal({ measure: "TURNOVER", currency: "USD", amount: "10450.75" }),
  waveTotal({ measure: "BUY", label: "EQ_1", currency: "USD", amount: "9000", quantity: "900", count: 60 }),
  waveTotal({ measure: "SELL", label: "EQ_2", currency: "USD", amount: "1450.75", quantity: "7", count: 3 }),
];

export function failedItem(change: Partial<ItemRow> = {}): ItemRow {
  return {
    item_key: "pf-00007",
    portfolio_id: "pf-00007",
    status: "FAILED",
    rebalance_run_id: null,
    run_status: null,
    error_code: "VALIDATION_FAILED",
    error_message: "the portfolio is not as the contract wants it",
    errors_text: JSON.stringify([
      {
        code: "DECIMAL",
        loc: ["body", "portfolio_snapshot", "positions", 0, "quantity"],
        msg: "must be a number",
      },
    ]),
    attempt: 1,
    started_at: "2026-11-30T08:00:02.000Z",
    finished_at: "2026-11-30T08:00:03.000Z",
    ...change,
  };
}

export function waveEvent(
  change: Partial<WaveEventRow> & Pick<WaveEventRow, "event_no" | "event_type">,
): WaveEventRow {
  return {
    wave_id: `rw_${"1".repeat(32)}`,
    event_id: `rwe_${"2".repeat(32)}`,
    from_state: "DRAFT",
    to_state: "RUNNING",
    actor_id: "desk.lee",
    authenticated_subject: null,
    occurred_at: "2026-11-30T08:00:01.000Z",
    correlation_id: "corr_wave",
    reason: null,
    counts_text: "{}",
    wave_hash: null,
    portfolios_hash: null,
    items_hash: null,
    hash_version: 1,
    previous_hash: hash("c"),
    event_hash: hash("d"),
    ...change,
  };
}

const EVENTS: readonly WaveEventRow[] = [
  waveEvent({ event_no: 1, event_type: "CREATED", from_state: null, to_state: "DRAFT" }),
  waveEvent({ event_no: 2, event_type: "STARTED", reason: "model change" }),
  waveEvent({
    event_no: 3,
    event_type: "COMPLETED_WITH_FAILURES",
    from_state: "RUNNING",
    to_state: "COMPLETED_WITH_FAILURES",
    actor_id: null,
    items_hash: hash("e"),
  }),
];

export function storedWave(wave: Partial<WaveRow> = {}, change: Partial<StoredWave> = {}): StoredWave {
  return {
    view: { wave: waveRow(wave), running: 0, totals: TOTALS, asOf: "2026-11-30T08:15:30.000Z" },
    failed: [failedItem()],
    events: EVENTS,
    verification: { valid: true, checked: { events: 3, items: 100, runs: 99 }, failures: [] },
    ...change,
  };
}

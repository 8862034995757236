import { decimal } from "../../../decimal/decimal.ts";
import { toText } from "../../../decimal/text.ts";
import { canonicalJson } from "../../../platform/json/canonical-json.ts";
import { joinObject } from "../../../platform/json/join-json.ts";
import type { TotalRow } from "../repository/totals.ts";
import type { WaveRow } from "../repository/waves.ts";
import type { WaveAggregates, WaveCounts, WaveSummary } from "../schemas.ts";
import type { WaveEventRow } from "./event.ts";
import { endedOf, succeededOf, type Ended } from "./states.ts";
import type { WaveMeasure } from "./totals.ts";

/** The items by status and the runs by theirs. What has not ended and is not under way is pending. */
export function countsOf(wave: Ended, running: number): WaveCounts {
  return {
    total: wave.item_count,
    items: {
      PENDING: wave.item_count - endedOf(wave) - running,
      RUNNING: running,
      SUCCEEDED: succeededOf(wave),
      FAILED: wave.failed_count,
      CANCELLED: wave.cancelled_count,
    },
    runs: {
      READY: wave.ready_count,
      PENDING_REVIEW: wave.pending_review_count,
      BLOCKED: wave.blocked_count,
    },
  };
}

const SHARES = 10_000;
const RATE_DECIMALS = 100;

/** The share of items that have ended, cut to four decimals: 1 only when all have. A wave without any has 0. */
export function progressOf(wave: Ended): string {
  if (wave.item_count === 0) return "0";
  return String(Math.floor((endedOf(wave) * SHARES) / wave.item_count) / SHARES);
}

/** How many items end in a second, since it last began to run; null where it never did. */
export function rateOf(wave: WaveRow, now: string): number | null {
  if (wave.running_since === null) return null;
  const until = wave.state === "RUNNING" ? now : wave.last_event_at;
  const seconds = (Date.parse(until) - Date.parse(wave.running_since)) / 1_000;
  return seconds <= 0 ? null : (endedOf(wave) - wave.ended_before) / seconds;
}

function rateText(rate: number | null): string | null {
  return rate === null ? null : String(Math.max(0, Math.round(rate * RATE_DECIMALS)) / RATE_DECIMALS);
}

function secondsLeft(wave: WaveRow, rate: number | null): number | null {
  if (wave.state !== "RUNNING" || rate === null || rate <= 0) return null;
  return Math.ceil((wave.item_count - endedOf(wave)) / rate);
}

export function summaryOf(wave: WaveRow, running: number, now: string): WaveSummary {
  const rate = rateOf(wave, now);
  return {
    wave_id: wave.wave_id,
    wave_name: wave.wave_name,
    state: wave.state,
    created_by: wave.created_by,
    authenticated_subject: wave.authenticated_subject,
    created_at: wave.created_at,
    correlation_id: wave.correlation_id,
    policy_pack_id: wave.policy_pack_id,
    policy_pack_version: wave.policy_pack_version,
    last_event_at: wave.last_event_at,
    counts: countsOf(wave, running),
    progress: progressOf(wave),
    items_per_second: rateText(rate),
    seconds_left: secondsLeft(wave, rate),
  };
}

/** All that there is to say of a wave, as of one moment. */
export type WaveView = {
  readonly wave: WaveRow;
  readonly running: number;
  readonly totals: readonly TotalRow[];
  readonly asOf: string;
};

export function waveText({ wave, running, totals, asOf }: WaveView): string {
  return canonicalJson({
    ...summaryOf(wave, running, asOf),
    shared_hash: wave.shared_hash,
    aggregates: aggregatesOf(totals),
    as_of: asOf,
  });
}

function aggregatesOf(totals: readonly TotalRow[]): WaveAggregates {
  const sums = (measure: WaveMeasure) =>
    totals
      .filter((total) => total.measure === measure)
      .map(({ amount, currency }) => ({ amount: canonicalDecimal(amount), currency }));
  return {
    turnover: sums("TURNOVER"),
    realized_gains: sums("REALIZED_GAIN"),
    realized_losses: sums("REALIZED_LOSS"),
    fx_bought: sums("FX_BOUGHT"),
    fx_sold: sums("FX_SOLD"),
    cash_before: sums("CASH_BEFORE"),
    cash_after: sums("CASH_AFTER"),
    trades: totals.flatMap(({ measure, label, currency, amount, quantity, count }) =>
      measure === "BUY" || measure === "SELL"
        ? [
            {
              side: measure,
              instrument_id: label,
              count,
              quantity: canonicalDecimal(quantity),
              notional_base: { amount: canonicalDecimal(amount), currency },
            },
          ]
        : [],
    ),
  };
}

/** PostgreSQL keeps the zeros that a sum ends in. */
function canonicalDecimal(text: string): string {
  return toText(decimal(text));
}

/** An event as it is shown. */
export function eventText(event: WaveEventRow): string {
  return joinObject({
    event_id: canonicalJson(event.event_id),
    event_no: canonicalJson(event.event_no),
    event_type: canonicalJson(event.event_type),
    from_state: canonicalJson(event.from_state),
    to_state: canonicalJson(event.to_state),
    actor_id: canonicalJson(event.actor_id),
    authenticated_subject: canonicalJson(event.authenticated_subject),
    occurred_at: canonicalJson(event.occurred_at),
    correlation_id: canonicalJson(event.correlation_id),
    reason: canonicalJson(event.reason),
    counts: event.counts_text,
    items_hash: canonicalJson(event.items_hash),
    event_hash: canonicalJson(event.event_hash),
  });
}

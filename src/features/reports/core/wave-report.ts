import * as z from "zod";
import { decimal, negate, ZERO, type Decimal } from "../../../decimal/decimal.ts";
import type { WaveEventRow } from "../../waves/core/event.ts";
import { progressOf, summaryOf, type WaveView } from "../../waves/core/wave.ts";
import type { WaveMeasure } from "../../waves/core/totals.ts";
import type { ItemRow } from "../../waves/repository/items.ts";
import type { TotalRow } from "../../waves/repository/totals.ts";
import type { WaveCounts } from "../../waves/schemas.ts";
import type { Evidence, HistoryItem, Verification } from "./report.ts";
import { readStoredPart, type Money } from "./stored.ts";

/** What the report of a wave says, before it is put into the words and numbers of a language. */
export type WaveReport = {
  readonly head: WaveHead;
  readonly progress: WaveProgress;
  /** By currency, in the order of their codes. */
  readonly cash: readonly CurrencyCash[];
  readonly results: readonly CurrencyResults[];
  readonly trades: readonly WaveTrade[];
  readonly failures: WaveFailures;
  readonly history: readonly HistoryItem[];
  readonly evidence: Evidence;
};

/** Texts of callers are as they were sent. */
export type WaveHead = {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly policyPack: { readonly id: string; readonly version: string } | null;
  readonly lastEventAt: string;
  /** All that is told was so at this moment. */
  readonly reportedAt: string;
};

export type WaveProgress = {
  readonly counts: WaveCounts;
  /** Of the items that have ended, 0 to 1. */
  readonly share: Decimal;
  readonly itemsPerSecond: Decimal | null;
  readonly secondsLeft: number | null;
};

/** What all portfolios hold of a currency, and what is exchanged for it. */
export type CurrencyCash = {
  readonly currency: string;
  readonly before: Decimal;
  readonly after: Decimal;
  readonly bought: Decimal;
  readonly sold: Decimal;
};

/** The sums of the portfolios that have this base currency. */
export type CurrencyResults = {
  readonly turnover: Money;
  /** Null: tax was calculated for none of them. */
  readonly gains: Money | null;
  readonly losses: Money | null;
};

/** The trades of all portfolios in one instrument and one direction. */
export type WaveTrade = {
  readonly instrumentId: string;
  readonly side: "BUY" | "SELL";
  readonly count: number;
  readonly quantity: Decimal;
  readonly notionalBase: Money;
  /** The same with a minus for sales: what a chart shows. */
  readonly change: Decimal;
};

export type WaveFailures = {
  /** The first of them, by their keys. */
  readonly items: readonly {
    readonly key: string;
    readonly portfolioId: string | null;
    readonly code: string;
    readonly message: string;
    /** The first that is wrong with the portfolio; null where that is not why it failed. */
    readonly fault: { readonly place: string; readonly message: string } | null;
    readonly attempts: number;
  }[];
  readonly count: number;
};

/** What is stored of a wave. */
export type StoredWave = {
  readonly view: WaveView;
  /** The first that failed, by their keys. */
  readonly failed: readonly ItemRow[];
  /** Oldest first. */
  readonly events: readonly WaveEventRow[];
  /** Null: it is not over. */
  readonly verification: Verification | null;
};

/** Pure. */
export function waveReport({ view, failed, events, verification }: StoredWave): WaveReport {
  const { wave, running, totals, asOf } = view;
  const summary = summaryOf(wave, running, asOf);
  return {
    head: {
      id: wave.wave_id,
      name: wave.wave_name,
      state: wave.state,
      createdBy: wave.created_by,
      createdAt: wave.created_at,
      policyPack: packOf(wave.policy_pack_id, wave.policy_pack_version),
      lastEventAt: wave.last_event_at,
      reportedAt: asOf,
    },
    progress: {
      counts: summary.counts,
      share: decimal(progressOf(wave)),
      itemsPerSecond: summary.items_per_second === null ? null : decimal(summary.items_per_second),
      secondsLeft: summary.seconds_left,
    },
    cash: cashOf(totals),
    results: resultsOf(totals),
    trades: tradesOf(totals),
    failures: { items: failed.map(failureOf), count: wave.failed_count },
    history: events.map(historyItem),
    evidence: evidenceOf(view, events, verification),
  };
}

function packOf(id: string | null, version: string | null): WaveHead["policyPack"] {
  return id === null || version === null ? null : { id, version };
}

const CASH: readonly WaveMeasure[] = ["CASH_BEFORE", "CASH_AFTER", "FX_BOUGHT", "FX_SOLD"];

function cashOf(totals: readonly TotalRow[]): CurrencyCash[] {
  const sum = sumsOf(totals);
  return currenciesOf(totals, CASH).map((currency) => ({
    currency,
    before: sum("CASH_BEFORE", currency) ?? ZERO,
    after: sum("CASH_AFTER", currency) ?? ZERO,
    bought: sum("FX_BOUGHT", currency) ?? ZERO,
    sold: sum("FX_SOLD", currency) ?? ZERO,
  }));
}

const RESULTS: readonly WaveMeasure[] = ["TURNOVER", "REALIZED_GAIN", "REALIZED_LOSS"];

function resultsOf(totals: readonly TotalRow[]): CurrencyResults[] {
  const sum = sumsOf(totals);
  return currenciesOf(totals, RESULTS).map((currency) => {
    const money = (measure: WaveMeasure): Money | null => {
      const amount = sum(measure, currency);
      return amount === undefined ? null : { amount, currency };
    };
    return {
      turnover: money("TURNOVER") ?? { amount: ZERO, currency },
      gains: money("REALIZED_GAIN"),
      losses: money("REALIZED_LOSS"),
    };
  });
}

/** One row is the sum of one measure in one currency, but for trades. */
function sumsOf(totals: readonly TotalRow[]) {
  const sums = new Map(totals.map(({ measure, currency, amount }) => [nameOf(measure, currency), amount]));
  return (measure: WaveMeasure, currency: string): Decimal | undefined => {
    const amount = sums.get(nameOf(measure, currency));
    return amount === undefined ? undefined : decimal(amount);
  };
}

const nameOf = (measure: WaveMeasure, currency: string): string => `${measure} ${currency}`;

function currenciesOf(totals: readonly TotalRow[], measures: readonly WaveMeasure[]): string[] {
  const among = totals.filter(({ measure }) => measures.includes(measure));
  return [...new Set(among.map(({ currency }) => currency))].sort();
}

function tradesOf(totals: readonly TotalRow[]): WaveTrade[] {
  return totals.flatMap(({ measure: side, label: instrumentId, currency, amount, quantity, count }) => {
    if (side !== "BUY" && side !== "SELL") return [];
    const notionalBase = { amount: decimal(amount), currency };
    const change = side === "BUY" ? notionalBase.amount : negate(notionalBase.amount);
    return [{ instrumentId, side, count, quantity: decimal(quantity), notionalBase, change }];
  });
}

function failureOf(item: ItemRow): WaveFailures["items"][number] {
  return {
    key: item.item_key,
    portfolioId: item.portfolio_id,
    code: item.error_code ?? "",
    message: item.error_message ?? "",
    fault: firstFaultOf(item.errors_text),
    attempts: item.attempt,
  };
}

const StoredFaults = z.array(z.object({ loc: z.array(z.union([z.string(), z.number()])), msg: z.string() }));

function firstFaultOf(errorsText: string | null): WaveFailures["items"][number]["fault"] {
  const faults = errorsText === null ? undefined : readStoredPart(StoredFaults, errorsText);
  const [first] = faults ?? [];
  if (first === undefined) return null;
  // All of them are in the body.
  const [part, ...path] = first.loc;
  return { place: (part === "body" ? path : first.loc).join("."), message: first.msg };
}

function historyItem(event: WaveEventRow): HistoryItem {
  const { actor_id: actor, authenticated_subject: subject, reason } = event;
  return {
    event: event.event_type,
    from: event.from_state,
    to: event.to_state,
    person: actor === null ? null : { actor, subject },
    versionNo: null,
    at: event.occurred_at,
    details: reason === null ? [] : [{ name: "reason", text: reason }],
    waived: [],
  };
}

function evidenceOf(
  { wave }: WaveView,
  events: readonly WaveEventRow[],
  verification: Verification | null,
): Evidence {
  const itemsHash = wave.settled_at === null ? null : (events.at(-1)?.items_hash ?? null);
  return {
    ids: [
      { name: "wave_id", value: wave.wave_id },
      { name: "correlation_id", value: wave.correlation_id },
    ],
    hashes: [
      { name: "shared_hash", value: wave.shared_hash },
      ...(itemsHash === null ? [] : [{ name: "items_hash", value: itemsHash }]),
      { name: "last_event_hash", value: wave.last_event_hash },
    ],
    engineVersion: null,
    verification,
  };
}

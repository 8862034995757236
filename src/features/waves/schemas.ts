import * as z from "zod";
import { MarketDataSnapshot } from "../../contract/market-data.ts";
import { ModelPortfolio } from "../../contract/model.ts";
import { MoneyText } from "../../contract/money.ts";
import { EngineOptions } from "../../contract/options.ts";
import { Side } from "../../contract/intents.ts";
import { pageOf } from "../../contract/page.ts";
import { actorName, actorNameOrNone } from "../../contract/person.ts";
import { ProblemEntry } from "../../contract/problem.ts";
import { PortfolioSnapshot } from "../../contract/portfolio.ts";
import { RunStatus } from "../../contract/rules.ts";
import { DecimalText, Hash, identifier, text, Timestamp } from "../../contract/scalars.ts";
import { ShelfEntries } from "../../contract/shelf.ts";
import { listOf, wireObject } from "../../contract/wire.ts";

export const WaveState = z
  .enum(["DRAFT", "RUNNING", "PAUSED", "COMPLETED", "COMPLETED_WITH_FAILURES", "CANCELLED"])
  .meta({ id: "WaveState", description: "Where a wave stands." });
export type WaveState = z.output<typeof WaveState>;

export const WaveItemStatus = z
  .enum(["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"])
  .meta({ id: "WaveItemStatus", description: "How far an item of a wave is." });
export type WaveItemStatus = z.output<typeof WaveItemStatus>;

export const WaveEventType = z
  .enum([
    "CREATED",
    "PORTFOLIOS_ADDED",
    "STARTED",
    "PAUSED",
    "RESUMED",
    "CANCELLED",
    "SETTLED",
    "COMPLETED",
    "COMPLETED_WITH_FAILURES",
    "FAILED_RETRIED",
  ])
  .meta({
    id: "WaveEventType",
    description: "What happened to a wave. SETTLED: nothing of a cancelled one is under way any more.",
  });
export type WaveEventType = z.output<typeof WaveEventType>;

/** What every portfolio of a wave is rebalanced against. */
export const WaveShared = wireObject({
  market_data_snapshot: MarketDataSnapshot,
  model_portfolio: ModelPortfolio,
  shelf_entries: ShelfEntries,
  options: EngineOptions,
}).meta({ id: "WaveShared", description: "What every portfolio of a wave is rebalanced against." });
export type WaveShared = z.output<typeof WaveShared>;

/** A wave without its portfolios, which are read one by one. */
export const WaveHead = wireObject({ wave_name: identifier, created_by: actorName, shared: WaveShared });
export type WaveHead = z.output<typeof WaveHead>;

export const MOST_PORTFOLIOS = 5_000;

/** What a portfolio brings of its own. */
export const portfolioFields = {
  portfolio_snapshot: PortfolioSnapshot,
  model_portfolio: ModelPortfolio.optional(),
  options: EngineOptions.optional(),
};

export const WavePortfolio = wireObject({ item_key: identifier.optional(), ...portfolioFields }).meta({
  id: "WavePortfolio",
  description:
    "`item_key`: the portfolio id where it is left out. `model_portfolio` stands in the place of the shared one; of `options`, those that are given in the place of the shared ones.",
});

export const WaveCreateRequest = wireObject({
  ...WaveHead.shape,
  portfolios: listOf(WavePortfolio, MOST_PORTFOLIOS).default([]),
}).meta({ id: "WaveCreateRequest", description: "A wave, with as many of its portfolios as are at hand." });

export const WavePortfoliosRequest = wireObject({
  portfolios: listOf(WavePortfolio, MOST_PORTFOLIOS),
}).meta({ id: "WavePortfoliosRequest", description: "Portfolios for a wave in DRAFT." });

export const WaveActionRequest = wireObject({
  actor_id: actorNameOrNone,
  reason: text.nullable().default(null),
}).meta({ id: "WaveActionRequest", description: "Who acts, and why." });
export type WaveActionRequest = z.output<typeof WaveActionRequest>;

const WaveItemCounts = z
  .strictObject({
    PENDING: z.int(),
    RUNNING: z.int(),
    SUCCEEDED: z.int(),
    FAILED: z.int(),
    CANCELLED: z.int(),
  })
  .meta({ id: "WaveItemCounts", description: "How many items of a wave have which status." });

const WaveRunCounts = z
  .strictObject({ READY: z.int(), PENDING_REVIEW: z.int(), BLOCKED: z.int() })
  .meta({ id: "WaveRunCounts", description: "How many runs of a wave have which status." });

export const WaveCounts = z
  .strictObject({ total: z.int(), items: WaveItemCounts, runs: WaveRunCounts })
  .meta({ id: "WaveCounts", description: "The items of a wave at one moment." });
export type WaveCounts = z.output<typeof WaveCounts>;

const WaveTrade = z
  .strictObject({
    side: Side,
    instrument_id: z.string(),
    count: z.int(),
    quantity: DecimalText,
    notional_base: MoneyText,
  })
  .meta({ id: "WaveTrade", description: "What the portfolios of a wave buy or sell of one instrument." });

const sums = z.array(MoneyText);

export const WaveAggregates = z
  .strictObject({
    turnover: sums,
    realized_gains: sums,
    realized_losses: sums,
    fx_bought: sums,
    fx_sold: sums,
    cash_before: sums,
    cash_after: sums,
    trades: z
      .array(WaveTrade)
      .meta({ description: "The 50 largest, by what they come to in base currency." }),
  })
  .meta({ id: "WaveAggregates", description: "Sums over the runs that were made, by currency, exact." });
export type WaveAggregates = z.output<typeof WaveAggregates>;

export const WaveEvent = z
  .strictObject({
    event_id: z.string(),
    event_no: z.int(),
    event_type: WaveEventType,
    from_state: WaveState.nullable(),
    to_state: WaveState,
    actor_id: z
      .string()
      .nullable()
      .meta({ description: "Null: nobody was named, or the work itself came to its end." }),
    authenticated_subject: z.string().nullable(),
    occurred_at: Timestamp,
    correlation_id: z.string(),
    reason: z.string().nullable(),
    counts: WaveCounts,
    items_hash: Hash.nullable(),
    event_hash: Hash,
  })
  .meta({ id: "WaveEvent", description: "A step in the history of a wave." });

const waveFields = {
  wave_id: z.string(),
  wave_name: z.string(),
  state: WaveState,
  created_by: z.string(),
  authenticated_subject: z.string().nullable(),
  created_at: Timestamp,
  correlation_id: z.string(),
  policy_pack_id: z.string().nullable(),
  policy_pack_version: z.string().nullable(),
  last_event_at: Timestamp,
  counts: WaveCounts,
  progress: DecimalText.meta({
    description: "The share of items that have ended, 0 to 1, cut to four decimals.",
  }),
  items_per_second: DecimalText.nullable().meta({
    description: "Since it was last started, resumed or retried.",
  }),
  seconds_left: z
    .int()
    .nullable()
    .meta({ description: "An estimate by that rate; null where it does not run." }),
};

export const WaveSummary = z
  .strictObject(waveFields)
  .meta({ id: "WaveSummary", description: "How far a wave is." });
export type WaveSummary = z.output<typeof WaveSummary>;

export const WaveResponse = z
  .strictObject({
    ...waveFields,
    shared_hash: Hash,
    aggregates: WaveAggregates,
    as_of: Timestamp.meta({ description: "All that is shown was so at this moment." }),
  })
  .meta({ id: "WaveResponse", description: "How far a wave is, and what it has come to." });
export type WaveResponse = z.output<typeof WaveResponse>;

export const WaveListResponse = pageOf(WaveSummary).meta({
  id: "WaveListResponse",
  description: "One page of waves, newest first.",
});

const WaveItemError = z
  .strictObject({
    code: z.string(),
    message: z.string(),
    errors: z.array(ProblemEntry).nullable(),
  })
  .meta({
    id: "WaveItemError",
    description:
      "`errors`: what is wrong with the portfolio, each at its place as if it had been sent alone.",
  });

export const WaveItem = z
  .strictObject({
    item_key: z.string(),
    portfolio_id: z.string().nullable(),
    status: WaveItemStatus,
    rebalance_run_id: z.string().nullable(),
    run_status: RunStatus.nullable(),
    error: WaveItemError.nullable(),
    attempts: z.int(),
    started_at: Timestamp.nullable(),
    finished_at: Timestamp.nullable(),
  })
  .meta({ id: "WaveItem", description: "A portfolio of a wave, and what it has come to." });
export type WaveItem = z.output<typeof WaveItem>;

export const WaveItemListResponse = pageOf(WaveItem).meta({
  id: "WaveItemListResponse",
  description: "One page of items, in the order of their keys.",
});
export const WaveEventListResponse = pageOf(WaveEvent).meta({
  id: "WaveEventListResponse",
  description: "One page of the history of a wave, oldest first.",
});

const WaveRecordKind = z.enum(["wave", "event", "items", "item", "portfolio", "run"]).meta({
  id: "WaveRecordKind",
  description: "The kinds of records of a wave; `items`: all of them together.",
});

const WaveVerificationCounts = z
  .strictObject({ events: z.int(), items: z.int(), runs: z.int() })
  .meta({ id: "WaveVerificationCounts", description: "How many records of each kind were looked at." });

export const WaveVerificationFailure = z
  .strictObject({
    kind: WaveRecordKind,
    id: z.string(),
    reason: z.string(),
  })
  .meta({ id: "WaveVerificationFailure", description: "Something of a wave that does not hold." });
export type WaveVerificationFailure = z.output<typeof WaveVerificationFailure>;

export const WaveVerificationResponse = z
  .strictObject({
    wave_id: z.string(),
    valid: z.boolean(),
    checked: WaveVerificationCounts,
    items_hash: Hash.nullable().meta({
      description: "Recomputed over all items; null while the wave is not over.",
    }),
    failures: z.array(WaveVerificationFailure),
  })
  .meta({ id: "WaveVerificationResponse", description: "Whether a wave is as it was written." });

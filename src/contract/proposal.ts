import * as z from "zod";
import { isDecimal, isPositive, type Decimal } from "../decimal/decimal.ts";
import { DiagnosticsData } from "./diagnostics.ts";
import { DriftAnalysis } from "./drift.ts";
import { GateDecision } from "./gate.ts";
import { CashFlowIntent, FxSpotIntent, SecurityTradeIntent, Side } from "./intents.ts";
import { LineageData } from "./lineage-data.ts";
import { MarketDataSnapshot } from "./market-data.ts";
import { EngineOptions } from "./options.ts";
import { PortfolioSnapshot } from "./portfolio.ts";
import { Reconciliation, RuleResult, RunStatus } from "./rules.ts";
import {
  currency,
  decimal,
  decimalOrWholeNumber,
  identifier,
  PositiveQuantityInput,
  text,
} from "./scalars.ts";
import { ShelfEntries } from "./shelf.ts";
import { SimulatedState } from "./state.ts";
import { SuitabilityResult } from "./suitability.ts";
import {
  isJsonObject,
  listOf,
  refusal,
  refusalOfParent,
  ruleOnAnything,
  wireObject,
  type Refusal,
} from "./wire.ts";

/** Leads every refusal of a trade or cash flow that cannot be meant. */
export const PROPOSAL_INVALID_TRADE_INPUT = "PROPOSAL_INVALID_TRADE_INPUT";

function invalidTrade(reason: string): Refusal {
  return refusal(PROPOSAL_INVALID_TRADE_INPUT, `${PROPOSAL_INVALID_TRADE_INPUT}: ${reason}`);
}

const FRACTION = invalidTrade("a JSON number must be whole; write a fraction as a text");
const FRACTION_IN_NOTIONAL = refusalOfParent(FRACTION.code, FRACTION.message);
const MOST_TARGETS = 5_000;
const ONE_OF_TWO = invalidTrade("a trade needs exactly one of quantity and notional");
const NOTIONAL_NOT_POSITIVE = invalidTrade("notional.amount must be above 0");
const QUANTITY_NOT_POSITIVE = refusal("OUT_OF_RANGE", "must be above 0");

function quantityIsPositive(quantity: Decimal): Refusal | undefined {
  return isPositive(quantity) ? undefined : QUANTITY_NOT_POSITIVE;
}

export const ProposedCashFlow = wireObject({
  intent_type: z.literal("CASH_FLOW").default("CASH_FLOW"),
  currency,
  amount: decimalOrWholeNumber(FRACTION, () => undefined),
  description: text.nullable().default(null),
}).meta({ id: "ProposedCashFlow", description: "Money that the client puts in or takes out." });
export type ProposedCashFlow = z.output<typeof ProposedCashFlow>;

const ProposedNotional = wireObject({
  amount: decimalOrWholeNumber(FRACTION_IN_NOTIONAL, () => undefined, PositiveQuantityInput),
  currency,
}).meta({ id: "ProposedNotional", description: "For how much money to trade." });

function isSent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function judgeTrade({ quantity, notional }: Record<string, unknown>): Refusal[] {
  const refusals: Refusal[] = [];
  if (isSent(quantity) === isSent(notional)) refusals.push(ONE_OF_TWO);
  const amount = isJsonObject(notional) ? notional["amount"] : undefined;
  if (isDecimal(amount) && !isPositive(amount)) refusals.push(NOTIONAL_NOT_POSITIVE);
  return refusals;
}

/** An advisor's trade: so many units, or for so much money. */
export const ProposedTrade = wireObject({
  intent_type: z.literal("SECURITY_TRADE").default("SECURITY_TRADE"),
  side: Side,
  instrument_id: identifier,
  quantity: decimalOrWholeNumber(FRACTION, quantityIsPositive, PositiveQuantityInput)
    .nullable()
    .default(null),
  notional: ProposedNotional.nullable().default(null),
})
  .check(ruleOnAnything(judgeTrade))
  .meta({
    id: "ProposedTrade",
    description: "A trade that an advisor proposes: so many units, or for so much money.",
  });
export type ProposedTrade = z.output<typeof ProposedTrade>;

const ReferenceAssetClassTarget = wireObject({ asset_class: text, weight: decimal }).meta({
  id: "ReferenceAssetClassTarget",
  description: "The model's share of one asset class.",
});

const ReferenceInstrumentTarget = wireObject({ instrument_id: identifier, weight: decimal }).meta({
  id: "ReferenceInstrumentTarget",
  description: "The model's share of one instrument.",
});

/** The model that drift is measured against. */
export const ReferenceModel = wireObject({
  model_id: identifier,
  as_of: text,
  base_currency: currency,
  asset_class_targets: listOf(ReferenceAssetClassTarget, MOST_TARGETS).default([]),
  instrument_targets: listOf(ReferenceInstrumentTarget, MOST_TARGETS).default([]),
}).meta({ id: "ReferenceModel", description: "The model that drift is measured against." });
export type ReferenceModel = z.output<typeof ReferenceModel>;

export const ProposalSimulateRequest = wireObject({
  portfolio_snapshot: PortfolioSnapshot,
  market_data_snapshot: MarketDataSnapshot,
  shelf_entries: ShelfEntries,
  options: EngineOptions.prefault({}),
  proposed_cash_flows: z.array(ProposedCashFlow).default([]),
  proposed_trades: z.array(ProposedTrade).default([]),
  reference_model: ReferenceModel.nullable().default(null),
}).meta({
  id: "ProposalSimulateRequest",
  description: "A portfolio, and what an advisor proposes to do with it.",
});
export type ProposalSimulateRequest = z.output<typeof ProposalSimulateRequest>;

export const ProposalIntent = z
  .discriminatedUnion("intent_type", [CashFlowIntent, FxSpotIntent, SecurityTradeIntent])
  .meta({
    id: "ProposalIntent",
    description: "A cash flow, an FX trade or a security trade: `intent_type` says which.",
  });
export type ProposalIntent = z.output<typeof ProposalIntent>;

export const ProposalResult = z
  .strictObject({
    proposal_run_id: z.string(),
    correlation_id: z.string(),
    status: RunStatus,
    before: SimulatedState,
    intents: z.array(ProposalIntent),
    after_simulated: SimulatedState,
    reconciliation: Reconciliation.nullable(),
    rule_results: z.array(RuleResult),
    explanation: z.record(z.string(), z.unknown()),
    diagnostics: DiagnosticsData,
    drift_analysis: DriftAnalysis.nullable(),
    suitability: SuitabilityResult.nullable(),
    gate_decision: GateDecision.nullable(),
    lineage: LineageData,
  })
  .meta({ id: "ProposalResult", description: "What the advisor's cash flows and trades come to." });
export type ProposalResult = z.output<typeof ProposalResult>;

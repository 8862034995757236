import * as z from "zod";
import { MoneyText } from "./money.ts";
import { DecimalText } from "./scalars.ts";

/** A cash account in a state, echoed from the request. */
export const CashBalanceText = z
  .strictObject({
    currency: z.string(),
    amount: DecimalText,
    settled: DecimalText.nullable(),
    pending: DecimalText.nullable(),
  })
  .meta({
    id: "CashBalance",
    description: "A cash account of a state, as it came with the request or was changed by intents.",
  });
export type CashBalanceText = z.output<typeof CashBalanceText>;

/** `weight` has four decimals, half-even. */
export const AllocationMetric = z
  .strictObject({ key: z.string(), weight: DecimalText, value: MoneyText })
  .meta({ id: "AllocationMetric", description: "Value and share of one part of the portfolio." });
export type AllocationMetric = z.output<typeof AllocationMetric>;

export const PositionSummary = z
  .strictObject({
    instrument_id: z.string(),
    quantity: DecimalText,
    instrument_currency: z.string(),
    asset_class: z.string(),
    price: MoneyText.nullable(),
    value_in_instrument_ccy: MoneyText,
    value_in_base_ccy: MoneyText,
    weight: DecimalText,
  })
  .meta({ id: "PositionSummary", description: "A position as it was valued." });
export type PositionSummary = z.output<typeof PositionSummary>;

/** A portfolio as valued, before or after the simulated trades. */
export const SimulatedState = z
  .strictObject({
    total_value: MoneyText,
    cash_balances: z.array(CashBalanceText),
    positions: z.array(PositionSummary),
    allocation_by_asset_class: z.array(AllocationMetric),
    allocation_by_instrument: z.array(AllocationMetric),
    allocation: z.array(AllocationMetric),
    allocation_by_attribute: z.record(z.string(), z.array(AllocationMetric)),
  })
  .meta({
    id: "SimulatedState",
    description: "A portfolio as it was valued, before or after the simulated trades.",
  });
export type SimulatedState = z.output<typeof SimulatedState>;

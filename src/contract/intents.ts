import * as z from "zod";
import { MoneyText } from "./money.ts";
import { DecimalText } from "./scalars.ts";

export const Side = z.enum(["BUY", "SELL"]).meta({ id: "Side", description: "BUY or SELL." });
export type Side = z.output<typeof Side>;

export const IntentRationale = z
  .strictObject({ code: z.string(), message: z.string() })
  .meta({ id: "IntentRationale", description: "Why an intent is there." });
export type IntentRationale = z.output<typeof IntentRationale>;

export const SecurityTradeIntent = z
  .strictObject({
    intent_type: z.literal("SECURITY_TRADE"),
    intent_id: z.string(),
    instrument_id: z.string(),
    side: Side,
    quantity: DecimalText.nullable(),
    notional: MoneyText.nullable(),
    notional_base: MoneyText.nullable(),
    dependencies: z.array(z.string()),
    rationale: IntentRationale.nullable(),
    constraints_applied: z.array(z.string()),
  })
  .meta({ id: "SecurityTradeIntent", description: "A security that is bought or sold." });
export type SecurityTradeIntent = z.output<typeof SecurityTradeIntent>;

export const FxSpotIntent = z
  .strictObject({
    intent_type: z.literal("FX_SPOT"),
    intent_id: z.string(),
    pair: z.string(),
    buy_currency: z.string(),
    buy_amount: DecimalText,
    sell_currency: z.string(),
    sell_amount_estimated: DecimalText,
    dependencies: z.array(z.string()),
    rationale: IntentRationale.nullable(),
  })
  .meta({ id: "FxSpotIntent", description: "An FX trade: one currency is bought and another sold for it." });
export type FxSpotIntent = z.output<typeof FxSpotIntent>;

export const CashFlowIntent = z
  .strictObject({
    intent_type: z.literal("CASH_FLOW"),
    intent_id: z.string(),
    currency: z.string(),
    amount: DecimalText,
    description: z.string().nullable(),
  })
  .meta({ id: "CashFlowIntent", description: "Money that is put in or taken out." });
export type CashFlowIntent = z.output<typeof CashFlowIntent>;

import * as z from "zod";
import { fromText } from "../../../decimal/text.ts";

/**
 * What a report reads of stored artifacts, and no more: an artifact of any version of this service that has it can be shown,
 * and one that somebody altered cannot make the report fail, as what does not read is said to be unreadable.
 */

export const StoredDecimal = z
  .string()
  .regex(/^-?\d{1,60}(\.\d{1,60})?$/)
  .transform(fromText);

export const StoredMoney = z.object({ amount: StoredDecimal, currency: z.string() });
export type Money = z.output<typeof StoredMoney>;

const Metric = z.object({ key: z.string(), weight: StoredDecimal, value: StoredMoney });
export type Metric = z.output<typeof Metric>;

/** A portfolio by what it is in. */
export const StoredState = z.object({
  total_value: StoredMoney,
  allocation_by_asset_class: z.array(Metric),
  allocation_by_instrument: z.array(Metric),
});
export type StoredState = z.output<typeof StoredState>;

export const StoredGate = z.object({
  gate: z.string(),
  recommended_next_step: z.string(),
  reasons: z.array(
    z.object({
      reason_code: z.string(),
      severity: z.string(),
      source: z.string(),
      details: z.record(z.string(), z.string()),
    }),
  ),
});
export type StoredGate = z.output<typeof StoredGate>;

export const StoredRule = z.object({
  rule_id: z.string(),
  severity: z.string(),
  status: z.string(),
  measured: StoredDecimal,
  threshold: z.record(z.string(), StoredDecimal),
  reason_code: z.string(),
});
export type StoredRule = z.output<typeof StoredRule>;

const Rationale = z.object({ code: z.string(), message: z.string() });

export const StoredFxSpot = z.object({
  intent_type: z.literal("FX_SPOT"),
  intent_id: z.string(),
  pair: z.string(),
  buy_currency: z.string(),
  buy_amount: StoredDecimal,
  sell_currency: z.string(),
  sell_amount_estimated: StoredDecimal,
  rationale: Rationale.nullable(),
});

export const StoredSecurityTrade = z.object({
  intent_type: z.literal("SECURITY_TRADE"),
  intent_id: z.string(),
  instrument_id: z.string(),
  side: z.enum(["BUY", "SELL"]),
  quantity: StoredDecimal.nullable(),
  notional: StoredMoney.nullable(),
  notional_base: StoredMoney.nullable(),
  dependencies: z.array(z.string()),
  rationale: Rationale.nullable(),
});

export const StoredCashFlow = z.object({
  intent_type: z.literal("CASH_FLOW"),
  intent_id: z.string(),
  currency: z.string(),
  amount: StoredDecimal,
  description: z.string().nullable(),
});

export const StoredIntents = z.array(
  z.discriminatedUnion("intent_type", [StoredCashFlow, StoredFxSpot, StoredSecurityTrade]),
);
export type StoredIntents = z.output<typeof StoredIntents>;

export const StoredDiagnostics = z.object({
  warnings: z.array(z.string()),
  funding_plan: z.array(
    z.object({
      target_currency: z.string(),
      required: StoredDecimal,
      available_before_fx: StoredDecimal,
      fx_needed: StoredDecimal,
      funding_currency: z.string().nullable(),
    }),
  ),
  insufficient_cash: z.array(z.object({ currency: z.string(), deficit: StoredDecimal })),
  suppressed_intents: z.array(
    z.object({ instrument_id: z.string(), reason: z.string(), intended_notional: StoredMoney }),
  ),
  dropped_intents: z.array(
    z.object({ instrument_id: z.string(), reason: z.string(), potential_notional: StoredMoney }),
  ),
  data_quality: z.record(z.string(), z.array(z.string())),
});
export type StoredDiagnostics = z.output<typeof StoredDiagnostics>;

/** Undefined where the text is no such document. */
export function readStoredPart<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    const document: unknown = JSON.parse(text);
    return schema.safeParse(document).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

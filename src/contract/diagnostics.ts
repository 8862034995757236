import * as z from "zod";
import { MoneyText } from "./money.ts";
import { DecimalText } from "./scalars.ts";

export const CashLadderPoint = z
  .strictObject({ date_offset: z.int(), currency: z.string(), projected_balance: DecimalText })
  .meta({ id: "CashLadderPoint", description: "The cash of a currency on one day." });
export type CashLadderPoint = z.output<typeof CashLadderPoint>;

export const CashLadderBreach = z
  .strictObject({
    date_offset: z.int(),
    currency: z.string(),
    projected_balance: DecimalText,
    allowed_floor: DecimalText,
    reason_code: z.string(),
  })
  .meta({
    id: "CashLadderBreach",
    description: "A day on which the cash of a currency is lower than allowed.",
  });
export type CashLadderBreach = z.output<typeof CashLadderBreach>;

export const SuppressedIntent = z
  .strictObject({
    instrument_id: z.string(),
    reason: z.string(),
    intended_notional: MoneyText,
    threshold: MoneyText,
    intended_quantity: DecimalText.optional(),
    min_quantity: DecimalText.optional(),
  })
  .meta({
    id: "SuppressedIntent",
    description:
      "A trade that was left out because it is too small. `intended_quantity` and `min_quantity`, in units, where a trade of too few units was suppressed (rules version 2).",
  });
export type SuppressedIntent = z.output<typeof SuppressedIntent>;

export const DroppedIntent = z
  .strictObject({
    instrument_id: z.string(),
    reason: z.string(),
    potential_notional: MoneyText,
    score: DecimalText,
    requested_quantity: DecimalText.optional(),
    kept_quantity: DecimalText.optional(),
  })
  .meta({
    id: "DroppedIntent",
    description:
      "A trade that the turnover cap dropped or reduced. `potential_notional` and `score` (a share of the portfolio) are of the whole trade. Rules version 2 adds `requested_quantity` and `kept_quantity`, in units; 0 is dropped.",
  });
export type DroppedIntent = z.output<typeof DroppedIntent>;

const GroupConstraintStatus = z.enum(["CAPPED", "BLOCKED"]).meta({
  id: "GroupConstraintStatus",
  description: "CAPPED: what was above the limit went to others. BLOCKED: nobody could take it.",
});

export const GroupConstraintEvent = z
  .strictObject({
    constraint_key: z.string(),
    group_weight_before: DecimalText,
    max_weight: DecimalText,
    released_weight: DecimalText,
    recipients: z.record(z.string(), DecimalText),
    status: GroupConstraintStatus,
  })
  .meta({
    id: "GroupConstraintEvent",
    description:
      "A group that was above its limit, and what was done. Weights are shares of the portfolio. In rules version 2 `recipients` are all that weigh more than at the start, whichever limit released the weight.",
  });
export type GroupConstraintEvent = z.output<typeof GroupConstraintEvent>;

export const TaxBudgetConstraintEvent = z
  .strictObject({
    instrument_id: z.string(),
    requested_quantity: DecimalText,
    allowed_quantity: DecimalText,
    reason_code: z.string(),
  })
  .meta({
    id: "TaxBudgetConstraintEvent",
    description:
      "A sale that was cut because of the budget of gains. Quantities in units. `reason_code`: TAX_BUDGET_LIMIT_REACHED, or TAX_LOTS_INCOMPLETE where the lots hold less than the sell (rules version 2).",
  });
export type TaxBudgetConstraintEvent = z.output<typeof TaxBudgetConstraintEvent>;

export const FundingPlanEntry = z
  .strictObject({
    target_currency: z.string(),
    required: DecimalText,
    available_before_fx: DecimalText,
    fx_needed: DecimalText,
    fx_pair: z.string().nullable(),
    funding_currency: z.string().nullable(),
    missing_fx_pairs: z.array(z.string()).optional(),
  })
  .meta({
    id: "FundingPlanEntry",
    description:
      "How purchases in one currency are paid for. Amounts in the target currency. `missing_fx_pairs`: pairs without a rate that this need met (rules version 2).",
  });
export type FundingPlanEntry = z.output<typeof FundingPlanEntry>;

export const InsufficientCashEntry = z.strictObject({ currency: z.string(), deficit: DecimalText }).meta({
  id: "InsufficientCashEntry",
  description: "A currency in which too little cash is left to pay for purchases.",
});
export type InsufficientCashEntry = z.output<typeof InsufficientCashEntry>;

/** What a run met on its way. `data_quality` holds logs: price_missing, fx_missing, shelf_missing. */
export const DiagnosticsData = z
  .strictObject({
    warnings: z.array(z.string()),
    suppressed_intents: z.array(SuppressedIntent),
    dropped_intents: z.array(DroppedIntent),
    group_constraint_events: z.array(GroupConstraintEvent),
    tax_budget_constraint_events: z.array(TaxBudgetConstraintEvent),
    cash_ladder: z.array(CashLadderPoint),
    cash_ladder_breaches: z.array(CashLadderBreach),
    missing_fx_pairs: z.array(z.string()),
    funding_plan: z.array(FundingPlanEntry),
    insufficient_cash: z.array(InsufficientCashEntry),
    data_quality: z.record(z.string(), z.array(z.string())),
  })
  .meta({
    id: "DiagnosticsData",
    description: "What a run met on its way. The lists are logs in the order of discovery.",
  });
export type DiagnosticsData = z.output<typeof DiagnosticsData>;

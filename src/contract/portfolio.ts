import * as z from "zod";
import { absolute, add, compare, decimal as decimalOf, subtract, ZERO } from "../decimal/decimal.ts";
import { Money } from "./money.ts";
import { currency, decimal, decimalFromZero, identifier, text } from "./scalars.ts";
import { listOf, refusal, rule, wireObject } from "./wire.ts";

const MOST_LOTS = 1_000;
const MOST_POSITIONS = 5_000;

export const TaxLot = wireObject({
  lot_id: identifier,
  quantity: decimalFromZero,
  unit_cost: Money,
  purchase_date: text,
}).meta({ id: "TaxLot", description: "A part of a position that was bought at once." });
export type TaxLot = z.output<typeof TaxLot>;

const LOT_TOLERANCE = decimalOf("0.0001");
const LOTS_DIFFER = refusal(
  "LOTS_MISMATCH",
  "lot quantities must add up to the quantity of the position within 0.0001",
);

type Holding = { readonly quantity: TaxLot["quantity"]; readonly lots: readonly TaxLot[] };

function lotsAddUp({ quantity, lots }: Holding): typeof LOTS_DIFFER | undefined {
  if (lots.length === 0) return undefined;
  const total = lots.reduce((sum, lot) => add(sum, lot.quantity), ZERO);
  return compare(absolute(subtract(total, quantity)), LOT_TOLERANCE) > 0 ? LOTS_DIFFER : undefined;
}

export const Position = wireObject({
  instrument_id: identifier,
  quantity: decimal,
  market_value: Money.nullable().default(null),
  lots: listOf(TaxLot, MOST_LOTS).default([]),
})
  .check(rule(lotsAddUp))
  .meta({ id: "Position", description: "What is held of one instrument." });
export type Position = z.output<typeof Position>;

export const CashBalance = wireObject({
  currency,
  amount: decimal,
  settled: decimal.nullable().default(null),
  pending: decimal.nullable().default(null),
}).meta({ id: "CashBalanceInput", description: "A cash account." });
export type CashBalance = z.output<typeof CashBalance>;

export const PortfolioSnapshot = wireObject({
  snapshot_id: identifier.nullable().default(null),
  portfolio_id: identifier,
  base_currency: currency,
  positions: listOf(Position, MOST_POSITIONS).default([]),
  cash_balances: z.array(CashBalance).default([]),
}).meta({ id: "PortfolioSnapshot", description: "What a client holds at one moment." });
export type PortfolioSnapshot = z.output<typeof PortfolioSnapshot>;

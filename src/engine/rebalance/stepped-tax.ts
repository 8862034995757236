import type { Price } from "../../contract/market-data.ts";
import type { Position } from "../../contract/portfolio.ts";
import type { TaxImpact } from "../../contract/rebalance.ts";
import {
  compare,
  isNegative,
  isPositive,
  maximum,
  minimum,
  ZERO,
  type Decimal,
} from "../../decimal/decimal.ts";
import { add, floorQuotient, floorToStep, multiply, subtract, sum } from "../../decimal/exact.ts";
import { toText } from "../../decimal/text.ts";
import { warnOnce, type Diagnostics } from "../diagnostics.ts";
import { moneyText } from "../money.ts";
import type { TradingContext } from "./stages.ts";
import { costedLots, TAX_BUDGET_LIMIT_REACHED, type CostedLot, type TaxLedger } from "./tax-lots.ts";
import type { Trade } from "./trades.ts";

/** How much of a wanted sell may be sold, and what cut it. */
export type SteppedSale = { readonly quantity: Decimal; readonly constraints: readonly string[] };

type Unit = { readonly price: Price; readonly rate: Decimal; readonly step: Decimal };

const TAX_LOTS_INCOMPLETE = "TAX_LOTS_INCOMPLETE";

/**
 * What the gains budget and the lots allow of a wanted sell, in whole steps, highest cost first (HIFO). Without a budget
 * nothing is cut. Adds what it realizes to the ledger, whose budget is shared by all sells.
 */
export function sellableInSteps(
  wanted: Decimal,
  unit: Unit,
  { diagnostics, lookups, positions, taxLedger }: TradingContext,
): SteppedSale {
  const position = positions.get(unit.price.instrument_id);
  if (taxLedger === null || position === undefined || position.lots.length === 0) {
    return { quantity: wanted, constraints: [] };
  }
  const { lots, missingPairs } = costedLots({ position, price: unit.price }, lookups);
  if (missingPairs.length > 0) {
    diagnostics.data_quality.fx_missing.push(...missingPairs);
    return { quantity: wanted, constraints: [] };
  }
  const { cutBy, quantity } = allowed(wanted, lots, unit, taxLedger);
  const { gain, loss } = realized(quantity, lots, unit);
  taxLedger.realizedGain = add(taxLedger.realizedGain, gain);
  taxLedger.realizedLoss = add(taxLedger.realizedLoss, loss);
  if (cutBy === null) return { quantity, constraints: [] };
  record(diagnostics, position, wanted, quantity, cutBy);
  return { quantity, constraints: [cutBy === TAX_BUDGET_LIMIT_REACHED ? "TAX_BUDGET" : "TAX_LOTS"] };
}

type Cut = typeof TAX_BUDGET_LIMIT_REACHED | typeof TAX_LOTS_INCOMPLETE;

function allowed(
  wanted: Decimal,
  lots: readonly CostedLot[],
  unit: Unit,
  { budget, realizedGain }: TaxLedger,
): { readonly quantity: Decimal; readonly cutBy: Cut | null } {
  if (budget === null) return { quantity: wanted, cutBy: null };
  let room = maximum(ZERO, subtract(budget, realizedGain));
  let taken = ZERO;
  for (const { cost, lot } of lots) {
    const offered = minimum(subtract(wanted, taken), lot.quantity);
    const gainPerUnit = gainOf(unit, cost);
    const gain = multiply(offered, gainPerUnit);
    if (isPositive(gainPerUnit) && compare(gain, room) > 0) {
      // (taken × gain per unit + room) ÷ gain per unit, down to a step, in one exact division.
      const units = add(multiply(taken, gainPerUnit), room);
      const steps = floorQuotient(units, multiply(gainPerUnit, unit.step));
      return { quantity: multiply(steps, unit.step), cutBy: TAX_BUDGET_LIMIT_REACHED };
    }
    if (isPositive(gainPerUnit)) room = subtract(room, gain);
    taken = add(taken, offered);
  }
  if (compare(taken, wanted) >= 0) return { quantity: wanted, cutBy: null };
  return { quantity: floorToStep(taken, unit.step), cutBy: TAX_LOTS_INCOMPLETE };
}

function gainOf({ price, rate }: Unit, cost: Decimal): Decimal {
  return multiply(subtract(price.price, cost), rate);
}

type Realized = { readonly gain: Decimal; readonly loss: Decimal; readonly uncovered: Decimal };

/** Gain and loss, in base currency, of so many units out of these lots, and the units that no lot holds. */
function realized(quantity: Decimal, lots: readonly CostedLot[], unit: Unit): Realized {
  let gain = ZERO;
  let loss = ZERO;
  let left = quantity;
  for (const { cost, lot } of lots) {
    const taken = minimum(left, lot.quantity);
    const result = multiply(taken, gainOf(unit, cost));
    if (isNegative(result)) loss = subtract(loss, result);
    else gain = add(gain, result);
    left = subtract(left, taken);
  }
  return { gain, loss, uncovered: left };
}

function record(
  diagnostics: Diagnostics,
  { instrument_id }: Position,
  requested: Decimal,
  quantity: Decimal,
  reason_code: Cut,
): void {
  warnOnce(diagnostics, reason_code);
  diagnostics.tax_budget_constraint_events.push({
    allowed_quantity: toText(quantity),
    instrument_id,
    reason_code,
    requested_quantity: toText(requested),
  });
}

/** Of the sells that are left after every cut. */
export function steppedTaxImpact(
  { budget }: TaxLedger,
  trades: readonly Trade[],
  { lookups, positions }: TradingContext,
): TaxImpact {
  const sales = trades.flatMap((trade) => {
    const position = positions.get(trade.instrumentId);
    const price = lookups.prices.get(trade.instrumentId);
    const rate = lookups.rateToBase(trade.currency);
    if (trade.side === "BUY" || position === undefined || price === undefined || rate === undefined)
      return [];
    if (position.lots.length === 0) return [];
    const { lots, missingPairs } = costedLots({ position, price }, lookups);
    // Logged when the sell was sized.
    if (missingPairs.length > 0) return [];
    const unit = { price, rate, step: ZERO };
    return [{ instrumentId: trade.instrumentId, ...realized(trade.quantity, lots, unit) }];
  });
  const gain = sum(sales.map((sale) => sale.gain));
  const uncovered = sales.filter((sale) => isPositive(sale.uncovered));
  return {
    budget_limit: budget === null ? null : moneyText(budget, lookups.baseCurrency),
    budget_used: budget === null ? null : moneyText(gain, lookups.baseCurrency),
    total_realized_gain: moneyText(gain, lookups.baseCurrency),
    total_realized_loss: moneyText(sum(sales.map((sale) => sale.loss)), lookups.baseCurrency),
    uncovered_quantity: uncovered.map((sale) => ({
      instrument_id: sale.instrumentId,
      quantity: toText(sale.uncovered),
    })),
  };
}

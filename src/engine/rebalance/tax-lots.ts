import type { Price } from "../../contract/market-data.ts";
import type { Position, TaxLot } from "../../contract/portfolio.ts";
import type { TaxImpact } from "../../contract/rebalance.ts";
import {
  absolute,
  add,
  compare,
  decimal,
  divide,
  isNegative,
  isPositive,
  isZero,
  minimum,
  multiply,
  subtract,
  ZERO,
  type Decimal,
} from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import { warnOnce, type Diagnostics } from "../diagnostics.ts";
import { fxRate } from "../fx.ts";
import type { Lookups } from "../lookups.ts";
import { moneyText } from "../money.ts";
import { compareCodePoints } from "../order.ts";

/** Gains and losses realized so far by one run, in base currency. One budget is shared by all its sells. */
export type TaxLedger = {
  readonly budget: Decimal | null;
  realizedGain: Decimal;
  realizedLoss: Decimal;
};

/** A wanted sell of a position with tax lots. `rateToBase` converts from the currency of the price. */
export type LotSale = {
  readonly wanted: Decimal;
  readonly position: Position;
  readonly price: Price;
  readonly rateToBase: Decimal;
};

/** A lot with its cost in the currency of the price. */
export type CostedLot = { readonly lot: TaxLot; readonly cost: Decimal };

export const TAX_BUDGET_LIMIT_REACHED = "TAX_BUDGET_LIMIT_REACHED";
/** A division may leave a rounding error; a budget with no more than this unused is reported as fully used. */
const BUDGET_TOLERANCE = decimal("1e-10");

export function openTaxLedger(budget: Decimal | null): TaxLedger {
  return { budget, realizedGain: ZERO, realizedLoss: ZERO };
}

/**
 * The quantity of a wanted sell that the lots and the gains budget allow, highest cost first (HIFO). Adds the
 * realized gains and losses to the ledger. Lots that hold less than the wanted quantity limit it too. Without a
 * rate for the cost of a lot nothing is limited, and the missing pair is logged.
 */
export function sellableQuantity(
  sale: LotSale,
  ledger: TaxLedger,
  lookups: Lookups,
  diagnostics: Diagnostics,
): Decimal {
  const { lots, missingPairs } = costedLots(sale, lookups);
  const [missing] = missingPairs;
  if (missing !== undefined) {
    diagnostics.data_quality.fx_missing.push(missing);
    return sale.wanted;
  }
  const allowed = sellLots(sale, lots, ledger);
  if (compare(allowed, sale.wanted) < 0) {
    warnOnce(diagnostics, TAX_BUDGET_LIMIT_REACHED);
    diagnostics.tax_budget_constraint_events.push({
      allowed_quantity: toText(allowed),
      instrument_id: sale.position.instrument_id,
      reason_code: TAX_BUDGET_LIMIT_REACHED,
      requested_quantity: toText(sale.wanted),
    });
  }
  return allowed;
}

/** Lots with their cost in the price's currency, in the order they are sold; and the pairs without a rate for that. */
export function costedLots(
  { position, price }: Pick<LotSale, "position" | "price">,
  lookups: Lookups,
): { readonly lots: CostedLot[]; readonly missingPairs: readonly string[] } {
  const lots: CostedLot[] = [];
  const missingPairs: string[] = [];
  for (const lot of position.lots) {
    const { amount, currency } = lot.unit_cost;
    const rate = fxRate(lookups.quotes, currency, price.currency, lookups.arithmetic);
    if (rate === undefined) missingPairs.push(`${currency}/${price.currency}`);
    else lots.push({ lot, cost: lookups.arithmetic.multiply(amount, rate) });
  }
  return { lots: lots.sort(highestCostFirst), missingPairs };
}

function highestCostFirst(a: CostedLot, b: CostedLot): number {
  return (
    compare(b.cost, a.cost) ||
    compareCodePoints(b.lot.purchase_date, a.lot.purchase_date) ||
    compareCodePoints(b.lot.lot_id, a.lot.lot_id)
  );
}

function sellLots({ wanted, price, rateToBase }: LotSale, lots: CostedLot[], ledger: TaxLedger): Decimal {
  let remaining = wanted;
  let allowed = ZERO;
  for (const { lot, cost } of lots) {
    if (!isPositive(remaining)) break;
    if (isZero(lot.quantity)) continue;
    const gainPerUnit = multiply(subtract(price.price, cost), rateToBase);
    const offered = minimum(remaining, lot.quantity);
    const taken = minimum(offered, unitsWithinBudget(offered, gainPerUnit, ledger));
    if (!isPositive(taken)) break;
    realize(ledger, multiply(gainPerUnit, taken));
    allowed = add(allowed, taken);
    remaining = subtract(remaining, taken);
    if (compare(taken, offered) < 0) break;
  }
  return allowed;
}

/** How many units can be sold before the gains budget is used up. */
function unitsWithinBudget(
  offered: Decimal,
  gainPerUnit: Decimal,
  { budget, realizedGain }: TaxLedger,
): Decimal {
  if (budget === null || !isPositive(gainPerUnit)) return offered;
  if (compare(realizedGain, budget) >= 0) return ZERO;
  return divide(subtract(budget, realizedGain), gainPerUnit);
}

function realize(ledger: TaxLedger, gain: Decimal): void {
  if (isNegative(gain)) ledger.realizedLoss = add(ledger.realizedLoss, absolute(gain));
  else ledger.realizedGain = add(ledger.realizedGain, gain);
}

export function taxImpact(
  { budget, realizedGain, realizedLoss }: TaxLedger,
  _trades: unknown,
  { lookups: { baseCurrency } }: { readonly lookups: Pick<Lookups, "baseCurrency"> },
): TaxImpact {
  return {
    budget_limit: budget === null ? null : moneyText(budget, baseCurrency),
    budget_used: budget === null ? null : moneyText(budgetUsed(budget, realizedGain), baseCurrency),
    total_realized_gain: moneyText(realizedGain, baseCurrency),
    total_realized_loss: moneyText(realizedLoss, baseCurrency),
  };
}

function budgetUsed(budget: Decimal, realizedGain: Decimal): Decimal {
  const unused = absolute(subtract(budget, realizedGain));
  return compare(unused, BUDGET_TOLERANCE) <= 0 ? budget : minimum(realizedGain, budget);
}

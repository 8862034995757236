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

/** A sell that has lots to walk. */
export type LotSale = {
  readonly wanted: Decimal;
  readonly position: Position;
  readonly price: Price;
  readonly rateToBase: Decimal;
};

type CostedLot = { readonly lot: TaxLot; readonly cost: Decimal };

const TAX_BUDGET_LIMIT_REACHED = "TAX_BUDGET_LIMIT_REACHED";
/** A budget used up to this much of its limit by a division that does not end counts as used up. */
const BUDGET_RESIDUE = decimal("1e-10");

export function openTaxLedger(budget: Decimal | null): TaxLedger {
  return { budget, realizedGain: ZERO, realizedLoss: ZERO };
}

/**
 * How much of a wanted sell the lots and the gains budget allow, highest cost first (HIFO), and what it
 * realizes. Lots that cover less than the sell cut it too. Without a rate for a lot's cost nothing is limited.
 */
export function sellableQuantity(
  sale: LotSale,
  ledger: TaxLedger,
  lookups: Lookups,
  diagnostics: Diagnostics,
): Decimal {
  const lots = costedLots(sale, lookups, diagnostics);
  if (lots === null) return sale.wanted;
  const allowed = walkLots(sale, lots, ledger);
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

/** Lots with their cost in the price's currency, in the order they are sold; null when a rate is missing. */
function costedLots(
  { position, price }: LotSale,
  lookups: Lookups,
  diagnostics: Diagnostics,
): CostedLot[] | null {
  const lots: CostedLot[] = [];
  for (const lot of position.lots) {
    const { amount, currency } = lot.unit_cost;
    const rate = fxRate(lookups.quotes, currency, price.currency);
    if (rate === undefined) {
      diagnostics.data_quality.fx_missing.push(`${currency}/${price.currency}`);
      return null;
    }
    lots.push({ lot, cost: multiply(amount, rate) });
  }
  return lots.sort(highestCostFirst);
}

function highestCostFirst(a: CostedLot, b: CostedLot): number {
  return (
    compare(b.cost, a.cost) ||
    compareCodePoints(b.lot.purchase_date, a.lot.purchase_date) ||
    compareCodePoints(b.lot.lot_id, a.lot.lot_id)
  );
}

function walkLots({ wanted, price, rateToBase }: LotSale, lots: CostedLot[], ledger: TaxLedger): Decimal {
  let remaining = wanted;
  let allowed = ZERO;
  for (const { lot, cost } of lots) {
    if (!isPositive(remaining)) break;
    if (isZero(lot.quantity)) continue;
    const gainPerUnit = multiply(subtract(price.price, cost), rateToBase);
    const offered = minimum(remaining, lot.quantity);
    const taken = minimum(offered, affordable(offered, gainPerUnit, ledger));
    if (!isPositive(taken)) break;
    realize(ledger, multiply(gainPerUnit, taken));
    allowed = add(allowed, taken);
    remaining = subtract(remaining, taken);
    if (compare(taken, offered) < 0) break;
  }
  return allowed;
}

/** How many units the rest of the budget bears. */
function affordable(offered: Decimal, gainPerUnit: Decimal, { budget, realizedGain }: TaxLedger): Decimal {
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
  baseCurrency: string,
): TaxImpact {
  return {
    budget_limit: budget === null ? null : moneyText(budget, baseCurrency),
    budget_used: budget === null ? null : moneyText(budgetUsed(budget, realizedGain), baseCurrency),
    total_realized_gain: moneyText(realizedGain, baseCurrency),
    total_realized_loss: moneyText(realizedLoss, baseCurrency),
  };
}

function budgetUsed(budget: Decimal, realizedGain: Decimal): Decimal {
  const residue = absolute(subtract(budget, realizedGain));
  return compare(residue, BUDGET_RESIDUE) <= 0 ? budget : minimum(realizedGain, budget);
}

import type { SecurityTradeIntent } from "../../contract/intents.ts";
import type { Price } from "../../contract/market-data.ts";
import type { ProposedTrade } from "../../contract/proposal.ts";
import type { ShelfEntry } from "../../contract/shelf.ts";
import {
  compare,
  divide,
  equals,
  isPositive,
  isZero,
  multiply,
  ONE,
  ZERO,
  type Decimal,
} from "../../decimal/decimal.ts";
import * as exact from "../../decimal/exact.ts";
import { toText } from "../../decimal/text.ts";
import { logMissingRate } from "../diagnostics.ts";
import { moneyText } from "../money.ts";
import { compareCodePoints } from "../order.ts";
import type { SettledTrade } from "../working-portfolio.ts";
import { failWithWarning, type ProposalRun } from "./proposal-run.ts";

/** A proposed trade that can be executed; `notionalInBase` is null without a rate to base currency. */
export type AcceptedTrade = SettledTrade & {
  readonly intentId: string;
  readonly notionalInBase: Decimal | null;
};

type Size = { readonly quantity: Decimal; readonly notional: Decimal };

/** How many units a trade is, and for how much; null where it cannot be meant. */
type Sizing = (trade: ProposedTrade, price: Price, shelf: ShelfEntry) => Size | null;

/** The trades that can be sized, in request order. The others are logged or block, and are skipped. */
export function acceptTrades(run: ProposalRun, trades: readonly ProposedTrade[]): AcceptedTrade[] {
  return trades.flatMap((trade, index) => acceptTrade(run, trade, intentIdOf(index), sizeOf) ?? []);
}

/**
 * The same in whole steps: a quantity that is none is refused, what an amount buys is rounded down to one. Trades are
 * judged in an order of their own, so that what is told of several does not depend on the order that they were sent in.
 */
export function acceptSteppedTrades(run: ProposalRun, trades: readonly ProposedTrade[]): AcceptedTrade[] {
  const numbered = trades.map((trade, index) => ({ trade, intentId: intentIdOf(index) }));
  return numbered
    .sort((a, b) => compareAsked(a.trade, b.trade))
    .flatMap(({ intentId, trade }) => acceptTrade(run, trade, intentId, steppedSizeOf) ?? []);
}

/** The id of a trade is its place in the request. */
function intentIdOf(index: number): string {
  return `oi_${index + 1}`;
}

function compareAsked(a: ProposedTrade, b: ProposedTrade): number {
  return (
    compareCodePoints(a.instrument_id, b.instrument_id) ||
    compareCodePoints(a.side, b.side) ||
    compare(a.quantity ?? ZERO, b.quantity ?? ZERO) ||
    compare(a.notional?.amount ?? ZERO, b.notional?.amount ?? ZERO) ||
    compareCodePoints(a.notional?.currency ?? "", b.notional?.currency ?? "")
  );
}

function acceptTrade(
  run: ProposalRun,
  trade: ProposedTrade,
  intentId: string,
  sizing: Sizing,
): AcceptedTrade | null {
  const { lookups, options, diagnostics } = run;
  const entry = lookups.latestShelf.get(trade.instrument_id);
  if (entry === undefined) {
    diagnostics.data_quality.shelf_missing.push(trade.instrument_id);
    return null;
  }
  if (trade.side === "BUY" && !mayBeBought(entry, options.allow_restricted)) {
    failWithWarning(run, "PROPOSAL_TRADE_NOT_SUPPORTED_BY_SHELF");
    return null;
  }
  const price = lookups.prices.get(trade.instrument_id);
  if (price === undefined) {
    diagnostics.data_quality.price_missing.push(trade.instrument_id);
    return null;
  }
  const size = sizing(trade, price, entry);
  if (size === null) {
    failWithWarning(run, "PROPOSAL_INVALID_TRADE_INPUT");
    return null;
  }
  return {
    ...size,
    side: trade.side,
    instrumentId: trade.instrument_id,
    currency: price.currency,
    intentId,
    notionalInBase: inBase(run, size.notional, price.currency),
  };
}

function mayBeBought({ status }: ShelfEntry, allowRestricted: boolean): boolean {
  return status === "APPROVED" || (status === "RESTRICTED" && allowRestricted);
}

/** Null for a notional that is in another currency than the price, or whose price is zero. */
function sizeOf({ quantity, notional }: ProposedTrade, { price, currency }: Price): Size | null {
  if (quantity !== null) return { quantity, notional: multiply(quantity, price) };
  if (notional === null || notional.currency !== currency || isZero(price)) return null;
  return { quantity: divide(notional.amount, price), notional: notional.amount };
}

/** Null also for what is no whole number of steps, or fewer units than may be traded. */
function steppedSizeOf(
  { quantity, notional }: ProposedTrade,
  { price, currency }: Price,
  { min_quantity, quantity_step: step = ONE }: ShelfEntry,
): Size | null {
  let units = quantity;
  if (notional !== null) {
    if (notional.currency !== currency || !isPositive(price)) return null;
    units = exact.multiply(exact.floorQuotient(notional.amount, exact.multiply(price, step)), step);
  }
  if (units === null || !isPositive(units) || !equals(units, exact.floorToStep(units, step))) return null;
  if (min_quantity !== undefined && min_quantity !== null && compare(units, min_quantity) < 0) return null;
  return { quantity: units, notional: exact.multiply(units, price) };
}

function inBase({ lookups, diagnostics }: ProposalRun, amount: Decimal, currency: string): Decimal | null {
  const rate = lookups.rateToBase(currency);
  if (rate !== undefined) return lookups.arithmetic.multiply(amount, rate);
  logMissingRate(diagnostics.data_quality, currency, lookups.baseCurrency);
  return null;
}

/** By instrument and quantity, then as requested. */
export function byInstrumentAndQuantity(a: AcceptedTrade, b: AcceptedTrade): number {
  return byInstrument(a, b) || compare(a.quantity, b.quantity);
}

/** By instrument, then as requested. */
export function byInstrument(a: AcceptedTrade, b: AcceptedTrade): number {
  return compareCodePoints(a.instrumentId, b.instrumentId);
}

export function tradeIntent(
  trade: AcceptedTrade,
  dependencies: string[],
  baseCurrency: string,
): SecurityTradeIntent {
  const { notionalInBase } = trade;
  return {
    constraints_applied: [],
    dependencies,
    instrument_id: trade.instrumentId,
    intent_id: trade.intentId,
    intent_type: "SECURITY_TRADE",
    notional: moneyText(trade.notional, trade.currency),
    notional_base: notionalInBase === null ? null : moneyText(notionalInBase, baseCurrency),
    quantity: toText(trade.quantity),
    rationale: { code: "MANUAL_PROPOSAL", message: "Advisor proposed trade" },
    side: trade.side,
  };
}

import type { SecurityTradeIntent } from "../../contract/intents.ts";
import type { Price } from "../../contract/market-data.ts";
import type { ProposedTrade } from "../../contract/proposal.ts";
import type { ShelfEntry } from "../../contract/shelf.ts";
import { divide, isZero, multiply, type Decimal } from "../../decimal/decimal.ts";
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

/** The trades that can be sized, in request order. The others are logged or block, and are skipped. */
export function acceptTrades(run: ProposalRun, trades: readonly ProposedTrade[]): AcceptedTrade[] {
  return trades.flatMap((trade, index) => acceptTrade(run, trade, `oi_${index + 1}`) ?? []);
}

function acceptTrade(run: ProposalRun, trade: ProposedTrade, intentId: string): AcceptedTrade | null {
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
  const size = sizeOf(trade, price);
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

function inBase({ lookups, diagnostics }: ProposalRun, amount: Decimal, currency: string): Decimal | null {
  const rate = lookups.rateToBase(currency);
  if (rate !== undefined) return multiply(amount, rate);
  logMissingRate(diagnostics.data_quality, currency, lookups.baseCurrency);
  return null;
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

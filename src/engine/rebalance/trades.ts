import type { FxSpotIntent, SecurityTradeIntent } from "../../contract/intents.ts";
import type { RebalanceResult } from "../../contract/rebalance.ts";
import type { Decimal } from "../../decimal/decimal.ts";
import { toText } from "../../decimal/text.ts";
import { moneyText } from "../money.ts";
import type { SettledFx, SettledTrade } from "../working-portfolio.ts";

export type Trade = SettledTrade & {
  readonly intentId: string;
  readonly notionalBase: Decimal;
  readonly constraints: readonly string[];
};

export type FxLeg = SettledFx & {
  readonly intentId: string;
  readonly pair: string;
  /** The currency that is not the base. */
  readonly currency: string;
  readonly purpose: "FUNDING" | "SWEEP";
};

type Intents = RebalanceResult["intents"];

/** The intents in their wire shape: sells, then FX, then buys, each in the given order. */
export function toIntents(
  trades: readonly Trade[],
  fxLegs: readonly FxLeg[],
  baseCurrency: string,
  linkBuysToSells: boolean,
): Intents {
  const sells = trades.filter(({ side }) => side === "SELL");
  const buys = trades.filter(({ side }) => side === "BUY");
  const funding = new Map(
    fxLegs.filter(({ purpose }) => purpose === "FUNDING").map((leg) => [leg.currency, leg.intentId]),
  );
  const lastSells = new Map(linkBuysToSells ? sells.map((sell) => [sell.currency, sell.intentId]) : []);
  const dependencies = ({ currency }: Trade): string[] =>
    [funding.get(currency), lastSells.get(currency)].filter((id) => id !== undefined);
  return [
    ...sells.map((sell) => tradeIntent(sell, baseCurrency, [])),
    ...fxLegs.map(fxIntent),
    ...buys.map((buy) => tradeIntent(buy, baseCurrency, dependencies(buy))),
  ];
}

function tradeIntent(trade: Trade, baseCurrency: string, dependencies: string[]): SecurityTradeIntent {
  return {
    constraints_applied: [...trade.constraints],
    dependencies,
    instrument_id: trade.instrumentId,
    intent_id: trade.intentId,
    intent_type: "SECURITY_TRADE",
    notional: moneyText(trade.notional, trade.currency),
    notional_base: moneyText(trade.notionalBase, baseCurrency),
    quantity: toText(trade.quantity),
    rationale: { code: "DRIFT_REBALANCE", message: "Align" },
    side: trade.side,
  };
}

function fxIntent(leg: FxLeg): FxSpotIntent {
  return {
    buy_amount: toText(leg.buyAmount),
    buy_currency: leg.buyCurrency,
    dependencies: [],
    intent_id: leg.intentId,
    intent_type: "FX_SPOT",
    pair: leg.pair,
    rationale: { code: leg.purpose, message: leg.purpose === "FUNDING" ? "Fund" : "Sweep" },
    sell_amount_estimated: toText(leg.sellAmount),
    sell_currency: leg.sellCurrency,
  };
}

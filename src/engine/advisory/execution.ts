import type { FxSpotIntent, SecurityTradeIntent } from "../../contract/intents.ts";
import type { ProposedTrade } from "../../contract/proposal.ts";
import { warnOnce } from "../diagnostics.ts";
import { applyTrade } from "../working-portfolio.ts";
import type { Funding } from "./funding.ts";
import { sortedByPair } from "./intents.ts";
import type { ProposalRun } from "./proposal-run.ts";
import type { AdvisoryStages } from "./stages.ts";
import { tradeIntent, type AcceptedTrade } from "./trades.ts";

export type Execution = {
  /** Sales, then FX, then purchases: each step provides the cash for the next. */
  readonly intents: readonly (FxSpotIntent | SecurityTradeIntent)[];
  /** The trades that were applied. */
  readonly applied: readonly AcceptedTrade[];
  /** True when purchases were skipped for lack of an FX rate and the options tolerate that. */
  readonly needsReview: boolean;
};

const WITHOUT_FUNDING: Funding = { fxByCurrency: new Map(), unfunded: new Set(), needsReview: false };

/** Applies the proposed trades to the working portfolio: sales first, then funding, then purchases. */
export function executeTrades(
  run: ProposalRun,
  trades: readonly ProposedTrade[],
  { acceptTrades, compareTrades, fundPurchases }: AdvisoryStages,
): Execution {
  const accepted = acceptTrades(run, trades);
  const inOrder = (wanted: AcceptedTrade["side"]) =>
    accepted.filter(({ side }) => side === wanted).sort(compareTrades);
  const sales = inOrder("SELL");
  const purchases = inOrder("BUY");
  for (const sale of sales) applyTrade(run.portfolio, sale);
  const funding = run.options.auto_funding ? fundPurchases(run, purchases) : WITHOUT_FUNDING;
  const funded = purchases.filter(({ currency }) => !funding.unfunded.has(currency));
  const saleIntents = sales.map((sale) => tradeIntent(sale, [], run.lookups.baseCurrency));
  return {
    applied: [...sales, ...funded],
    intents: [
      ...saleIntents,
      ...sortedByPair(funding.fxByCurrency.values()),
      ...executePurchases(run, purchases, funding, sales),
    ],
    needsReview: funding.needsReview,
  };
}

function executePurchases(
  run: ProposalRun,
  purchases: readonly AcceptedTrade[],
  { fxByCurrency, unfunded }: Funding,
  sales: readonly AcceptedTrade[],
): SecurityTradeIntent[] {
  const funded = purchases.filter(({ currency }) => !unfunded.has(currency));
  if (funded.length < purchases.length) warnOnce(run.diagnostics, "PROPOSAL_BUY_SKIPPED_UNFUNDED");
  // Null means false here; the rebalance engine reads it as true.
  const linksSales = run.options.link_buy_to_same_currency_sell_dependency === true;
  const lastSales = new Map(linksSales ? sales.map(({ currency, intentId }) => [currency, intentId]) : []);
  return funded.map((purchase) => {
    applyTrade(run.portfolio, purchase);
    const dependencies = [fxByCurrency.get(purchase.currency)?.intent_id, lastSales.get(purchase.currency)];
    return tradeIntent(purchase, dependencies.filter(isPresent), run.lookups.baseCurrency);
  });
}

function isPresent(id: string | undefined): id is string {
  return id !== undefined;
}

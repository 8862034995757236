import type { MarketDataSnapshot } from "../contract/market-data.ts";
import type { PortfolioSnapshot } from "../contract/portfolio.ts";
import type { ProposalSimulateRequest } from "../contract/proposal.ts";
import type { RebalanceRequest } from "../contract/rebalance.ts";
import type { ShelfEntry } from "../contract/shelf.ts";
import { sortedBy } from "./order.ts";

/*
 * Lists whose order means nothing are sorted ahead of everything else: equal inputs in another order are then one input.
 * What is worked on in turn stays as it was sent: cash flows, and trades, whose place in the request is their id.
 */

export function arrangeRebalance(request: RebalanceRequest): RebalanceRequest {
  return {
    ...request,
    market_data_snapshot: arrangeMarketData(request.market_data_snapshot),
    model_portfolio: { targets: [...byInstrument(request.model_portfolio.targets)] },
    portfolio_snapshot: arrangePortfolio(request.portfolio_snapshot),
    shelf_entries: arrangeShelf(request.shelf_entries),
  };
}

export function arrangeProposal(request: ProposalSimulateRequest): ProposalSimulateRequest {
  return {
    ...request,
    market_data_snapshot: arrangeMarketData(request.market_data_snapshot),
    portfolio_snapshot: arrangePortfolio(request.portfolio_snapshot),
    shelf_entries: arrangeShelf(request.shelf_entries),
  };
}

function byInstrument<T extends { readonly instrument_id: string }>(items: readonly T[]): readonly T[] {
  return sortedBy(items, ({ instrument_id }) => instrument_id);
}

function arrangePortfolio(portfolio: PortfolioSnapshot): PortfolioSnapshot {
  return {
    ...portfolio,
    cash_balances: [...sortedBy(portfolio.cash_balances, ({ currency }) => currency)],
    positions: [...byInstrument(portfolio.positions)],
  };
}

function arrangeMarketData(marketData: MarketDataSnapshot): MarketDataSnapshot {
  return {
    ...marketData,
    fx_rates: [...sortedBy(marketData.fx_rates, ({ pair }) => pair)],
    prices: [...byInstrument(marketData.prices)],
  };
}

function arrangeShelf(entries: readonly ShelfEntry[]): ShelfEntry[] {
  return [...byInstrument(entries)];
}

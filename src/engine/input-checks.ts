import type { Fault } from "../contract/faults.ts";
import type { MarketDataSnapshot } from "../contract/market-data.ts";
import type { ProposalSimulateRequest } from "../contract/proposal.ts";
import type { RebalanceRequest } from "../contract/rebalance.ts";
import { compare, decimal, isZero } from "../decimal/decimal.ts";
import { absolute, multiply, subtract } from "../decimal/exact.ts";
import { indexQuotes } from "./fx.ts";
import { sortedBy } from "./order.ts";

export const DUPLICATE_ID = "DUPLICATE_ID";

/** The lists in which a name may stand once. */
export type Inputs = Pick<
  ProposalSimulateRequest,
  "portfolio_snapshot" | "market_data_snapshot" | "shelf_entries"
> &
  Partial<Pick<RebalanceRequest, "model_portfolio"> & Pick<ProposalSimulateRequest, "reference_model">>;

/** What is listed twice though it can be meant once only: a fault at each that is not the first. */
export function duplicates(inputs: Inputs): Fault[] {
  const { market_data_snapshot, model_portfolio, portfolio_snapshot, reference_model, shelf_entries } =
    inputs;
  return [
    ...repeated(portfolio_snapshot.positions, ["portfolio_snapshot", "positions"], "instrument_id"),
    ...repeated(portfolio_snapshot.cash_balances, ["portfolio_snapshot", "cash_balances"], "currency"),
    ...repeated(market_data_snapshot.prices, ["market_data_snapshot", "prices"], "instrument_id"),
    ...repeated(market_data_snapshot.fx_rates, ["market_data_snapshot", "fx_rates"], "pair"),
    ...repeated(model_portfolio?.targets ?? [], ["model_portfolio", "targets"], "instrument_id"),
    ...repeated(shelf_entries, ["shelf_entries"], "instrument_id"),
    ...repeated(
      reference_model?.asset_class_targets ?? [],
      ["reference_model", "asset_class_targets"],
      "asset_class",
    ),
    ...repeated(
      reference_model?.instrument_targets ?? [],
      ["reference_model", "instrument_targets"],
      "instrument_id",
    ),
  ];
}

function repeated<Field extends string>(
  items: readonly Readonly<Record<Field, string>>[],
  path: readonly string[],
  field: Field,
): Fault[] {
  const seen = new Set<string>();
  return items.flatMap((item, index) => {
    const name = item[field];
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ path: [...path, index, field], msg: "is listed before", code: DUPLICATE_ID }];
  });
}

/** How far the product of two opposite quotes may be off 1. */
const QUOTE_TOLERANCE = decimal("0.01");
const ONE = decimal(1);

/** One warning for each pair whose two directions contradict each other, named by the one that comes first. */
export function quoteWarnings({ fx_rates }: MarketDataSnapshot): string[] {
  const quotes = indexQuotes(fx_rates);
  return sortedBy([...quotes], ([pair]) => pair).flatMap(([pair, rate]) => {
    const [from, to, ...more] = pair.split("/");
    const opposite = from === undefined || to === undefined || more.length > 0 ? "" : `${to}/${from}`;
    const back = quotes.get(opposite);
    if (back === undefined || pair > opposite || isZero(rate) || isZero(back)) return [];
    const off = absolute(subtract(multiply(rate, back), ONE));
    return compare(off, QUOTE_TOLERANCE) > 0 ? [`FX_QUOTES_DISAGREE_${pair}`] : [];
  });
}

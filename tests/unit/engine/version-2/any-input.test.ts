import fc from "fast-check";
import { describe, expect } from "vitest";
import { ProposalSimulateRequest } from "../../../../src/contract/proposal.ts";
import { RebalanceRequest, RebalanceResult } from "../../../../src/contract/rebalance.ts";
import { duplicates } from "../../../../src/engine/input-checks.ts";
import { simulateRebalance } from "../../../../src/engine/rebalance/simulate.ts";
import { canonicalJson } from "../../../../src/platform/json/canonical-json.ts";
import {
  arbitraryRebalance,
  tidyRebalance,
  type ArbitraryRebalance,
} from "../../../support/arbitrary-request.ts";
import { oracle } from "../../../support/oracles.ts";
import { shuffled, withShuffledKeys } from "../../../support/random-portfolios.ts";
import { asJsonBody, RUN_IDENTITY } from "../../../support/rebalance-request.ts";
import { simulate } from "../advisory/proposals.ts";

/* Bodies that are anything but tidy: missing prices and rates, negative and very long numbers, names of every kind. */

const SECOND = { ...RUN_IDENTITY, defaultRulesVersion: "2" } as const;

function resultOf(body: unknown): string {
  const result = simulateRebalance(RebalanceRequest.parse(asJsonBody(body)), SECOND);
  const text = canonicalJson(result);
  // What goes out is as the contract promises it.
  expect(RebalanceResult.safeParse(JSON.parse(text)).error).toBeUndefined();
  return text;
}

/** The first row of each name only. */
function withoutDuplicates(body: ArbitraryRebalance) {
  const once = <T>(items: readonly T[], nameOf: (item: T) => string): T[] =>
    items.filter((item, at) => items.findIndex((other) => nameOf(other) === nameOf(item)) === at);
  const { market_data_snapshot: market, portfolio_snapshot: held } = body;
  return {
    ...body,
    market_data_snapshot: {
      fx_rates: once(market.fx_rates, ({ pair }) => pair),
      prices: once(market.prices, ({ instrument_id }) => instrument_id),
    },
    model_portfolio: { targets: once(body.model_portfolio.targets, ({ instrument_id }) => instrument_id) },
    portfolio_snapshot: {
      ...held,
      cash_balances: once(held.cash_balances, ({ currency }) => currency),
      positions: once(held.positions, ({ instrument_id }) => instrument_id),
    },
    shelf_entries: once(body.shelf_entries, ({ instrument_id }) => instrument_id),
  };
}

describe("under rules version 2", () => {
  oracle(
    "any rebalance ends, as the contract promises it",
    fc.oneof(arbitraryRebalance, tidyRebalance),
    (body) => {
      expect(resultOf(body)).toBe(resultOf(body));
    },
    2,
  );

  oracle(
    "any rebalance without repeated names is the same in another order",
    fc.tuple(arbitraryRebalance, fc.nat(1000)),
    ([sent, seed]) => {
      const body = withoutDuplicates(sent);
      const { market_data_snapshot: market, portfolio_snapshot: held } = body;
      const other = {
        ...body,
        market_data_snapshot: {
          fx_rates: shuffled(market.fx_rates, seed),
          prices: shuffled(market.prices, seed),
        },
        model_portfolio: { targets: shuffled(body.model_portfolio.targets, seed) },
        options: withShuffledKeys(body.options, seed),
        portfolio_snapshot: {
          ...held,
          cash_balances: shuffled(held.cash_balances, seed),
          positions: shuffled(
            held.positions.map((position) =>
              "lots" in position ? { ...position, lots: shuffled(position.lots, seed) } : position,
            ),
            seed,
          ),
        },
        shelf_entries: shuffled(
          body.shelf_entries.map((entry) => withShuffledKeys(entry, seed)),
          seed,
        ),
      };
      expect(duplicates(RebalanceRequest.parse(asJsonBody(body)))).toEqual([]);
      const [one, two] = [resultOf(body), resultOf(other)];
      if (one !== two) expect(JSON.parse(two)).toEqual(JSON.parse(one));
      expect(two).toBe(one);
    },
  );

  oracle("any proposal ends", fc.tuple(arbitraryRebalance, fc.nat(9)), ([body, at]) => {
    const { model_portfolio, ...rest } = body;
    const trades = model_portfolio.targets.map(({ instrument_id }, index) => {
      const currency = rest.market_data_snapshot.prices[index % 2]?.currency ?? "EUR";
      const size =
        index % 2 === 0
          ? { quantity: String(index + at) }
          : { notional: { amount: String(at * 37), currency } };
      return { instrument_id, side: (index + at) % 3 === 0 ? "SELL" : "BUY", ...size };
    });
    const parsed = ProposalSimulateRequest.safeParse(
      asJsonBody({
        ...rest,
        options: { ...rest.options, enable_proposal_simulation: true, rules_version: "2" },
        proposed_cash_flows: [{ amount: "-12.345", currency: "USD" }],
        proposed_trades: trades,
      }),
    );
    if (!parsed.success) return;
    expect(canonicalJson(simulate(parsed.data))).toBe(canonicalJson(simulate(parsed.data)));
  });
});

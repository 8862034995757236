import { describe, expect, test } from "vitest";
import type { ProposalResult } from "../../../../src/contract/proposal.ts";
import { buy, cash, fx, held, marketData, portfolio, price, sell, shelf, simulated } from "./proposals.ts";

const NOT_SUPPORTED = "PROPOSAL_TRADE_NOT_SUPPORTED_BY_SHELF";
const INVALID = "PROPOSAL_INVALID_TRADE_INPUT";

function byNotional(side: "BUY" | "SELL", instrument_id: string, amount: string, currency = "USD") {
  return { side, instrument_id, notional: { amount, currency } };
}

function intentIds({ intents }: ProposalResult): string[] {
  return intents.map(({ intent_id }) => intent_id);
}

describe("a proposed trade", () => {
  test("by quantity has the notional quantity × price, also in base currency", () => {
    const result = simulated({ proposed_trades: [buy("FI", "3")] });
    expect(result.intents).toEqual([
      {
        constraints_applied: [],
        dependencies: [],
        instrument_id: "FI",
        intent_id: "oi_1",
        intent_type: "SECURITY_TRADE",
        notional: { amount: "15", currency: "USD" },
        notional_base: { amount: "15", currency: "USD" },
        quantity: "3",
        rationale: { code: "MANUAL_PROPOSAL", message: "Advisor proposed trade" },
        side: "BUY",
      },
    ]);
  });

  test("by notional has the quantity amount ÷ price, not rounded", () => {
    const result = simulated({ proposed_trades: [byNotional("SELL", "EQ", "1")] });
    expect(result.intents[0]).toMatchObject({ quantity: "0.1", notional: { amount: "1", currency: "USD" } });
    expect(result.after_simulated.positions[0]?.quantity).toBe("99.9");
  });

  test("by notional in another currency than the price's is refused", () => {
    const result = simulated({ proposed_trades: [byNotional("BUY", "EQ", "1", "EUR")] });
    expect(result.diagnostics.warnings).toEqual([INVALID]);
    expect(result.intents).toEqual([]);
    expect(result.status).toBe("BLOCKED");
  });

  test("without a shelf entry is logged and skipped before anything else is looked at", () => {
    const result = simulated({
      shelf_entries: [shelf("EQ")],
      proposed_trades: [buy("FI", "1"), sell("X", "1")],
    });
    expect(result.diagnostics.data_quality).toEqual({
      fx_missing: [],
      price_missing: [],
      shelf_missing: ["FI", "X"],
    });
    expect(result.intents).toEqual([]);
    expect(result.status).toBe("BLOCKED");
  });

  test.each([
    ["SELL_ONLY", false, false],
    ["BANNED", true, false],
    ["SUSPENDED", true, false],
    ["RESTRICTED", false, false],
    ["RESTRICTED", true, true],
    ["APPROVED", false, true],
  ])("that buys %s with allow_restricted %s: allowed %s", (status, allow_restricted, allowed) => {
    const result = simulated(
      { shelf_entries: [shelf("EQ"), shelf("FI", { status })], proposed_trades: [buy("FI", "1")] },
      { allow_restricted },
    );
    expect(intentIds(result)).toEqual(allowed ? ["oi_1"] : []);
    expect(result.diagnostics.warnings).toEqual(allowed ? [] : [NOT_SUPPORTED]);
  });

  test.each(["SELL_ONLY", "BANNED", "SUSPENDED", "RESTRICTED"])(
    "that sells %s is always allowed",
    (status) => {
      const result = simulated({
        shelf_entries: [shelf("EQ", { status })],
        proposed_trades: [sell("EQ", "1")],
      });
      expect(intentIds(result)).toEqual(["oi_1"]);
    },
  );

  test("is checked against the last shelf entry of its instrument", () => {
    const entries = [shelf("EQ"), shelf("FI"), shelf("FI", { status: "BANNED" })];
    const result = simulated({ shelf_entries: entries, proposed_trades: [buy("FI", "1")] });
    expect(result.diagnostics.warnings).toEqual([NOT_SUPPORTED]);
  });

  test("without a price is logged and skipped", () => {
    const result = simulated({
      shelf_entries: [shelf("EQ"), shelf("NEW")],
      proposed_trades: [buy("NEW", "1")],
    });
    expect(result.diagnostics.data_quality["price_missing"]).toEqual(["NEW"]);
    expect(result.intents).toEqual([]);
  });

  test("at a price of zero is worth nothing by quantity and refused by notional", () => {
    const free = { market_data_snapshot: marketData({ prices: [price("EQ", "10"), price("FI", "0")] }) };
    const byUnits = simulated({ ...free, proposed_trades: [buy("FI", "7")] });
    expect(byUnits.intents[0]).toMatchObject({ quantity: "7", notional: { amount: "0" } });
    const byMoney = simulated({ ...free, proposed_trades: [byNotional("BUY", "FI", "7")] });
    expect(byMoney.diagnostics.warnings).toEqual([INVALID]);
    expect(byMoney.diagnostics.data_quality["price_missing"]).toEqual([]);
  });

  test("in a currency without a rate has no notional in base and is logged every time", () => {
    const result = simulated({
      portfolio_snapshot: portfolio({ positions: [held("EU", "10")] }),
      market_data_snapshot: marketData({ prices: [price("EU", "1", "EUR")] }),
      shelf_entries: [shelf("EU")],
      proposed_trades: [sell("EU", "1"), sell("EU", "2")],
    });
    expect(result.intents).toMatchObject([{ notional_base: null }, { notional_base: null }]);
    // The position before, both trades, then the position and the proceeds after.
    expect(result.diagnostics.data_quality["fx_missing"]).toEqual(Array(5).fill("EUR/USD"));
  });
});

describe("the order of intents", () => {
  const mixed = {
    shelf_entries: [shelf("EQ"), shelf("FI"), shelf("AB")],
    market_data_snapshot: marketData({ prices: [price("EQ", "10"), price("FI", "5"), price("AB", "2")] }),
    proposed_cash_flows: [cash("USD", "10")],
    proposed_trades: [buy("FI", "1"), sell("EQ", "1"), buy("AB", "1"), sell("EQ", "2"), buy("XX", "1")],
  };

  test("is cash flows, sales and purchases, by instrument and then as requested; ids keep the request's order", () => {
    expect(intentIds(simulated(mixed))).toEqual(["oi_cf_1", "oi_2", "oi_4", "oi_3", "oi_1"]);
  });

  test("links a purchase to the last sale of its currency only when that is asked for", () => {
    const dependencies = (link: boolean | null) =>
      simulated(mixed, { link_buy_to_same_currency_sell_dependency: link }).intents.flatMap((intent) =>
        intent.intent_type === "SECURITY_TRADE" && intent.side === "BUY" ? [intent.dependencies] : [],
      );
    expect(dependencies(true)).toEqual([["oi_4"], ["oi_4"]]);
    expect(dependencies(false)).toEqual([[], []]);
    expect(dependencies(null)).toEqual([[], []]);
  });

  test("names the FX of the purchase's currency before the sale", () => {
    const result = simulated(
      {
        portfolio_snapshot: portfolio({ positions: [held("EU", "10")] }),
        market_data_snapshot: marketData({
          prices: [price("EU", "10", "EUR"), price("FI", "5", "EUR")],
          fx_rates: [fx("EUR/USD", "2")],
        }),
        shelf_entries: [shelf("EU"), shelf("FI")],
        proposed_trades: [buy("FI", "4"), sell("EU", "1")],
      },
      { link_buy_to_same_currency_sell_dependency: true },
    );
    expect(intentIds(result)).toEqual(["oi_2", "oi_fx_1", "oi_1"]);
    expect(result.intents.at(-1)).toMatchObject({ dependencies: ["oi_fx_1", "oi_2"] });
  });
});

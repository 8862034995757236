import { describe, expect, test } from "vitest";
import type { RebalanceRequest, RebalanceResult } from "../../../../src/contract/rebalance.ts";
import { canonicalJson } from "../../../../src/platform/json/canonical-json.ts";
import { simulateRebalance } from "../../../../src/engine/rebalance/simulate.ts";
import { faultsOf } from "../../../../src/engine/versions.ts";
import { requestOf } from "../../../support/random-portfolios.ts";
import { rebalanceRequest, RUN_IDENTITY, type Holding } from "../../../support/rebalance-request.ts";

/*
 * Small rebalances whose right answer is derived by hand in the text, each with version 1's answer to the same request
 * beside it. Unless said otherwise: base EUR, 1,000 in cash, prices of 1, USD/EUR 0.5.
 */

type Options = Readonly<Record<string, unknown>>;
type Body = Readonly<Record<string, unknown>>;
type Both = { readonly v1: RebalanceResult; readonly v2: RebalanceResult };

function both(
  holdings: readonly Holding[],
  options: Options = {},
  cash = "1000",
  change?: (body: RebalanceRequest) => Body,
): Both {
  const made = rebalanceRequest(holdings, options, cash);
  const body =
    change === undefined ? made : requestOf(JSON.parse(canonicalJson({ ...made, ...change(made) })));
  const under = (rules_version: "1" | "2") =>
    simulateRebalance({ ...body, options: { ...body.options, rules_version } }, RUN_IDENTITY);
  return { v1: under("1"), v2: under("2") };
}

const trades = ({ intents }: RebalanceResult): string[] =>
  intents.map((intent) =>
    intent.intent_type === "SECURITY_TRADE"
      ? `${intent.side} ${intent.quantity ?? ""} ${intent.instrument_id}`
      : `${intent.sell_amount_estimated} ${intent.sell_currency} for ${intent.buy_amount} ${intent.buy_currency}`,
  );

const weights = ({ target }: RebalanceResult): Record<string, string> =>
  Object.fromEntries(target.targets.map(({ final_weight, instrument_id }) => [instrument_id, final_weight]));

const warnings = ({ diagnostics }: RebalanceResult): readonly string[] => diagnostics.warnings;

const failures = ({ rule_results }: RebalanceResult): string[] =>
  rule_results
    .filter(({ status }) => status === "FAIL")
    .map(({ reason_code, rule_id, severity }) => `${severity} ${rule_id} ${reason_code}`);

const cashOf = ({ after_simulated }: RebalanceResult): Record<string, string> =>
  Object.fromEntries(after_simulated.cash_balances.map(({ amount, currency }) => [currency, amount]));

const gateOf = ({ gate_decision }: RebalanceResult): string | undefined => gate_decision?.gate;

const withShelf =
  (more: Readonly<Record<string, Body>>) =>
  (body: RebalanceRequest): Body => ({
    shelf_entries: body.shelf_entries.map((entry) => ({ ...entry, ...more[entry.instrument_id] })),
  });

const withPositions =
  (more: Readonly<Record<string, Body>>) =>
  (body: RebalanceRequest): Body => ({
    portfolio_snapshot: {
      ...body.portfolio_snapshot,
      positions: body.portfolio_snapshot.positions.map((position) => ({
        ...position,
        ...more[position.instrument_id],
      })),
    },
  });

const TECH = { sector: "TECH" };

describe("numbers", () => {
  test("sums are exact: 100,000,000,000,000,000 and thirty decimals stay one number", () => {
    // The total has 48 digits. Version 1 keeps 28 of them: 10^17 and ten decimals, all of them 0.
    const cash = "100000000000000000.000000000000000000000000000001";
    const { v1, v2 } = both([{ id: "A" }], {}, cash);
    expect(v2.before.total_value.amount).toBe(cash);
    expect(v1.before.total_value.amount).toBe("100000000000000000");
  });

  test("a quotient has 34 digits, half-even", () => {
    // Locked A is 1 of 3: a third. Its final value is 3 × that weight, which is exact: 34 nines.
    const { v1, v2 } = both([{ id: "A", quantity: "1", status: "SUSPENDED" }], {}, "2");
    expect(weights(v2)).toEqual({ A: "0.3333333333333333333333333333333333" });
    expect(v2.target.targets[0]?.final_value.amount).toBe("0.9999999999999999999999999999999999");
    expect(weights(v1)).toEqual({ A: "0.3333333333333333333333333333" });
  });

  test("lists have one order, whatever the order of the request", () => {
    const { v1, v2 } = both([
      { id: "B", target: "0.1", quantity: "10" },
      { id: "A", target: "0.1", quantity: "10" },
    ]);
    const order = (result: RebalanceResult) => [
      result.target.targets.map(({ instrument_id }) => instrument_id).join(),
      result.before.positions.map(({ instrument_id }) => instrument_id).join(),
      result.universe.eligible_for_buy.join(),
    ];
    expect(order(v2)).toEqual(["A,B", "A,B", "A,B"]);
    expect(order(v1)).toEqual(["B,A", "B,A", "B,A"]);
  });
});

describe("input", () => {
  test("what is listed twice is a fault at the second, in each of the lists", () => {
    const request = rebalanceRequest([{ id: "A", quantity: "1", target: "0.1" }], { rules_version: "2" });
    const {
      market_data_snapshot: market,
      model_portfolio,
      portfolio_snapshot: held,
      shelf_entries,
    } = request;
    const twice = <T>(items: readonly T[]) => [...items, ...items];
    const faults = faultsOf(
      {
        ...request,
        market_data_snapshot: { ...market, fx_rates: twice(market.fx_rates), prices: twice(market.prices) },
        model_portfolio: { targets: twice(model_portfolio.targets) },
        portfolio_snapshot: {
          ...held,
          cash_balances: twice(held.cash_balances),
          positions: twice(held.positions),
        },
        shelf_entries: twice(shelf_entries),
      },
      "1",
    );
    expect(faults.map(({ code, path }) => `${code} ${path.join(".")}`)).toEqual([
      "DUPLICATE_ID portfolio_snapshot.positions.1.instrument_id",
      "DUPLICATE_ID portfolio_snapshot.cash_balances.1.currency",
      "DUPLICATE_ID market_data_snapshot.prices.1.instrument_id",
      "DUPLICATE_ID market_data_snapshot.fx_rates.1.pair",
      "DUPLICATE_ID model_portfolio.targets.1.instrument_id",
      "DUPLICATE_ID shelf_entries.1.instrument_id",
    ]);
  });

  test("opposite quotes whose product is off 1 by more than 0.01 are warned of", () => {
    // 0.5 × 1.97 = 0.985: off by 0.015. 0.5 × 1.98 = 0.99: off by 0.01, which is not more.
    const quoted = (back: string) =>
      both([{ id: "A" }], {}, "1000", (body) => ({
        market_data_snapshot: {
          ...body.market_data_snapshot,
          fx_rates: [
            { pair: "USD/EUR", rate: "0.5" },
            { pair: "EUR/USD", rate: back },
          ],
        },
      }));
    expect(warnings(quoted("1.97").v2)).toEqual(["FX_QUOTES_DISAGREE_EUR/USD"]);
    expect(warnings(quoted("1.97").v1)).toEqual([]);
    expect(warnings(quoted("1.98").v2)).toEqual([]);
  });

  test("trades are whole multiples of the step", () => {
    // 1,000 × 1 ÷ 300 = 3.3333…: 3.3333 in steps of 0.0001; of 30 none is bought in tens.
    const fund = [{ id: "A", price: "300", target: "1" }];
    expect(trades(both(fund, {}, "1000", withShelf({ A: { quantity_step: "0.0001" } })).v2)).toEqual([
      "BUY 3.3333 A",
    ]);
    expect(trades(both(fund, {}, "1000", withShelf({ A: { quantity_step: "10" } })).v2)).toEqual([]);
    expect(trades(both(fund, {}, "1000", withShelf({ A: { quantity_step: "0.0001" } })).v1)).toEqual([
      "BUY 3 A",
    ]);
  });

  test("fewer units than the minimum quantity are no trade, also where dust is one", () => {
    // 300 units of 1,000 at 1: below 301.
    const { v1, v2 } = both(
      [{ id: "A", target: "0.3" }],
      { suppress_dust_trades: false },
      "1000",
      withShelf({ A: { min_quantity: "301" } }),
    );
    expect(trades(v2)).toEqual([]);
    expect(v2.diagnostics.suppressed_intents).toEqual([
      {
        instrument_id: "A",
        intended_notional: { amount: "300", currency: "EUR" },
        intended_quantity: "300",
        min_quantity: "301",
        reason: "BELOW_MIN_QUANTITY",
        threshold: { amount: "301", currency: "EUR" },
      },
    ]);
    expect(trades(v1)).toEqual(["BUY 300 A"]);
  });

  test("coverage is the share of the value that has a price, and a rate", () => {
    // A: 100 at 3 = 300. B: without a price, market value 300. C: in GBP without a rate, market value 200 EUR. Cash 200.
    // Of 1,000: with a price 300 + 200 + 200 = 0.7 (C has one), with a rate 300 + 300 + 200 = 0.8.
    const { v1, v2 } = both(
      [
        { id: "A", quantity: "100", price: "3" },
        { id: "B", quantity: "1" },
        { id: "C", quantity: "1", currency: "GBP" },
      ],
      { valuation_mode: "TRUST_SNAPSHOT" },
      "200",
      (body) => ({
        ...withPositions({
          B: { market_value: { amount: "300", currency: "EUR" } },
          C: { market_value: { amount: "200", currency: "EUR" } },
        })(body),
        market_data_snapshot: {
          ...body.market_data_snapshot,
          prices: body.market_data_snapshot.prices.filter(({ instrument_id }) => instrument_id !== "B"),
        },
      }),
    );
    expect(v2.universe.coverage).toEqual({ fx_coverage_pct: "0.8", price_coverage_pct: "0.7" });
    expect(v1.universe.coverage).toEqual({ fx_coverage_pct: "0", price_coverage_pct: "0" });
  });

  test("a missing price is listed once", () => {
    const { v1, v2 } = both(
      [{ id: "A", quantity: "1" }],
      { block_on_missing_prices: false },
      "1000",
      (body) => ({
        market_data_snapshot: { ...body.market_data_snapshot, prices: [] },
      }),
    );
    // Version 1 logs it when it values the state before, when it sizes the sell, and when it values the state after.
    expect(v2.diagnostics.data_quality["price_missing"]).toEqual(["A"]);
    expect(v1.diagnostics.data_quality["price_missing"]).toEqual(["A", "A", "A"]);
  });

  test("what is missing is listed by name, not as it was met", () => {
    const { v1, v2 } = both(
      [
        { id: "B", quantity: "1" },
        { id: "A", quantity: "1" },
      ],
      {},
      "1000",
      (body) => ({
        market_data_snapshot: { ...body.market_data_snapshot, prices: [] },
      }),
    );
    expect(v2.diagnostics.data_quality["price_missing"]).toEqual(["A", "B"]);
    expect(v1.diagnostics.data_quality["price_missing"]).toEqual(["B", "A"]);
  });
});

describe("value and size", () => {
  const trusted = (amount: string, currency = "EUR") =>
    withPositions({ A: { market_value: { amount, currency } } });

  test("with CALCULATED a market value counts nowhere", () => {
    // 100 A at 1 and 900 in cash: 1,000. Target 0.5: 500, so 400 more. Version 1 takes the 500 that were sent for held.
    const { v1, v2 } = both([{ id: "A", quantity: "100", target: "0.5" }], {}, "900", trusted("500"));
    expect(trades(v2)).toEqual(["BUY 400 A"]);
    expect(trades(v1)).toEqual([]);
  });

  test("with TRUST_SNAPSHOT it is the value, converted from its own currency", () => {
    // 600 USD are 300 EUR; with 700 in cash 1,000. Target 0.5: 500, so 200 more. Version 1 compares 500 with 600.
    const { v1, v2 } = both(
      [{ id: "A", quantity: "300", target: "0.5" }],
      { valuation_mode: "TRUST_SNAPSHOT" },
      "700",
      trusted("600", "USD"),
    );
    expect(trades(v2)).toEqual(["BUY 200 A"]);
    expect(v2.before.positions[0]?.value_in_base_ccy.amount).toBe("300");
    expect(v2.before.total_value.amount).toBe("1000");
    expect(v2.after_simulated.total_value.amount).toBe("1000");
    expect(trades(v1)).toEqual(["SELL 100 A"]);
  });

  test("trades change a trusted value by what they pay, so that the totals agree", () => {
    // 100 A at 1, trusted as 400; cash 600. Target 0.2: 200, so 200 worth are sold: 100 units at most are there.
    // What was sold out is worth nothing: 600 + 100 = 700 of 1,000, which reconciliation tells.
    const { v2 } = both(
      [{ id: "A", quantity: "100", target: "0.2" }],
      { valuation_mode: "TRUST_SNAPSHOT" },
      "600",
      trusted("400"),
    );
    expect(trades(v2)).toEqual(["SELL 100 A"]);
    expect(failures(v2)).toEqual(["HARD RECONCILIATION VALUE_MISMATCH"]);
    // Half of it: target 0.35 sells 50; 350 and 650 are 1,000. Version 1 values what is left by price: 50.
    const half = both(
      [{ id: "A", quantity: "100", target: "0.35" }],
      { valuation_mode: "TRUST_SNAPSHOT" },
      "600",
      trusted("400"),
    );
    expect([trades(half.v2), half.v2.after_simulated.total_value.amount]).toEqual([["SELL 50 A"], "1000"]);
    expect(half.v1.after_simulated.total_value.amount).toBe("700");
  });

  test("minimum notionals are compared in their own currency", () => {
    // 60 EUR are 120 USD: above 100 USD. Version 1 compares 60 with 100.
    const { v1, v2 } = both([{ id: "A", target: "0.06" }], {
      min_trade_notional: { amount: "100", currency: "USD" },
    });
    expect(trades(v2)).toEqual(["BUY 60 A"]);
    expect(trades(v1)).toEqual([]);
  });

  test("the larger of dust threshold and minimum notional counts", () => {
    const options = {
      dust_trade_threshold: { amount: "150", currency: "USD" },
      min_trade_notional: { amount: "50", currency: "EUR" },
    };
    // 150 USD are 75 EUR, the larger: 60 is dust, 80 is not.
    expect(trades(both([{ id: "A", target: "0.06" }], options).v2)).toEqual([]);
    expect(trades(both([{ id: "A", target: "0.08" }], options).v2)).toEqual(["BUY 80 A"]);
    expect(trades(both([{ id: "A", target: "0.06" }], options).v1)).toEqual(["BUY 60 A"]);
  });

  test("a trade of zero units is no suppressed trade", () => {
    const options = { min_trade_notional: { amount: "50", currency: "EUR" } };
    const { v1, v2 } = both([{ id: "A", quantity: "500", target: "0.5" }], options, "500");
    expect(v2.diagnostics.suppressed_intents).toEqual([]);
    expect(v1.diagnostics.suppressed_intents).toHaveLength(1);
  });
});

describe("locked holdings", () => {
  const suspended: Holding = { attributes: TECH, id: "A", quantity: "600", status: "SUSPENDED" };
  const limit = { group_constraints: { "sector:TECH": { max_weight: "0.3" } } };

  test("are not sold for the cap of their group", () => {
    // A is 0.6 of 1,000 and may not be sold; TECH may be 0.3. B is in TECH too and gets nothing. C takes the 0.1 of B as
    // long as there is cash: 0.4. What was to be invested is 0.3 + 0.2; 0.1 stays cash.
    const holdings = [suspended, { attributes: TECH, id: "B", target: "0.3" }, { id: "C", target: "0.2" }];
    const { v1, v2 } = both(holdings, limit, "400");
    expect(weights(v2)).toEqual({ A: "0.6", B: "0", C: "0.4" });
    expect(trades(v2)).toEqual(["BUY 400 C"]);
    expect(warnings(v2)).toContain("LIMIT_EXCEEDED_BY_LOCKED_sector:TECH");
    expect(failures(v2)).toEqual([
      "SOFT GROUP_MAX LIMIT_BREACH",
      "SOFT TARGETS_NOT_MET LIMIT_EXCEEDED_BY_LOCKED_sector:TECH",
    ]);
    expect(trades(v1)[0]).toBe("SELL 400 A");
  });

  test("count against the cap of their group, which others then share", () => {
    // A is 0.2 of TECH's 0.5: B may be 0.3 of the 0.4 that it is to be; C gets the rest: 0.1 + 0.1.
    const holdings: Holding[] = [
      { ...suspended, quantity: "200" },
      { attributes: TECH, id: "B", target: "0.4" },
      { id: "C", target: "0.1" },
    ];
    const { v2 } = both(holdings, { group_constraints: { "sector:TECH": { max_weight: "0.5" } } }, "800");
    expect(weights(v2)).toEqual({ A: "0.2", B: "0.3", C: "0.2" });
    expect(v2.status).toBe("READY");
  });

  test.each(["BANNED", "RESTRICTED", "SUSPENDED", "without a shelf entry"])(
    "that are %s are not sold for the limit of a single position",
    (status) => {
      // A is 0.6 of 1,000, and no position may be more than 0.5.
      const isListed = status !== "without a shelf entry";
      const { v1, v2 } = both(
        [{ id: "A", quantity: "600", status: isListed ? status : "APPROVED" }],
        { single_position_max_weight: "0.5" },
        "400",
        (body) => ({ shelf_entries: isListed ? body.shelf_entries : [] }),
      );
      expect(trades(v2)).toEqual([]);
      expect(weights(v2)).toEqual({ A: "0.6" });
      expect(trades(v1)).toEqual(["SELL 100 A"]);
    },
  );

  test("above the limit of a single position are for review", () => {
    const { v1, v2 } = both([suspended], { single_position_max_weight: "0.5" }, "400");
    expect(trades(v2)).toEqual([]);
    expect(v2.status).toBe("PENDING_REVIEW");
    expect(failures(v2)).toEqual([
      "SOFT SINGLE_POSITION_MAX LIMIT_EXCEEDED_BY_LOCKED",
      "SOFT TARGETS_NOT_MET LIMIT_EXCEEDED_BY_LOCKED_SINGLE_POSITION_MAX",
    ]);
    expect(trades(v1)).toEqual(["SELL 100 A"]);
  });

  test("that leave no cash for the buffer leave nothing to buy", () => {
    // Locked 0.95, buffer 0.1: B, which is held at 0.03, is cut to 0.
    const holdings: Holding[] = [
      { ...suspended, quantity: "950" },
      { id: "B", quantity: "30", target: "0.03" },
    ];
    const { v2 } = both(holdings, { min_cash_buffer_pct: "0.1" }, "20");
    expect(trades(v2)).toEqual(["SELL 30 B"]);
    expect(warnings(v2)).toEqual(["LIMIT_EXCEEDED_BY_LOCKED_CASH_BUFFER", "EXCESS_KEPT_AS_CASH"]);
    // One failed rule, by the first of the reasons: 0.95 + 0.1 are 0.05 too much.
    expect(v2.rule_results.filter(({ rule_id }) => rule_id === "TARGETS_NOT_MET")).toMatchObject([
      { measured: "0.05", reason_code: "LIMIT_EXCEEDED_BY_LOCKED_CASH_BUFFER", severity: "SOFT" },
    ]);
  });

  test("that are worth nothing do not stop the run for a price: they are not sized", () => {
    // A is suspended at a price of 0. Version 1 would have to size it, and cannot.
    const holdings: Holding[] = [
      { ...suspended, price: "0" },
      { id: "B", target: "0.5" },
    ];
    const { v1, v2 } = both(holdings);
    expect(trades(v2)).toEqual(["BUY 500 B"]);
    expect(v2.diagnostics.data_quality["price_missing"]).toEqual([]);
    expect([v1.status, v1.diagnostics.data_quality["price_missing"]]).toEqual(["BLOCKED", ["A"]]);
  });

  test("do not block SOLVER either", () => {
    const holdings = [suspended, { attributes: TECH, id: "B", target: "0.3" }, { id: "C", target: "0.2" }];
    const { v1, v2 } = both(holdings, { ...limit, target_method: "SOLVER" }, "400");
    expect(weights(v2)).toEqual({ A: "0.6", B: "0", C: "0.2" });
    expect(v2.status).toBe("PENDING_REVIEW");
    expect(v1.status).toBe("BLOCKED");
  });
});

describe("targets, HEURISTIC", () => {
  const model = [
    { id: "A", target: "0.5" },
    { id: "B", target: "0.3" },
    { id: "C", target: "0.2" },
  ];

  test("what a limit takes goes to the others in proportion, all of it", () => {
    // A is cut to 0.4; its 0.1 goes to B and C as 3 to 2. Version 1 gives C its share of what B left: 0.04 × 0.4.
    const { v1, v2 } = both(model, { single_position_max_weight: "0.4" });
    expect(weights(v2)).toEqual({ A: "0.4", B: "0.36", C: "0.24" });
    expect(v2.status).toBe("READY");
    expect(weights(v1)).toEqual({ A: "0.4", B: "0.36", C: "0.216" });
  });

  test("an instrument that reaches its limit stops, and the rest goes on", () => {
    // At most 0.35 each: A stops at 0.35, B and C grow as 3 to 2 until B is at 0.35; C takes the rest: 0.3.
    const { v2 } = both(model, { single_position_max_weight: "0.35" });
    expect(weights(v2)).toEqual({ A: "0.35", B: "0.35", C: "0.3" });
  });

  test("limits hold together: what one group releases does not break another", () => {
    // A and B in X (0.4 at most), B and C in Y (0.6). All grow as 5, 3, 2: X is full at A 0.25, B 0.15; then C alone
    // grows, until Y is: 0.45. In all 0.85; 0.15 stay cash.
    const grouped: Holding[] = [
      { attributes: { one: "X" }, id: "A", target: "0.5" },
      { attributes: { one: "X", two: "Y" }, id: "B", target: "0.3" },
      { attributes: { two: "Y" }, id: "C", target: "0.2" },
    ];
    const options = { group_constraints: { "one:X": { max_weight: "0.4" }, "two:Y": { max_weight: "0.6" } } };
    const { v1, v2 } = both(grouped, options);
    expect(weights(v2)).toEqual({ A: "0.25", B: "0.15", C: "0.45" });
    expect(v2.rule_results.at(-1)).toMatchObject({
      measured: "0.15",
      reason_code: "EXCESS_KEPT_AS_CASH",
      rule_id: "TARGETS_NOT_MET",
    });
    // Version 1 gives the 0.4 of X to C (0.6), then the 0.15 of Y (B 0.12, C 0.48) to A (0.4): X is at 0.52, and READY.
    expect(weights(v1)).toEqual({ A: "0.4", B: "0.12", C: "0.48" });
    expect(v1.status).toBe("READY");
  });

  test("the weight of a SELL_ONLY target is shared out with the rest", () => {
    // 0.2 of S go to A and B as 3 to 1: 0.75 and 0.25 of 0.8 + 0.2.
    const holdings: Holding[] = [
      { id: "A", target: "0.6" },
      { id: "B", target: "0.2" },
      { id: "S", status: "SELL_ONLY", target: "0.2" },
    ];
    expect(weights(both(holdings).v2)).toEqual({ A: "0.75", B: "0.25", S: "0" });
  });

  test("without a taker it stays cash, for a review that the gate sees", () => {
    const { v1, v2 } = both([{ id: "S", status: "SELL_ONLY", target: "0.2" }]);
    expect(failures(v2)).toEqual(["SOFT TARGETS_NOT_MET EXCESS_KEPT_AS_CASH"]);
    expect([v2.status, gateOf(v2)]).toEqual(["PENDING_REVIEW", "RISK_REVIEW_REQUIRED"]);
    expect([v1.status, gateOf(v1)]).toEqual(["PENDING_REVIEW", "EXECUTION_READY"]);
  });

  test("the cash buffer is kept to the last digit", () => {
    // Three equal weights share 0.9 of 1: 0.3 each, whatever a third of 1 is.
    const thirds = ["A", "B", "C"].map((id) => ({ id, target: "0.333333333333333333333333333333" }));
    const { v2 } = both(thirds, { min_cash_buffer_pct: "0.1" });
    expect(weights(v2)).toEqual({ A: "0.3", B: "0.3", C: "0.3" });
  });
});

describe("targets, SOLVER", () => {
  test("weights are rounded towards zero at twelve decimals", () => {
    // 0.5, 0.5, 0.5 in at most 1: a third each. Version 1's 0.3333 leaves 0.0001; with 2/3 each it would take 0.0001 more.
    const holdings = ["A", "B", "C"].map((id) => ({ id, target: "0.5" }));
    const { v1, v2 } = both(holdings, { target_method: "SOLVER" });
    expect(new Set(Object.values(weights(v2)))).toEqual(new Set(["0.333333333333"]));
    expect(new Set(Object.values(weights(v1)))).toEqual(new Set(["0.3333"]));
  });

  test("no upper limit is passed by rounding", () => {
    // Six weights of 1/6: version 1 rounds each up to 0.1667, together 1.0002, and overspends; version 2 does not.
    const holdings = ["A", "B", "C", "D", "E", "F"].map((id) => ({ id, target: "0.5", price: "0.01" }));
    const { v1, v2 } = both(holdings, { target_method: "SOLVER" });
    expect(cashOf(v1)).toEqual({ EUR: "-0.2" });
    expect(failures(v1)).toEqual([
      "SOFT CASH_BAND THRESHOLD_BREACH",
      "HARD INSUFFICIENT_CASH CASH_BALANCE_NEGATIVE",
    ]);
    // 166.6666… in cents: 16,666 units each, 999.96 together.
    expect(cashOf(v2)).toEqual({ EUR: "0.04" });
    expect(v2.status).toBe("READY");
  });

  test("limits that contradict each other are named, with the smallest changes", () => {
    // At least 0.9 are to be invested. A and B, in TECH, may be 0.3 together; C at most 0.3. Together 0.6: each of the
    // three limits has to give way by 0.3 if it alone does. (C may then be 0.6, which is 0.3 more.)
    const holdings: Holding[] = [
      { attributes: TECH, id: "A", target: "0.4" },
      { attributes: TECH, id: "B", target: "0.3" },
      { id: "C", target: "0.2" },
    ];
    const { v1, v2 } = both(holdings, {
      cash_band_max_weight: "0.1",
      group_constraints: { "sector:TECH": { max_weight: "0.3" } },
      single_position_max_weight: "0.3",
      target_method: "SOLVER",
    });
    expect(v2.explanation).toEqual({
      infeasibility: {
        conflict: ["CASH_BAND_MAX", "sector:TECH", "SINGLE_POSITION_MAX"],
        relaxations: { CASH_BAND_MAX: "0.3", SINGLE_POSITION_MAX: "0.3", "sector:TECH": "0.3" },
      },
      summary: "Blocked",
    });
    expect(v1.explanation).toEqual({ summary: "Blocked" });
  });
});

describe("tax", () => {
  const lots = (...all: [quantity: string, cost: string][]) =>
    all.map(([quantity, cost], index) => ({
      lot_id: `L${index}`,
      purchase_date: "2024-01-01",
      quantity,
      unit_cost: { amount: cost, currency: "EUR" },
    }));
  const aware = { enable_tax_awareness: true };

  test("a budget cuts a sell to a whole step", () => {
    // 100 at 10, bought at 7: a gain of 3 each. A budget of 10 pays for 3.33… units: 3, with a gain of 9.
    const holdings = [{ id: "A", lots: lots(["100", "7"]), price: "10", quantity: "100" }];
    const { v1, v2 } = both(holdings, { ...aware, max_realized_capital_gains: "10" });
    expect(trades(v2)).toEqual(["SELL 3 A"]);
    expect(v2.tax_impact?.total_realized_gain.amount).toBe("9");
    expect(warnings(v2)).toEqual(["TAX_BUDGET_LIMIT_REACHED"]);
    expect(trades(v1)).toEqual(["SELL 3.333333333333333333333333333 A"]);
  });

  test("what no lot holds is sold without a budget and listed, and not sold with one", () => {
    // 10.00005 are held and the lots hold 10. In steps of 0.00001 all of it is sold, or 10.
    const holdings = [{ id: "A", lots: lots(["10", "7"]), price: "10", quantity: "10.00005" }];
    const fine = withShelf({ A: { quantity_step: "0.00001" } });
    const free = both(holdings, aware, "1000", fine).v2;
    expect(trades(free)).toEqual(["SELL 10.00005 A"]);
    expect(free.tax_impact?.uncovered_quantity).toEqual([{ instrument_id: "A", quantity: "0.00005" }]);
    const capped = both(holdings, { ...aware, max_realized_capital_gains: "1000" }, "1000", fine).v2;
    expect(trades(capped)).toEqual(["SELL 10 A"]);
    expect(warnings(capped)).toEqual(["TAX_LOTS_INCOMPLETE"]);
    expect(capped.diagnostics.tax_budget_constraint_events).toEqual([
      {
        allowed_quantity: "10",
        instrument_id: "A",
        reason_code: "TAX_LOTS_INCOMPLETE",
        requested_quantity: "10.00005",
      },
    ]);
  });

  test("every pair that lots lack a rate for is named, in whatever order the lots come", () => {
    const [yen, francs] = ["JPY", "CHF"].map((currency) => ({
      lot_id: currency,
      purchase_date: "2024-01-01",
      quantity: "5",
      unit_cost: { amount: "7", currency },
    }));
    const missing = (...all: unknown[]) => {
      const { v1, v2 } = both([{ id: "A", lots: all, price: "10", quantity: "10" }], aware);
      return [v1, v2].map(({ diagnostics }) => diagnostics.data_quality["fx_missing"]);
    };
    // Version 1 stops at the first.
    expect(missing(yen, francs)).toEqual([["JPY/EUR"], ["CHF/EUR", "JPY/EUR"]]);
    expect(missing(francs, yen)).toEqual([["CHF/EUR"], ["CHF/EUR", "JPY/EUR"]]);
  });

  test("the impact is of what is sold after the turnover cap", () => {
    // 100 A at 10 are to be sold with a gain of 3 each; a cap of 0.25 of 2,000 leaves 50.
    const holdings = [{ id: "A", lots: lots(["100", "7"]), price: "10", quantity: "100" }];
    const { v1, v2 } = both(holdings, { ...aware, max_turnover_pct: "0.25" });
    expect([trades(v2), v2.tax_impact?.total_realized_gain.amount]).toEqual([["SELL 50 A"], "150"]);
    expect([trades(v1), v1.tax_impact?.total_realized_gain.amount]).toEqual([[], "300"]);
  });
});

describe("the turnover cap", () => {
  test("scales sells and buys alike, so that buys stay funded", () => {
    // All 1,000 are in A and are to be in B. Turnover 2,000, cap 1,200: 0.6 of each.
    const holdings = [
      { id: "A", quantity: "1000" },
      { id: "B", target: "1" },
    ];
    const { v1, v2 } = both(holdings, { max_turnover_pct: "1" }, "0");
    expect(trades(v2)).toEqual(["SELL 500 A", "BUY 500 B"]);
    expect(v2.diagnostics.dropped_intents).toEqual([
      {
        instrument_id: "B",
        kept_quantity: "500",
        potential_notional: { amount: "1000", currency: "EUR" },
        reason: "TURNOVER_LIMIT",
        requested_quantity: "1000",
        score: "1",
      },
      {
        instrument_id: "A",
        kept_quantity: "500",
        potential_notional: { amount: "1000", currency: "EUR" },
        reason: "TURNOVER_LIMIT",
        requested_quantity: "1000",
        score: "1",
      },
    ]);
    expect(trades(v1)).toEqual(["SELL 1000 A"]);
  });

  test("lists what it drops with both quantities", () => {
    // 2 A at 500 are to be sold and 1,800 B bought: 2,800. A cap of 0.35 of 2,000 leaves a quarter: half an A, which is
    // none, and 450 B, which the cash pays for.
    const holdings = [
      { id: "A", price: "500", quantity: "2" },
      { id: "B", target: "0.9" },
    ];
    const { v1, v2 } = both(holdings, { max_turnover_pct: "0.35" });
    expect(trades(v2)).toEqual(["BUY 450 B"]);
    expect(
      v2.diagnostics.dropped_intents.map((one) => [
        one.instrument_id,
        one.requested_quantity,
        one.kept_quantity,
      ]),
    ).toEqual([
      ["B", "1800", "450"],
      ["A", "2", "0"],
    ]);
    expect(trades(v1)).toEqual([]);
  });

  test("takes off the buys what rounding down the sells leaves unfunded", () => {
    // 33 A at 30 are sold for 990 of B at 10. Half of it: 16 A bring 480; 49 B would cost 490, so 48 are bought.
    const holdings = [
      { id: "A", price: "30", quantity: "33" },
      { id: "B", price: "10", target: "1" },
    ];
    const { v2 } = both(holdings, { max_turnover_pct: "1" }, "0");
    expect(trades(v2)).toEqual(["SELL 16 A", "BUY 48 B"]);
    expect(cashOf(v2)).toEqual({ EUR: "0" });
  });
});

describe("cash and FX", () => {
  test("what is bought for funding, and sold for it, is rounded up to minor units", () => {
    // 33.333 USD are needed and a buffer of 1 %: 33.66633, so 33.67 are bought for 16.835: 16.84 EUR.
    const holdings = [{ currency: "USD", id: "A", price: "33.333", target: "0.02" }];
    const { v1, v2 } = both(holdings);
    expect(trades(v2)).toEqual(["16.84 EUR for 33.67 USD", "BUY 1 A"]);
    expect(cashOf(v2)).toEqual({ EUR: "983.16", USD: "0.337" });
    expect(trades(v1)[0]).toBe("16.833165 EUR for 33.66633 USD");
  });

  test("a currency without decimals is bought in whole units", () => {
    // 150.5 JPY are needed, and 1 % more: 152.005, so 153 are bought, for 1.53 EUR.
    const { v1, v2 } = both(
      [{ currency: "JPY", id: "A", price: "150.5", target: "0.002" }],
      {},
      "1000",
      () => ({
        market_data_snapshot: {
          fx_rates: [{ pair: "JPY/EUR", rate: "0.01" }],
          prices: [{ currency: "JPY", instrument_id: "A", price: "150.5" }],
        },
      }),
    );
    expect(trades(v2)).toEqual(["1.53 EUR for 153 JPY", "BUY 1 A"]);
    expect(trades(v1)[0]).toBe("1.52005 EUR for 152.005 JPY");
  });

  test("a need below one minor unit is none, and blocks nothing", () => {
    const holdings = [{ currency: "USD", id: "A", price: "10.004", target: "0.005002" }];
    const { v1, v2 } = both(holdings, {}, "990", (body) => ({
      portfolio_snapshot: {
        ...body.portfolio_snapshot,
        cash_balances: [
          { amount: "995", currency: "EUR" },
          { amount: "10", currency: "USD" },
        ],
      },
    }));
    // 1,000 in all; 5.002 EUR are 10.004 USD: one unit, 0.004 more than there are.
    expect(trades(v2)).toEqual(["BUY 1 A"]);
    expect(cashOf(v2)).toEqual({ EUR: "995", USD: "-0.004" });
    expect(v2.rule_results).toContainEqual(
      expect.objectContaining({ reason_code: "BELOW_MINOR_UNIT", status: "PASS" }),
    );
    expect(trades(v1)).toHaveLength(2);
  });

  test("a sweep sells the whole balance and leaves exactly 0", () => {
    const { v2 } = both([{ id: "A" }], {}, "0", (body) => ({
      portfolio_snapshot: {
        ...body.portfolio_snapshot,
        cash_balances: [{ amount: "10.005", currency: "USD" }],
      },
    }));
    expect(cashOf(v2)).toEqual({ EUR: "5.0025", USD: "0" });
  });
});

describe("review", () => {
  test("limits are judged with the value of one step", () => {
    // One unit is 0.01 of 1,000. A limit of 0.3 and 0.309 held (dust is not sold): 0.009 above, less than a unit.
    const held = (quantity: string) =>
      both(
        [{ id: "A", price: "10", quantity, target: "0.3" }],
        { min_trade_notional: { amount: "900", currency: "EUR" }, single_position_max_weight: "0.3" },
        String(1000 - Number(quantity) * 10),
      );
    expect(held("30.9").v2.status).toBe("READY");
    expect(held("30.9").v1.status).toBe("BLOCKED");
    expect(failures(held("32").v2)).toEqual(["HARD SINGLE_POSITION_MAX LIMIT_BREACH"]);
  });

  test("groups are judged too, with the value of one step of each member", () => {
    // The group may be 0.3 of 1,000. A, in units of 10, is held at 0.309 or 0.32 and is not sold, as that were dust.
    const held = (quantity: string) =>
      both(
        [{ attributes: TECH, id: "A", price: "10", quantity, target: "0.3" }],
        {
          group_constraints: { "sector:TECH": { max_weight: "0.3" } },
          min_trade_notional: { amount: "900", currency: "EUR" },
        },
        String(1000 - Number(quantity) * 10),
      );
    expect(failures(held("30.9").v2)).toEqual([]);
    expect(failures(held("32").v2)).toEqual(["SOFT GROUP_MAX LIMIT_BREACH"]);
    expect(held("32").v1.status).toBe("READY");
  });

  test("the tolerance of the reconciliation is of the total without its sign", () => {
    // A total of −10,000: 0.5 + 5 in version 2; 0.5 − 5 in version 1, which nothing can meet.
    const { v1, v2 } = both([{ id: "A" }], { max_overdraft_by_ccy: { EUR: "1" } }, "0", (body) => ({
      portfolio_snapshot: {
        ...body.portfolio_snapshot,
        positions: [],
        cash_balances: [{ amount: "-0.001", currency: "EUR" }],
      },
    }));
    expect(v2.reconciliation?.status).toBe("OK");
    expect(v2.reconciliation?.tolerance.amount).toBe("0.5000005");
    expect(v1.reconciliation).toBeNull();
  });
});

import { describe, expect, test } from "vitest";
import type { ProposalResult } from "../../../../src/contract/proposal.ts";
import {
  buy,
  cash,
  fx,
  marketData,
  portfolio,
  price,
  sell,
  shelf,
  simulated,
  type ProposalBody,
} from "./proposals.ts";

const SKIPPED = "PROPOSAL_BUY_SKIPPED_UNFUNDED";
const NO_CASH = "PROPOSAL_INSUFFICIENT_FUNDING_CASH";
const NO_FX = "PROPOSAL_MISSING_FX_FOR_FUNDING";

/** Buys in the given currencies, one unit each, out of the given cash. */
function proposal(
  prices: Record<string, string>,
  balances: Record<string, string>,
  rates: Record<string, string>,
): ProposalBody {
  const currencies = Object.keys(prices);
  return {
    portfolio_snapshot: portfolio({
      cash_balances: Object.entries(balances).map(([currency, amount]) => cash(currency, amount)),
    }),
    market_data_snapshot: marketData({
      prices: [
        price("EQ", "10"),
        ...Object.entries(prices).map(([currency, amount]) => price(`IN_${currency}`, amount, currency)),
      ],
      fx_rates: Object.entries(rates).map(([pair, rate]) => fx(pair, rate)),
    }),
    shelf_entries: [shelf("EQ"), ...currencies.map((currency) => shelf(`IN_${currency}`))],
    proposed_trades: currencies.map((currency) => buy(`IN_${currency}`, "1")),
  };
}

function fxIntents({ intents }: ProposalResult) {
  return intents.filter(({ intent_type }) => intent_type === "FX_SPOT");
}

function guard({ rule_results }: ProposalResult) {
  return rule_results.find(({ rule_id }) => rule_id === "PROPOSAL_INPUT_GUARDS");
}

describe("funding", () => {
  test("buys what is needed and sells base cash for it, both in minor units", () => {
    const result = simulated(
      proposal({ EUR: "100.005" }, { USD: "1000", EUR: "0.001" }, { "EUR/USD": "1.1" }),
    );
    expect(fxIntents(result)).toEqual([
      {
        buy_amount: "100",
        buy_currency: "EUR",
        dependencies: [],
        intent_id: "oi_fx_1",
        intent_type: "FX_SPOT",
        pair: "EUR/USD",
        rationale: { code: "FUNDING", message: "Fund EUR buys" },
        // The need of 100.004 is sold unrounded: 110.0044.
        sell_amount_estimated: "110",
        sell_currency: "USD",
      },
    ]);
    expect(result.diagnostics.funding_plan).toEqual([
      {
        available_before_fx: "0",
        funding_currency: "USD",
        fx_needed: "100",
        fx_pair: "EUR/USD",
        required: "100",
        target_currency: "EUR",
      },
    ]);
  });

  test("plans without FX where cash suffices, also after sales", () => {
    const result = simulated({ proposed_trades: [buy("FI", "300"), sell("EQ", "50")] });
    expect(result.diagnostics.funding_plan).toEqual([
      {
        available_before_fx: "1500",
        funding_currency: null,
        fx_needed: "0",
        fx_pair: null,
        required: "1500",
        target_currency: "USD",
      },
    ]);
    expect(result.status).toBe("READY");
  });

  test("prefers base cash, then the other accounts by currency", () => {
    const rates = { "EUR/USD": "1", "EUR/CHF": "1", "EUR/GBP": "1", "GBP/USD": "1", "CHF/USD": "1" };
    const source = (balances: Record<string, string>) =>
      simulated(proposal({ EUR: "100" }, balances, rates)).diagnostics.funding_plan[0]?.funding_currency;
    expect(source({ GBP: "100", CHF: "100", USD: "100" })).toBe("USD");
    expect(source({ GBP: "100", CHF: "100", USD: "99" })).toBe("CHF");
    expect(source({ GBP: "100", CHF: "99", USD: "99" })).toBe("GBP");
  });

  test("uses base cash alone under BASE_ONLY", () => {
    const rates = { "EUR/USD": "1", "EUR/CHF": "1", "CHF/USD": "1" };
    const result = simulated(proposal({ EUR: "100" }, { CHF: "100", USD: "99.5" }, rates), {
      fx_funding_source_currency: "BASE_ONLY",
    });
    expect(result.diagnostics.insufficient_cash).toEqual([{ currency: "USD", deficit: "0.5" }]);
    expect(guard(result)).toMatchObject({ measured: "1", reason_code: NO_CASH });
    expect(result.diagnostics.warnings).toEqual([SKIPPED]);
  });

  test("names the smallest deficit, the first of equal ones", () => {
    const rates = { "EUR/USD": "1", "EUR/CHF": "1", "EUR/GBP": "1", "GBP/USD": "1", "CHF/USD": "1" };
    const result = simulated(proposal({ EUR: "100" }, { USD: "10", CHF: "60", GBP: "60" }, rates));
    expect(result.diagnostics.insufficient_cash).toEqual([{ currency: "CHF", deficit: "40" }]);
  });

  test("has no deficit to name where there is nobody to ask, and fails all the same", () => {
    const result = simulated({ proposed_trades: [buy("FI", "300")] });
    expect(result.diagnostics.insufficient_cash).toEqual([]);
    expect(guard(result)).toMatchObject({ measured: "1", reason_code: NO_CASH });
  });

  test("lets the next currency see what the last one left", () => {
    const rates = { "AUD/USD": "1", "EUR/USD": "1" };
    const result = simulated(proposal({ EUR: "600", AUD: "500" }, { USD: "1000" }, rates), {
      fx_funding_source_currency: "BASE_ONLY",
    });
    expect(fxIntents(result)).toMatchObject([{ intent_id: "oi_fx_1", pair: "AUD/USD" }]);
    expect(result.diagnostics.insufficient_cash).toEqual([{ currency: "USD", deficit: "100" }]);
    expect(result.after_simulated.cash_balances).toMatchObject([
      { currency: "USD", amount: "500" },
      { currency: "AUD", amount: "0" },
      { currency: "EUR", amount: "0" },
    ]);
  });

  test("sorts FX by pair while ids follow the currencies", () => {
    const rates = { "AUD/USD": "1", "AUD/CHF": "1", "EUR/USD": "1", "EUR/CHF": "1", "CHF/USD": "1" };
    const result = simulated(proposal({ EUR: "50", AUD: "500" }, { CHF: "500", USD: "100" }, rates));
    expect(fxIntents(result)).toMatchObject([
      { intent_id: "oi_fx_1", pair: "AUD/CHF" },
      { intent_id: "oi_fx_2", pair: "EUR/USD" },
    ]);
  });

  test("is left out when it is switched off", () => {
    const result = simulated(proposal({ EUR: "100" }, { USD: "1000" }, { "EUR/USD": "1" }), {
      auto_funding: false,
    });
    expect(result.diagnostics.funding_plan).toEqual([]);
    expect(fxIntents(result)).toEqual([]);
    expect(result.rule_results.find(({ rule_id }) => rule_id === "INSUFFICIENT_CASH")?.measured).toBe("-100");
  });
});

describe("funding without a rate", () => {
  const noRate = proposal({ EUR: "100" }, { USD: "1000" }, {});

  test("blocks where missing FX blocks, without a warning of its own", () => {
    const result = simulated(noRate);
    expect(result.diagnostics.missing_fx_pairs).toEqual(["EUR/USD"]);
    expect(result.diagnostics.warnings).toEqual([SKIPPED]);
    expect(guard(result)).toMatchObject({ reason_code: NO_FX });
  });

  test("asks for review once where missing FX is tolerated", () => {
    const result = simulated(proposal({ EUR: "100", GBP: "100" }, { USD: "1000" }, {}), {
      block_on_missing_fx: false,
    });
    expect(result.diagnostics.warnings).toEqual(["PROPOSAL_MISSING_FX_NON_BLOCKING", SKIPPED]);
    expect(result.diagnostics.missing_fx_pairs).toEqual(["EUR/USD", "GBP/USD", "GBP/EUR"]);
    expect(result.rule_results.at(-1)).toMatchObject({
      rule_id: "PROPOSAL_FUNDING_DQ",
      severity: "SOFT",
      status: "FAIL",
      measured: "3",
      threshold: { max: "0" },
      reason_code: "MISSING_FX_FOR_FUNDING",
    });
    expect(result.status).toBe("PENDING_REVIEW");
  });

  test("logs each pair once, beside what valuation and trades log", () => {
    // The trade, then the opened account after; funding finds the pair logged already.
    expect(simulated(noRate).diagnostics.data_quality["fx_missing"]).toEqual(["EUR/USD", "EUR/USD"]);
  });

  test("needs no review when an account in another currency pays", () => {
    const rates = { "EUR/CHF": "1", "CHF/USD": "1" };
    const result = simulated(proposal({ EUR: "100" }, { USD: "1000", CHF: "100" }, rates), {
      block_on_missing_fx: false,
    });
    expect(fxIntents(result)).toMatchObject([{ pair: "EUR/CHF" }]);
    expect(result.diagnostics.missing_fx_pairs).toEqual(["EUR/USD"]);
    expect(result.rule_results.some(({ rule_id }) => rule_id === "PROPOSAL_FUNDING_DQ")).toBe(false);
  });

  test("explains a later lack of cash in another currency", () => {
    const result = simulated(proposal({ CHF: "1", EUR: "5000" }, { USD: "1000" }, { "EUR/USD": "1" }));
    expect(result.diagnostics.insufficient_cash).toEqual([]);
    expect(guard(result)).toMatchObject({ measured: "2", reason_code: NO_FX });
  });

  test("asks for no review when cash ran out before the first pair was missed", () => {
    const rates = { "AUD/USD": "1", "EUR/CHF": "1", "CHF/USD": "1", "AUD/CHF": "1", "EUR/AUD": "1" };
    const result = simulated(proposal({ AUD: "5000", EUR: "100" }, { USD: "1000", CHF: "100" }, rates), {
      block_on_missing_fx: false,
    });
    expect(result.diagnostics.missing_fx_pairs).toEqual(["EUR/USD"]);
    expect(guard(result)).toMatchObject({ measured: "1", reason_code: NO_CASH });
    expect(result.rule_results.some(({ rule_id }) => rule_id === "PROPOSAL_FUNDING_DQ")).toBe(false);
  });
});

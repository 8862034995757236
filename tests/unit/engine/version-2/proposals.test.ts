import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ProposalSimulateRequest, type ProposalResult } from "../../../../src/contract/proposal.ts";
import { compare, decimal, isPositive, ZERO, type Decimal } from "../../../../src/decimal/decimal.ts";
import { absolute, add, divide, multiply, negate, subtract, sum } from "../../../../src/decimal/exact.ts";
import { toText } from "../../../../src/decimal/text.ts";
import { minorUnit } from "../../../../src/engine/currency.ts";
import { faultsOf } from "../../../../src/engine/versions.ts";
import { oracle } from "../../../support/oracles.ts";
import { inputsOf, randomPortfolio, shuffled } from "../../../support/random-portfolios.ts";
import { asJsonBody } from "../../../support/rebalance-request.ts";
import {
  buy,
  cash,
  fx,
  held,
  marketData,
  packageOf,
  portfolio,
  price,
  request,
  sell,
  shelf,
  simulate,
  simulated,
  type ProposalBody,
} from "../advisory/proposals.ts";

/* Proposals under rules version 2: oracles over random ones, and examples derived by hand with version 1's answer beside. */

const RATES: Readonly<Record<string, Decimal>> = {
  EUR: decimal(1),
  JPY: divide(decimal(1), decimal("162.37")),
  USD: decimal("0.9213"),
};

function inEur(amount: string, currency: string): Decimal {
  return multiply(decimal(amount), RATES[currency] ?? ZERO);
}

const trade = fc.record({
  amount: fc.integer({ min: 1, max: 200 }),
  at: fc.nat(7),
  isByNotional: fc.boolean(),
  side: fc.constantFrom("BUY", "BUY", "SELL"),
});
const flow = fc.record({
  amount: fc.integer({ min: -200_000, max: 500_000 }).map((cents) => `${cents}e-2`),
  currency: fc.constantFrom("EUR", "USD", "JPY"),
});
const proposal = fc.record({
  flows: fc.array(flow, { maxLength: 2 }),
  isFlowsFirst: fc.boolean(),
  portfolio: randomPortfolio,
  trades: fc.array(trade, { maxLength: 5 }),
});
type RandomProposal = typeof proposal extends fc.Arbitrary<infer T> ? T : never;

function bodyOf({ flows, isFlowsFirst, portfolio: random, trades }: RandomProposal) {
  const { instruments } = random;
  const inputs = inputsOf(random);
  return {
    ...inputs,
    options: {
      ...random.options,
      enable_proposal_simulation: true,
      proposal_apply_cash_flows_first: isFlowsFirst,
    },
    proposed_cash_flows: flows,
    proposed_trades: trades.flatMap(({ amount, at, isByNotional, side }) => {
      const of = instruments[at % instruments.length];
      if (of === undefined) return [];
      const size = isByNotional
        ? { notional: { amount: String(amount * 100), currency: of.currency } }
        : { quantity: toText(multiply(decimal(amount), decimal(of.step))) };
      return [{ instrument_id: of.id, side, ...size }];
    }),
    reference_model: {
      as_of: "2026-01-01",
      asset_class_targets: ["CASH", "EQUITY", "BOND"].map((asset_class) => ({ asset_class, weight: "0.3" })),
      base_currency: "EUR",
      instrument_targets: instruments.flatMap(({ id, target }) =>
        target === null ? [] : [{ instrument_id: id, weight: `${target}e-3` }],
      ),
      model_id: "m_1",
    },
    // What suitability and drift look at.
    shelf_entries: inputs.shelf_entries.map((entry, index) => ({
      ...entry,
      asset_class: index % 2 === 0 ? "EQUITY" : "BOND",
      issuer_id: `ISSUER_${index % 3}`,
      liquidity_tier: `L${(index % 4) + 1}`,
    })),
  };
}

function run(body: unknown): ProposalResult {
  return simulate(ProposalSimulateRequest.parse(asJsonBody(body)));
}

function totalOf({ total_value }: ProposalResult["before"]): Decimal {
  return decimal(total_value.amount);
}

const LAST_DIGITS = decimal("1e-20");

describe("a proposal under rules version 2", () => {
  oracle(
    "is the same for the same input in another order",
    fc.tuple(proposal, fc.nat(1000)),
    ([random, seed]) => {
      const body = bodyOf(random);
      const { market_data_snapshot: market, portfolio_snapshot: snapshot, reference_model: model } = body;
      const other = {
        ...body,
        market_data_snapshot: {
          fx_rates: shuffled(market.fx_rates, seed),
          prices: shuffled(market.prices, seed),
        },
        portfolio_snapshot: {
          ...snapshot,
          cash_balances: shuffled(snapshot.cash_balances, seed),
          positions: shuffled(snapshot.positions, seed),
        },
        proposed_trades: shuffled(body.proposed_trades, seed),
        reference_model: {
          ...model,
          asset_class_targets: shuffled(model.asset_class_targets, seed),
          instrument_targets: shuffled(model.instrument_targets, seed),
        },
        shelf_entries: shuffled(body.shelf_entries, seed),
      };
      // The place of a trade in the request is its id, and the request's hash is of the order that it came in.
      const comparable = (result: ProposalResult): unknown =>
        JSON.parse(
          JSON.stringify({ ...result, lineage: null, proposal_run_id: "" }).replaceAll(/"oi_\d+"/g, '"oi"'),
        );
      expect(comparable(run(other))).toEqual(comparable(run(body)));
    },
  );

  oracle("conserves value, but for cash flows and what FX rounds to minor units", proposal, (random) => {
    const result = run(bodyOf(random));
    const changes = result.intents.map((intent) => {
      if (intent.intent_type === "CASH_FLOW") return inEur(intent.amount, intent.currency);
      if (intent.intent_type === "SECURITY_TRADE") return ZERO;
      const bought = inEur(intent.buy_amount, intent.buy_currency);
      return subtract(bought, inEur(intent.sell_amount_estimated, intent.sell_currency));
    });
    const expected = add(totalOf(result.before), sum(changes));
    const off = absolute(subtract(totalOf(result.after_simulated), expected));
    expect(compare(off, LAST_DIGITS)).toBeLessThanOrEqual(0);
    expect(result.reconciliation?.status).toBe("OK");
  });

  oracle("has no balance below zero, or says so", proposal, (random) => {
    const result = run(bodyOf(random));
    const failed = result.rule_results
      .filter(({ status }) => status === "FAIL")
      .map(({ rule_id }) => rule_id);
    for (const { amount, currency } of result.after_simulated.cash_balances) {
      const owed = negate(decimal(amount));
      if (compare(owed, minorUnit(currency)) >= 0) expect(failed).toContain("INSUFFICIENT_CASH");
      else if (isPositive(owed)) {
        expect(result.rule_results).toContainEqual(
          expect.objectContaining({ reason_code: "BELOW_MINOR_UNIT" }),
        );
      }
    }
  });

  oracle("trades whole steps, and is READY exactly where its gate asks for consent", proposal, (random) => {
    const result = run(bodyOf(random));
    const steps = new Map(random.portfolio.instruments.map(({ id, step }) => [id, decimal(step)]));
    for (const intent of result.intents) {
      if (intent.intent_type !== "SECURITY_TRADE") continue;
      const inSteps = divide(decimal(intent.quantity ?? "0"), steps.get(intent.instrument_id) ?? decimal(1));
      expect(toText(inSteps)).toMatch(/^[1-9]\d*$/);
    }
    if (result.gate_decision?.gate === "CLIENT_CONSENT_REQUIRED") expect(result.status).toBe("READY");
    if (result.status === "PENDING_REVIEW") expect(result.gate_decision?.gate).toMatch(/REVIEW_REQUIRED$/);
  });
});

/** The same under both versions. Unless said otherwise: USD, 1,000 in cash and 100 EQ at 10; FI can be bought at 5. */
function both(changes: ProposalBody = {}, options: ProposalBody = {}) {
  const under = (rules_version: string) => simulated(changes, { ...options, rules_version });
  return { v1: under("1"), v2: under("2") };
}

const intents = ({ intents: all }: ProposalResult): string[] =>
  all.map((intent) => {
    if (intent.intent_type === "CASH_FLOW") return `FLOW ${intent.amount} ${intent.currency}`;
    if (intent.intent_type === "SECURITY_TRADE")
      return `${intent.side} ${intent.quantity ?? ""} ${intent.instrument_id}`;
    return `${intent.sell_amount_estimated} ${intent.sell_currency} for ${intent.buy_amount} ${intent.buy_currency}`;
  });

const guard = ({ rule_results }: ProposalResult): string | undefined =>
  rule_results.find(({ rule_id }) => rule_id === "PROPOSAL_INPUT_GUARDS")?.reason_code;

describe("by hand: a proposal", () => {
  test("whose reference model says twice what a class or an instrument is to weigh is refused", () => {
    // Version 1 takes the last: nobody knows whether that is the one that was meant.
    const reference_model = {
      as_of: "2026-01-01",
      asset_class_targets: [
        { asset_class: "EQUITY", weight: "0.6" },
        { asset_class: "EQUITY", weight: "0.4" },
      ],
      base_currency: "USD",
      instrument_targets: [
        { instrument_id: "EQ", weight: "0.6" },
        { instrument_id: "FI", weight: "0.4" },
        { instrument_id: "EQ", weight: "0.4" },
      ],
      model_id: "m_1",
    };
    const faults = (rules_version: string) =>
      faultsOf(request({ reference_model }, { rules_version }), "1").map(
        ({ code, path }) => `${code} ${path.join(".")}`,
      );
    expect(faults("2")).toEqual([
      "DUPLICATE_ID reference_model.asset_class_targets.1.asset_class",
      "DUPLICATE_ID reference_model.instrument_targets.2.instrument_id",
    ]);
    expect(faults("1")).toEqual([]);
  });

  test("by amount buys whole steps; a quantity that is none is refused, not changed", () => {
    // 123 at 5: 24.6 units. In whole units 24 for 120; version 1 buys the fraction.
    const byAmount = { instrument_id: "FI", notional: { amount: "123", currency: "USD" }, side: "BUY" };
    const { v1, v2 } = both({ proposed_trades: [byAmount] });
    expect(intents(v2)).toEqual(["BUY 24 FI"]);
    expect(intents(v1)).toEqual(["BUY 24.6 FI"]);
    const odd = both({ proposed_trades: [buy("FI", "1.5")] });
    expect(guard(odd.v2)).toBe("PROPOSAL_INVALID_TRADE_INPUT");
    expect(guard(odd.v1)).toBeUndefined();
  });

  test("funds in payable amounts", () => {
    // 33.333 EUR are needed at 1.1 USD: 33.34 are bought, for 36.674: 36.68. Version 1 rounds to 33.33, and is short.
    const changes = {
      market_data_snapshot: marketData({
        fx_rates: [fx("EUR/USD", "1.1")],
        prices: [price("EQ", "10"), price("FI", "33.333", "EUR")],
      }),
      proposed_trades: [buy("FI", "1")],
    };
    const { v1, v2 } = both(changes);
    expect(intents(v2)).toEqual(["36.68 USD for 33.34 EUR", "BUY 1 FI"]);
    expect(v2.status).toBe("READY");
    expect(intents(v1)[0]).toBe("36.67 USD for 33.33 EUR");
    expect(v1.status).toBe("BLOCKED");
  });

  test("takes a need of less than one minor unit for none", () => {
    // 5.004 EUR are needed and 5 are there. Version 1 rounds the need to nothing as well, and blocks for the 0.004.
    const changes = {
      market_data_snapshot: marketData({
        fx_rates: [fx("EUR/USD", "1.1")],
        prices: [price("EQ", "10"), price("FI", "5.004", "EUR")],
      }),
      portfolio_snapshot: portfolio({ cash_balances: [cash("USD", "1000"), cash("EUR", "5")] }),
      proposed_trades: [buy("FI", "1")],
    };
    const { v1, v2 } = both(changes);
    expect(intents(v2)).toEqual(["BUY 1 FI"]);
    expect(v2.status).toBe("READY");
    expect(v1.status).toBe("BLOCKED");
  });

  test("tells why each need cannot be funded by its own pairs", () => {
    // A buy of 500 CHF finds no CHF rate. One of 5,000 USD lacks cash: that CHF lacks a rate is no reason.
    const changes = {
      market_data_snapshot: marketData({
        fx_rates: [fx("USD/EUR", "0.9")],
        prices: [price("A", "500", "CHF"), price("B", "5000", "EUR")],
      }),
      portfolio_snapshot: portfolio({ positions: [] }),
      proposed_trades: [buy("A", "1"), buy("B", "1")],
      shelf_entries: [shelf("A"), shelf("B")],
    };
    const { v1, v2 } = both(changes, { block_on_missing_fx: false });
    expect(v2.diagnostics.funding_plan.map(({ missing_fx_pairs: pairs }) => pairs)).toEqual([
      ["CHF/USD"],
      [],
    ]);
    expect(guard(v2)).toBe("PROPOSAL_INSUFFICIENT_FUNDING_CASH");
    expect(guard(v1)).toBeUndefined();
  });

  test("takes no currency without a balance for a source", () => {
    // There is no cash at all: what lacks is the need itself, and no rate is asked for.
    const changes = {
      market_data_snapshot: marketData({ prices: [price("FI", "5", "EUR")] }),
      portfolio_snapshot: portfolio({ cash_balances: [cash("USD", "0")], positions: [] }),
      proposed_trades: [buy("FI", "1")],
    };
    const { v1, v2 } = both(changes);
    expect(v2.diagnostics.insufficient_cash).toEqual([{ currency: "EUR", deficit: "5" }]);
    expect(v2.diagnostics.missing_fx_pairs).toEqual([]);
    expect(v1.diagnostics.missing_fx_pairs).toEqual(["EUR/USD"]);
  });

  test("trades first, then flows, where that is asked for", () => {
    // 1,500 are withdrawn of 1,000 and what 60 EQ bring: 600.
    const changes = {
      proposed_cash_flows: [{ amount: "-1500", currency: "USD" }],
      proposed_trades: [sell("EQ", "60")],
    };
    const { v1, v2 } = both(changes, { proposal_apply_cash_flows_first: false });
    expect(intents(v2)).toEqual(["SELL 60 EQ", "FLOW -1500 USD"]);
    expect(v2.status).toBe("READY");
    expect(guard(v1)).toBe("PROPOSAL_WITHDRAWAL_NEGATIVE_CASH");
  });

  test("says in its artifact in which order, and by which rules", () => {
    const changes = {
      proposed_cash_flows: [{ amount: "1", currency: "USD" }],
      proposed_trades: [buy("FI", "1")],
    };
    const artifactOf = (rules_version: string) => {
      const options = { proposal_apply_cash_flows_first: false, rules_version };
      const body = { ...changes, options: { enable_proposal_simulation: true, ...options } };
      const request = ProposalSimulateRequest.parse(
        asJsonBody({
          market_data_snapshot: marketData(),
          portfolio_snapshot: portfolio(),
          shelf_entries: [shelf("EQ"), shelf("FI")],
          ...body,
        }),
      );
      return packageOf(request);
    };
    const [v1, v2] = [artifactOf("1"), artifactOf("2")];
    expect(v2.trades_and_funding.ordering_policy).toBe("SELL->FX->BUY->CASH_FLOW");
    expect(v2.assumptions_and_limits.rules_version).toBe("2");
    expect(v1.trades_and_funding.ordering_policy).toBe("CASH_FLOW->SELL->FX->BUY");
    expect("rules_version" in v1.assumptions_and_limits).toBe(false);
  });

  test.each(["SELL_ONLY", "RESTRICTED"])("of %s: the rest that shrinks is no increase", (status) => {
    // 100 EQ at 10 are 1,000 of 2,000; after a withdrawal of 900 they are 1,000 of 1,100, and still 100.
    const changes = {
      proposed_cash_flows: [{ amount: "-900", currency: "USD" }],
      shelf_entries: [shelf("EQ", { status })],
    };
    const { v1, v2 } = both(changes);
    const governance = ({ suitability }: ProposalResult) =>
      (suitability?.issues ?? [])
        .filter(({ dimension }) => dimension === "GOVERNANCE")
        .map(({ issue_id }) => issue_id);
    expect(governance(v2)).toEqual([]);
    expect(governance(v1)).toEqual([`SUIT_GOVERNANCE_${status}_INCREASE`]);
  });

  test("with a trusted market value keeps it, but for what trades pay", () => {
    // 100 EQ are trusted as 1,500: 2,500 in all. Selling 20 at 10 leaves 1,300 and 1,200.
    const changes = {
      portfolio_snapshot: portfolio({
        positions: [held("EQ", "100", { market_value: { amount: "1500", currency: "USD" } })],
      }),
      proposed_trades: [sell("EQ", "20")],
    };
    const { v1, v2 } = both(changes, { valuation_mode: "TRUST_SNAPSHOT" });
    expect(v2.after_simulated.positions[0]?.value_in_base_ccy.amount).toBe("1300");
    expect(v2.reconciliation?.status).toBe("OK");
    expect(v1.reconciliation?.status).toBe("MISMATCH");
  });
});

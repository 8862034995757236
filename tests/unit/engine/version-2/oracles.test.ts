import fc from "fast-check";
import { describe, expect } from "vitest";
import type { RebalanceResult } from "../../../../src/contract/rebalance.ts";
import {
  compare,
  decimal,
  isPositive,
  isZero,
  roundToScale,
  ZERO,
  type Decimal,
} from "../../../../src/decimal/decimal.ts";
import { absolute, add, divide, multiply, negate, subtract, sum } from "../../../../src/decimal/exact.ts";
import { minorUnit } from "../../../../src/engine/currency.ts";
import { simulateRebalance } from "../../../../src/engine/rebalance/simulate.ts";
import { canonicalJson } from "../../../../src/platform/json/canonical-json.ts";
import { oracle } from "../../../support/oracles.ts";
import {
  bodyOf,
  randomPortfolio,
  requestOf,
  shuffled,
  type RandomPortfolio,
} from "../../../support/random-portfolios.ts";
import { RUN_IDENTITY } from "../../../support/rebalance-request.ts";

/*
 * What must hold of every rebalance under rules version 2, whatever is calculated inside: no other implementation is
 * needed to see it.
 */

type Options = Readonly<Record<string, unknown>>;

function run(portfolio: RandomPortfolio, options: Options = {}): RebalanceResult {
  return simulateRebalance(requestOf(bodyOf(portfolio, options)), RUN_IDENTITY);
}

const RATES: Readonly<Record<string, Decimal>> = {
  EUR: decimal(1),
  JPY: divide(decimal(1), decimal("162.37")),
  USD: decimal("0.9213"),
};

function inEur({ amount, currency }: { readonly amount: string; readonly currency: string }): Decimal {
  return multiply(decimal(amount), RATES[currency] ?? ZERO);
}

/** What the FX trades bought less what they sold, in base: what rounding up to minor units costs. */
function gainOfFx({ intents }: RebalanceResult): Decimal {
  return sum(
    intents.map((intent) => {
      if (intent.intent_type !== "FX_SPOT") return ZERO;
      const bought = inEur({ amount: intent.buy_amount, currency: intent.buy_currency });
      return subtract(
        bought,
        inEur({ amount: intent.sell_amount_estimated, currency: intent.sell_currency }),
      );
    }),
  );
}

/** Quotients of a rate have 34 digits, of which products of a portfolio's size keep at least these. */
const LAST_DIGITS = decimal("1e-20");

function isNear(a: Decimal, b: Decimal): boolean {
  return compare(absolute(subtract(a, b)), LAST_DIGITS) <= 0;
}

function isSimulated({ diagnostics }: RebalanceResult): boolean {
  const { fx_missing, price_missing, shelf_missing } = diagnostics.data_quality;
  const gaps = [...(fx_missing ?? []), ...(price_missing ?? []), ...(shelf_missing ?? [])];
  return gaps.length === 0 && !diagnostics.warnings.includes("INFEASIBLE_INFEASIBLE");
}

function totalOf({ total_value }: RebalanceResult["before"]): Decimal {
  return decimal(total_value.amount);
}

function quantities({ positions }: RebalanceResult["before"]): Map<string, Decimal> {
  return new Map(positions.map(({ instrument_id, quantity }) => [instrument_id, decimal(quantity)]));
}

function failedRules({ rule_results }: RebalanceResult): string[] {
  return rule_results.filter(({ status }) => status === "FAIL").map(({ rule_id }) => rule_id);
}

/** The value of one step of each instrument, in base. */
function stepValues({ instruments }: RandomPortfolio): Map<string, Decimal> {
  return new Map(
    instruments.map(({ currency, id, price, step }) => [
      id,
      inEur({ amount: plain(multiply(decimal(price), decimal(step))), currency }),
    ]),
  );
}

function plain(value: Decimal): string {
  return JSON.parse(canonicalJson(value)) as string;
}

/** The weights of the members of a group, of targets or of a state. */
function groupWeight(
  portfolio: RandomPortfolio,
  key: string,
  weightOf: (id: string) => Decimal,
): { readonly weight: Decimal; readonly members: string[] } {
  const [attribute = "", value] = key.split(":");
  const members = portfolio.instruments
    .filter(({ attributes }) => attributes[attribute] === value)
    // What is held without a shelf entry has no attributes.
    .filter(({ status, target }) => status !== "MISSING" || target !== null)
    .map(({ id }) => id);
  return { members, weight: sum(members.map(weightOf)) };
}

function targetWeights({ target }: RebalanceResult): Map<string, Decimal> {
  return new Map(
    target.targets.map(({ final_weight, instrument_id }) => [instrument_id, decimal(final_weight)]),
  );
}

type GroupLimits = Readonly<Record<string, { readonly max_weight: string }>>;

function groupsOf({ options }: RandomPortfolio): GroupLimits {
  return (options["group_constraints"] ?? {}) as GroupLimits;
}

function limitOf({ options }: RandomPortfolio, name: string): Decimal | null {
  const limit = options[name];
  return typeof limit === "string" ? decimal(limit) : null;
}

describe("a rebalance under rules version 2", () => {
  const settings = fc.record(
    {
      enable_settlement_awareness: fc.boolean(),
      enable_tax_awareness: fc.boolean(),
      max_realized_capital_gains: fc.constantFrom(null, "0", "500", "5000"),
      max_turnover_pct: fc.constantFrom(null, "0.1", "0.5"),
      valuation_mode: fc.constantFrom("CALCULATED", "TRUST_SNAPSHOT"),
    },
    { requiredKeys: [] },
  );

  oracle(
    "is the same for the same input in another order",
    fc.tuple(randomPortfolio, settings, fc.nat(1000)),
    ([portfolio, options, seed]) => {
      const body = bodyOf(portfolio, options);
      const { market_data_snapshot: market, portfolio_snapshot: held } = body;
      const other = {
        ...body,
        market_data_snapshot: {
          fx_rates: shuffled(market.fx_rates, seed),
          prices: shuffled(market.prices, seed),
        },
        model_portfolio: { targets: shuffled(body.model_portfolio.targets, seed) },
        options: Object.fromEntries(
          Object.entries(body.options).map(([name, value]) => [
            name,
            name === "group_constraints"
              ? Object.fromEntries(shuffled(Object.entries(value as object), seed))
              : value,
          ]),
        ),
        portfolio_snapshot: {
          ...held,
          cash_balances: shuffled(held.cash_balances, seed),
          positions: shuffled(
            held.positions.map((position) => ({ ...position, lots: shuffled(position.lots, seed) })),
            seed,
          ),
        },
        shelf_entries: shuffled(body.shelf_entries, seed),
      };
      const result = (sent: unknown) => canonicalJson(simulateRebalance(requestOf(sent), RUN_IDENTITY));
      const [one, two] = [result(body), result(other)];
      if (one !== two) expect(JSON.parse(two)).toEqual(JSON.parse(one));
      expect(two).toBe(one);
    },
  );

  oracle("conserves value to the last digit", fc.tuple(randomPortfolio, settings), ([portfolio, options]) => {
    const result = run(portfolio, { ...options, enable_settlement_awareness: false });
    if (!isSimulated(result)) return;
    const after = totalOf(result.after_simulated);
    const expected = subtract(add(totalOf(result.before), gainOfFx(result)), lostBySellingOut(result));
    if (options.valuation_mode === "TRUST_SNAPSHOT") expect(isNear(after, expected)).toBe(true);
    else expect(compare(after, expected)).toBe(0);
  });

  oracle(
    "with CALCULATED is the same whatever positions are said to be worth",
    fc.tuple(randomPortfolio, settings),
    ([portfolio, options]) => {
      const calculated = { ...options, valuation_mode: "CALCULATED" };
      const unsaid = {
        ...portfolio,
        instruments: portfolio.instruments.map((one) => ({ ...one, trusted: null })),
      };
      expect(canonicalJson(run(portfolio, calculated))).toBe(canonicalJson(run(unsaid, calculated)));
    },
  );

  oracle(
    "changes no locked quantity, and trades in whole steps",
    fc.tuple(randomPortfolio, settings),
    ([portfolio, options]) => {
      const result = run(portfolio, options);
      const before = quantities(result.before);
      const after = quantities(result.after_simulated);
      const steps = new Map(portfolio.instruments.map(({ id, step }) => [id, decimal(step)]));
      for (const { instrument_id, reason_code } of result.universe.excluded) {
        if (!reason_code.startsWith("LOCKED_")) continue;
        expect(compare(after.get(instrument_id) ?? ZERO, before.get(instrument_id) ?? ZERO)).toBe(0);
      }
      for (const intent of result.intents) {
        if (intent.intent_type !== "SECURITY_TRADE") continue;
        const inSteps = divide(
          decimal(intent.quantity ?? "0"),
          steps.get(intent.instrument_id) ?? decimal(1),
        );
        expect(plain(inSteps)).toMatch(/^[1-9]\d*$/);
      }
    },
  );

  oracle(
    "has targets that hold every limit exactly, or says which is broken",
    randomPortfolio,
    (portfolio) => {
      const result = run(portfolio);
      const { warnings } = result.diagnostics;
      if (warnings.includes("INFEASIBLE_INFEASIBLE")) return;
      const weights = targetWeights(result);
      const locked = new Set(
        result.universe.excluded
          .filter(({ reason_code }) => reason_code.startsWith("LOCKED_"))
          .map(({ instrument_id }) => instrument_id),
      );
      const holds = (name: string, weight: Decimal, limit: Decimal | null) => {
        if (limit === null || compare(weight, limit) <= 0) return;
        expect(warnings).toContain(`LIMIT_EXCEEDED_BY_LOCKED_${name}`);
        expect(result.status).not.toBe("READY");
      };
      const single = limitOf(portfolio, "single_position_max_weight");
      for (const [id, weight] of weights) {
        if (locked.has(id)) holds("SINGLE_POSITION_MAX", weight, single);
        else if (single !== null) expect(compare(weight, single)).toBeLessThanOrEqual(0);
      }
      for (const [key, { max_weight }] of Object.entries(groupsOf(portfolio))) {
        holds(key, groupWeight(portfolio, key, (id) => weights.get(id) ?? ZERO).weight, decimal(max_weight));
      }
      const isSolver = portfolio.options["target_method"] === "SOLVER";
      const reserve = limitOf(portfolio, isSolver ? "cash_band_min_weight" : "min_cash_buffer_pct") ?? ZERO;
      const invested = sum(weights.values());
      holds(isSolver ? "CASH_BAND_MIN" : "CASH_BUFFER", invested, subtract(decimal(1), reserve));
      const most = limitOf(portfolio, "cash_band_max_weight");
      if (isSolver && most !== null && result.universe.eligible_for_buy.length > 0) {
        const least = subtract(subtract(decimal(1), most), decimal(`${weights.size}e-12`));
        expect(compare(invested, least)).toBeGreaterThanOrEqual(0);
      }
    },
  );

  oracle(
    "ends within a step of every limit, or says which it does not and why",
    fc.tuple(randomPortfolio, settings),
    ([portfolio, options]) => {
      const result = run(portfolio, { ...options, enable_settlement_awareness: false });
      if (!isSimulated(result)) return;
      const total = totalOf(result.after_simulated);
      if (!isPositive(total)) return;
      const steps = stepValues(portfolio);
      const values = new Map(
        result.after_simulated.positions.map(({ instrument_id, value_in_base_ccy }) => [
          instrument_id,
          decimal(value_in_base_ccy.amount),
        ]),
      );
      const failed = failedRules(result);
      const single = limitOf(portfolio, "single_position_max_weight");
      for (const [id, value] of values) {
        if (single === null) break;
        const most = add(multiply(single, total), steps.get(id) ?? ZERO);
        if (compare(value, most) > 0) expect(failed).toContain("SINGLE_POSITION_MAX");
      }
      for (const [key, { max_weight }] of Object.entries(groupsOf(portfolio))) {
        const { members, weight: value } = groupWeight(portfolio, key, (id) => values.get(id) ?? ZERO);
        const rounding = sum(members.filter((id) => values.has(id)).map((id) => steps.get(id) ?? ZERO));
        if (compare(value, add(multiply(decimal(max_weight), total), rounding)) > 0) {
          expect(failed).toContain("GROUP_MAX");
        }
      }
    },
  );

  oracle(
    "has no balance below zero, or says so",
    fc.tuple(randomPortfolio, settings),
    ([portfolio, options]) => {
      const result = run(portfolio, options);
      for (const { amount, currency } of result.after_simulated.cash_balances) {
        const owed = negate(decimal(amount));
        if (compare(owed, minorUnit(currency)) >= 0)
          expect(failedRules(result)).toContain("INSUFFICIENT_CASH");
        else if (isPositive(owed)) {
          expect(result.rule_results).toContainEqual(
            expect.objectContaining({ reason_code: "BELOW_MINOR_UNIT" }),
          );
        }
      }
    },
  );

  oracle(
    "never waits for a review that its gate does not see",
    fc.tuple(randomPortfolio, settings),
    ([portfolio, options]) => {
      const { gate_decision, rule_results, status } = run(portfolio, options);
      const isReady =
        gate_decision?.gate === "EXECUTION_READY" || gate_decision?.gate === "CLIENT_CONSENT_REQUIRED";
      expect(isReady).toBe(status === "READY");
      if (status !== "BLOCKED")
        expect(status === "READY").toBe(rule_results.every((rule) => rule.status === "PASS"));
    },
  );

  oracle(
    "done again on what it led to, trades nothing but what rounding left",
    randomPortfolio,
    (portfolio) => {
      const first = run(portfolio);
      if (!isSimulated(first) || first.status === "BLOCKED") return;
      const held = quantities(first.after_simulated);
      const body = bodyOf(portfolio);
      const again = simulateRebalance(
        requestOf({
          ...body,
          portfolio_snapshot: {
            ...body.portfolio_snapshot,
            cash_balances: first.after_simulated.cash_balances.map(({ amount, currency }) => ({
              amount: plain(roundToScale(decimal(amount), 30)),
              currency,
            })),
            positions: [...held].map(([instrument_id, quantity]) => ({
              instrument_id,
              quantity: plain(quantity),
            })),
          },
        }),
        RUN_IDENTITY,
      );
      const steps = stepValues(portfolio);
      const suppressed = new Set(
        first.diagnostics.suppressed_intents.map(({ instrument_id }) => instrument_id),
      );
      for (const intent of again.intents) {
        if (intent.intent_type !== "SECURITY_TRADE" || suppressed.has(intent.instrument_id)) continue;
        // One step, and what rounding the FX trades to minor units took off the portfolio or added to it.
        const left = add(steps.get(intent.instrument_id) ?? ZERO, absolute(gainOfFx(first)));
        expect(compare(decimal(intent.notional_base?.amount ?? "0"), left)).toBeLessThanOrEqual(0);
      }
    },
  );

  const tightening = fc.constantFrom(
    "sector:X",
    "sector:Y",
    "region:P",
    "single_position_max_weight",
    "cash",
  );
  oracle(
    "under a tighter limit has no more of what is limited",
    fc.tuple(randomPortfolio, tightening, fc.nat(1000), fc.nat(1000)),
    ([portfolio, what, one, two]) => {
      const [loose, tight] = [Math.max(one, two), Math.min(one, two)].map((limit) => `${limit}e-3`);
      const isSolver = portfolio.options["target_method"] === "SOLVER";
      const optionsWith = (limit: string | undefined): Options => {
        if (what === "single_position_max_weight") return { [what]: limit };
        if (what !== "cash")
          return { group_constraints: { ...groupsOf(portfolio), [what]: { max_weight: limit } } };
        const reserve = plain(subtract(decimal(1), decimal(limit ?? "1")));
        return isSolver ? { cash_band_min_weight: reserve } : { min_cash_buffer_pct: reserve };
      };
      const limited = (limit: string | undefined): Decimal | undefined => {
        const result = run(portfolio, optionsWith(limit));
        if (result.target.targets.length === 0) return undefined;
        const weights = targetWeights(result);
        if (what === "cash") return sum(weights.values());
        if (what !== "single_position_max_weight")
          return groupWeight(portfolio, what, (id) => weights.get(id) ?? ZERO).weight;
        return [...weights.values()].reduce(
          (most, weight) => (compare(weight, most) > 0 ? weight : most),
          ZERO,
        );
      };
      const [before, after] = [limited(loose), limited(tight)];
      if (before === undefined || after === undefined) return;
      expect(compare(after, add(before, decimal("1e-10")))).toBeLessThanOrEqual(0);
    },
  );

  oracle(
    "of a portfolio so many times as large has the same weights and so many times the trades",
    fc.tuple(randomPortfolio, fc.integer({ min: 2, max: 50 })),
    ([portfolio, factor]) => {
      const small = bodyOf(
        {
          ...portfolio,
          instruments: portfolio.instruments.map((one) => ({ ...one, minNotional: null, minQuantity: null })),
        },
        { enable_tax_awareness: true },
      );
      const [one, many] = [small, timesAsLarge(small, factor)].map((body) =>
        simulateRebalance(requestOf(body), RUN_IDENTITY),
      );
      if (one === undefined || many === undefined) throw new Error("two bodies have two results");
      const weights = (result: RebalanceResult) =>
        result.target.targets.map(({ final_weight }) => final_weight);
      expect(weights(many)).toEqual(weights(one));
      const signed = ({ intents }: RebalanceResult) =>
        new Map(
          intents.flatMap((intent): [string, Decimal][] => {
            if (intent.intent_type !== "SECURITY_TRADE") return [];
            const quantity = decimal(intent.quantity ?? "0");
            return [[intent.instrument_id, intent.side === "BUY" ? quantity : negate(quantity)]];
          }),
        );
      const [few, more] = [signed(one), signed(many)];
      for (const { id, step } of portfolio.instruments) {
        const difference = absolute(
          subtract(more.get(id) ?? ZERO, multiply(few.get(id) ?? ZERO, decimal(factor))),
        );
        expect(compare(difference, multiply(decimal(factor), decimal(step)))).toBeLessThanOrEqual(0);
      }
    },
  );

  oracle(
    "keeps its turnover within the cap, and every buy that it keeps is funded",
    fc.tuple(randomPortfolio, fc.integer({ min: 0, max: 600 })),
    ([portfolio, share]) => {
      const cap = `${share}e-3`;
      const free = run(portfolio);
      const capped = run(portfolio, { max_turnover_pct: cap });
      if (!isSimulated(capped)) return;
      const turnover = sum(
        capped.intents.map((intent) =>
          intent.intent_type === "SECURITY_TRADE" ? decimal(intent.notional_base?.amount ?? "0") : ZERO,
        ),
      );
      expect(compare(turnover, multiply(totalOf(capped.before), decimal(cap)))).toBeLessThanOrEqual(0);
      if (!failedRules(free).includes("INSUFFICIENT_CASH")) {
        expect(failedRules(capped)).not.toContain("INSUFFICIENT_CASH");
      }
      const asked = tradesOf(free);
      for (const [id, quantity] of tradesOf(capped))
        expect(compare(quantity, asked.get(id) ?? ZERO)).toBeLessThanOrEqual(0);
      const listed = new Map(
        capped.diagnostics.dropped_intents.map((dropped) => [dropped.instrument_id, dropped]),
      );
      for (const [id, quantity] of asked) {
        const kept = tradesOf(capped).get(id) ?? ZERO;
        if (compare(kept, quantity) === 0) continue;
        expect(listed.get(id)).toMatchObject({
          kept_quantity: plain(kept),
          requested_quantity: plain(quantity),
        });
      }
    },
  );

  oracle(
    "realizes no more than the gains budget, and reports what it sells",
    fc.tuple(randomPortfolio, fc.constantFrom("0", "100", "2500.5")),
    ([portfolio, budget]) => {
      const result = run(portfolio, { enable_tax_awareness: true, max_realized_capital_gains: budget });
      const { tax_impact: tax } = result;
      if (tax === null) return;
      expect(compare(decimal(tax.total_realized_gain.amount), decimal(budget))).toBeLessThanOrEqual(0);
      expect(tax.budget_used).toEqual(tax.total_realized_gain);
    },
  );
});

/** Every quantity, lot and balance so many times. */
function timesAsLarge(body: ReturnType<typeof bodyOf>, factor: number): unknown {
  const times = (amount: string) => plain(multiply(decimal(amount), decimal(factor)));
  const { portfolio_snapshot: held } = body;
  return {
    ...body,
    portfolio_snapshot: {
      ...held,
      cash_balances: held.cash_balances.map((cash) => ({ ...cash, amount: times(cash.amount) })),
      positions: held.positions.map((position) => ({
        ...position,
        lots: position.lots.map((lot) => ({ ...lot, quantity: times(lot.quantity) })),
        quantity: times(position.quantity),
      })),
    },
  };
}

/** What was trusted to be worth more, or less, than it was sold for, and is no more. */
function lostBySellingOut(result: RebalanceResult): Decimal {
  const left = quantities(result.after_simulated);
  const before = new Map(
    result.before.positions.map(({ instrument_id, value_in_base_ccy: value }) => [
      instrument_id,
      decimal(value.amount),
    ]),
  );
  return sum(
    result.intents.map((intent) => {
      if (intent.intent_type !== "SECURITY_TRADE" || intent.side === "BUY") return ZERO;
      const { instrument_id, notional_base } = intent;
      if (!isZero(left.get(instrument_id) ?? ZERO)) return ZERO;
      return subtract(before.get(instrument_id) ?? ZERO, decimal(notional_base?.amount ?? "0"));
    }),
  );
}

function tradesOf({ intents }: RebalanceResult): Map<string, Decimal> {
  return new Map(
    intents.flatMap((intent): [string, Decimal][] =>
      intent.intent_type === "SECURITY_TRADE"
        ? [[intent.instrument_id, decimal(intent.quantity ?? "0")]]
        : [],
    ),
  );
}

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RebalanceRequest, RebalanceResult } from "../../../../src/contract/rebalance.ts";
import {
  absolute,
  add,
  compare,
  decimal,
  isPositive,
  maximum,
  multiply,
  subtract,
  ZERO,
  type Decimal,
} from "../../../../src/decimal/decimal.ts";
import { simulateRebalance } from "../../../../src/engine/rebalance/simulate.ts";
import { canonicalJson } from "../../../../src/platform/json/canonical-json.ts";
import { arbitraryRebalance, tidyRebalance } from "../../../support/arbitrary-request.ts";
import { asJsonBody, rebalanceRequest, RUN_IDENTITY } from "../../../support/rebalance-request.ts";

const simulate = (request: RebalanceRequest) => simulateRebalance(request, RUN_IDENTITY);
const parse = (body: unknown): RebalanceRequest => RebalanceRequest.parse(asJsonBody(body));

/** The objects of a result whose keys are not in order, by path. */
function unsortedObjects(value: unknown, path = "$"): string[] {
  if (typeof value !== "object" || value === null) return [];
  const keys = Object.keys(value);
  const here =
    !Array.isArray(value) && keys.some((key, index) => key < (keys[index - 1] ?? "")) ? [path] : [];
  return [
    ...here,
    ...Object.entries(value).flatMap(([key, inner]) => unsortedObjects(inner, `${path}.${key}`)),
  ];
}

describe("any valid request", () => {
  test("ends in an answer of the contract's shape, the same bytes each time", () => {
    fc.assert(
      fc.property(arbitraryRebalance, (body) => {
        const result = simulate(parse(body));
        RebalanceResult.parse(result);
        expect(canonicalJson(simulate(parse(body)))).toBe(canonicalJson(result));
      }),
      { numRuns: 150 },
    );
  });

  test("leaves the request as it was", () => {
    fc.assert(
      fc.property(arbitraryRebalance, (body) => {
        const request = parse(body);
        const before = canonicalJson(request);
        simulate(request);
        expect(canonicalJson(request)).toBe(before);
      }),
      { numRuns: 100 },
    );
  });

  test("is answered with the keys in the order of canonical JSON, maps with free keys apart", () => {
    fc.assert(
      fc.property(tidyRebalance, (body) => {
        const result = simulate(parse(body));
        const free = /allocation_by_attribute$|recipients$/;
        expect(unsortedObjects(result).filter((path) => !free.test(path))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});

type Result = ReturnType<typeof simulate>;

function finished(body: unknown): { request: RebalanceRequest; result: Result } {
  const request = parse(body);
  return { request, result: simulate(request) };
}

/** Whether the trades of a run were applied to its after state. */
function wasApplied({ explanation, rule_results }: Result): boolean {
  const stopped = rule_results.some(({ rule_id }) => rule_id === "SETTLEMENT_CASH_LADDER");
  return explanation["summary"] !== "Blocked" && !stopped;
}

function balances(state: Result["before"]): Map<string, Decimal> {
  return new Map(state.cash_balances.map(({ amount, currency }) => [currency, decimal(amount)]));
}

describe("a rebalance with all its data", () => {
  test("moves cash by exactly what its intents say", () => {
    fc.assert(
      fc.property(tidyRebalance, (body) => {
        const { result } = finished(body);
        if (!wasApplied(result)) return;
        const expected = balances(result.before);
        const move = (code: string, amount: Decimal) =>
          expected.set(code, add(expected.get(code) ?? ZERO, amount));
        for (const intent of result.intents) {
          if (intent.intent_type === "FX_SPOT") {
            move(intent.sell_currency, subtract(ZERO, decimal(intent.sell_amount_estimated)));
            move(intent.buy_currency, decimal(intent.buy_amount));
          } else if (intent.notional !== null) {
            const notional = decimal(intent.notional.amount);
            move(intent.notional.currency, intent.side === "SELL" ? notional : subtract(ZERO, notional));
          }
        }
        const after = balances(result.after_simulated);
        for (const [code, amount] of expected) {
          const difference = absolute(subtract(amount, after.get(code) ?? ZERO));
          expect(compare(difference, decimal("1e-15"))).toBeLessThanOrEqual(0);
        }
      }),
    );
  });

  test("neither makes nor loses value beyond rounding, without an FX spread in the quotes", () => {
    fc.assert(
      fc.property(tidyRebalance, (body) => {
        const { result } = finished(body);
        if (!wasApplied(result)) return;
        const [before, after] = [result.before.total_value.amount, result.after_simulated.total_value.amount];
        const difference = absolute(subtract(decimal(before), decimal(after)));
        expect(compare(difference, decimal("1e-12"))).toBeLessThanOrEqual(0);
      }),
    );
  });

  test("sells no more than the lots hold and realizes no more gains than the budget", () => {
    fc.assert(
      fc.property(tidyRebalance, (body) => {
        const { request, result } = finished({
          ...body,
          options: { ...body.options, enable_tax_awareness: true },
        });
        const held = new Map(
          request.portfolio_snapshot.positions.map(({ instrument_id, quantity }) => [
            instrument_id,
            quantity,
          ]),
        );
        for (const intent of result.intents) {
          if (intent.intent_type !== "SECURITY_TRADE" || intent.side !== "SELL") continue;
          const quantity = decimal(intent.quantity ?? "0");
          expect(compare(quantity, held.get(intent.instrument_id) ?? ZERO)).toBeLessThanOrEqual(0);
        }
        const impact = result.tax_impact;
        if (impact === null || impact.budget_limit === null) return;
        const excess = subtract(
          decimal(impact.total_realized_gain.amount),
          decimal(impact.budget_limit.amount),
        );
        expect(compare(excess, decimal("1e-10"))).toBeLessThanOrEqual(0);
      }),
    );
  });

  test("turns over no more than the cap", () => {
    fc.assert(
      fc.property(tidyRebalance, fc.integer({ min: 0, max: 100 }), (body, percent) => {
        const { result } = finished({
          ...body,
          options: { ...body.options, max_turnover_pct: `${percent}e-2` },
        });
        const cap = multiply(
          maximum(decimal(result.before.total_value.amount), ZERO),
          decimal(`${percent}e-2`),
        );
        let turnover = ZERO;
        for (const intent of result.intents) {
          if (intent.intent_type !== "SECURITY_TRADE") continue;
          turnover = add(turnover, decimal(intent.notional_base?.amount ?? "0"));
        }
        expect(compare(turnover, cap)).toBeLessThanOrEqual(0);
      }),
    );
  });

  test("climbs every currency's ladder from its settled cash to its cash after", () => {
    fc.assert(
      fc.property(tidyRebalance, (body) => {
        const options = { ...body.options, enable_settlement_awareness: true };
        const { result } = finished({ ...body, options: { ...options, max_overdraft_by_ccy: {} } });
        const last = new Map(
          result.diagnostics.cash_ladder.map((point) => [point.currency, point.projected_balance]),
        );
        if (!wasApplied(result)) return;
        for (const [code, amount] of balances(result.after_simulated)) {
          const difference = absolute(subtract(amount, decimal(last.get(code) ?? "0")));
          expect(compare(difference, decimal("1e-15"))).toBeLessThanOrEqual(0);
        }
        expect(
          result.diagnostics.cash_ladder.every(({ projected_balance }) => !projected_balance.startsWith("-")),
        ).toBe(true);
      }),
    );
  });

  test("trades something in most cases, or the properties above would say little", () => {
    const results = fc.sample(tidyRebalance, { numRuns: 200, seed: 7 }).map((body) => finished(body).result);
    expect(
      results.filter((result) => wasApplied(result) && result.intents.length > 0).length,
    ).toBeGreaterThan(60);
    expect(
      results.filter(({ tax_impact }) => isPositive(decimal(tax_impact?.total_realized_gain.amount ?? "0")))
        .length,
    ).toBeGreaterThan(10);
  });
});

describe("a run", () => {
  test("names its origin", () => {
    const result = simulate(rebalanceRequest([{ id: "A", target: "0.5" }]));
    expect(result.lineage).toEqual({
      engine_version: "1.2.3",
      idempotency_key: "key-1",
      market_data_snapshot_id: "md",
      portfolio_snapshot_id: "pf_1",
      request_hash: "sha256:1",
      rules_version: "1",
    });
    expect([result.rebalance_run_id, result.correlation_id]).toEqual(["rr_1", "corr_1"]);
  });

  test("takes names that JavaScript knows for ordinary ones", () => {
    const odd = { attributes: { ["__proto__"]: "constructor" } };
    const result = simulate(
      rebalanceRequest(
        [
          { id: "__proto__", target: "0.6", ...odd },
          { id: "constructor", target: "0.2" },
        ],
        { group_constraints: { "__proto__:constructor": { max_weight: "0.5" } } },
      ),
    );
    expect(result.status).toBe("READY");
    expect(Object.keys(result.after_simulated.allocation_by_attribute)).toEqual(["__proto__"]);
    expect(result.diagnostics.group_constraint_events).toMatchObject([
      { group_weight_before: "0.6", released_weight: "0.1", status: "CAPPED" },
    ]);
  });

  test("leaves foreign cash without a rate where it is, and says so, if such gaps are tolerated", () => {
    const request = parse({
      market_data_snapshot: { prices: [] },
      model_portfolio: { targets: [] },
      options: { block_on_missing_fx: false },
      portfolio_snapshot: {
        base_currency: "EUR",
        cash_balances: [{ amount: "5", currency: "XAU" }],
        portfolio_id: "pf_1",
      },
      shelf_entries: [],
    });
    const result = simulate(request);
    expect(result.status).toBe("READY");
    expect(result.intents).toEqual([]);
    // Once for each of: the state before, the FX legs, the state after.
    expect(result.diagnostics.data_quality["fx_missing"]).toEqual(["XAU/EUR", "XAU/EUR", "XAU/EUR"]);
  });

  test("does not depend on the order of prices, rates and shelf entries that are given once", () => {
    fc.assert(
      fc.property(tidyRebalance, (body) => {
        const { market_data_snapshot: market, shelf_entries } = body;
        const reversed = {
          ...body,
          market_data_snapshot: {
            fx_rates: market.fx_rates.toReversed(),
            prices: market.prices.toReversed(),
          },
          shelf_entries: shelf_entries.toReversed(),
        };
        expect(canonicalJson(simulate(parse(reversed)))).toBe(canonicalJson(simulate(parse(body))));
      }),
    );
  });
});

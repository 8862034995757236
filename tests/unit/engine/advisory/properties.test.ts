import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ProposalArtifact } from "../../../../src/contract/artifact.ts";
import { ProposalResult, type ProposalSimulateRequest } from "../../../../src/contract/proposal.ts";
import {
  add,
  decimal,
  isZero,
  multiply,
  subtract,
  ZERO,
  type Decimal,
} from "../../../../src/decimal/decimal.ts";
import { toText } from "../../../../src/decimal/text.ts";
import { exposuresOf, type Exposures } from "../../../../src/engine/advisory/exposures.ts";
import { scanSuitability } from "../../../../src/engine/advisory/suitability.ts";
import { emptyDataQuality } from "../../../../src/engine/diagnostics.ts";
import { growthOfWeight } from "../../../../src/engine/advisory/governance.ts";
import { ROUNDED } from "../../../../src/decimal/arithmetic.ts";
import { buildLookups } from "../../../../src/engine/lookups.ts";
import { valueHoldings } from "../../../../src/engine/valuation.ts";
import { canonicalJson } from "../../../../src/platform/json/canonical-json.ts";
import { packageOf, request, simulate, type ProposalBody } from "./proposals.ts";

const currency = fc.constantFrom("USD", "EUR", "JPY", "KWD");
const instrument = fc.constantFrom("A", "B", "C", "D", "E", "__proto__");
const weight = fc.integer({ min: 0, max: 100 }).map((percent) => String(percent / 100));

/** Amounts as advisors write them, and now and then one at the edge of what is taken. */
function amount(smallest: number): fc.Arbitrary<string> {
  const usual = fc
    .integer({ min: smallest, max: 100_000 })
    .map((cents) => toText(multiply(decimal(cents), CENT)));
  const extreme = fc.constantFrom(
    "999999999999999999",
    `0.${"0".repeat(29)}1`,
    "123456.789012345678901234567890",
  );
  return fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: extreme });
}

const CENT = decimal("0.01");
const signed = amount(-20_000);
const positive = amount(1);

const money = fc.record({ amount: positive, currency });

const position = fc.record(
  { instrument_id: instrument, quantity: signed, market_value: fc.option(money) },
  { requiredKeys: ["instrument_id", "quantity"] },
);

const shelfEntry = fc.record(
  {
    instrument_id: instrument,
    status: fc.constantFrom("APPROVED", "APPROVED", "RESTRICTED", "BANNED", "SUSPENDED", "SELL_ONLY"),
    asset_class: fc.constantFrom("EQUITY", "BOND", "CASH", "__proto__"),
    issuer_id: fc.constantFrom("I", "J", "", null),
    liquidity_tier: fc.constantFrom("L1", "L4", "L5", null),
    attributes: fc.dictionary(fc.constantFrom("sector", "__proto__"), fc.constantFrom("tech", "constructor")),
  },
  { requiredKeys: ["instrument_id", "status"] },
);

const side = fc.constantFrom("BUY", "SELL");

const trade = fc.oneof(
  fc.record({ side, instrument_id: instrument, quantity: positive }),
  fc.record({ side, instrument_id: instrument, notional: money }),
);

const model = fc.record({
  model_id: fc.constant("m"),
  as_of: fc.constant("2026-01-01"),
  base_currency: fc.constantFrom("USD", "USD", "EUR"),
  asset_class_targets: fc.array(fc.record({ asset_class: fc.constantFrom("EQUITY", "BOND", "X"), weight })),
  instrument_targets: fc.array(fc.record({ instrument_id: instrument, weight })),
});

const options = fc.record(
  {
    valuation_mode: fc.constantFrom("CALCULATED", "TRUST_SNAPSHOT"),
    allow_restricted: fc.boolean(),
    auto_funding: fc.boolean(),
    block_on_missing_fx: fc.boolean(),
    block_on_missing_prices: fc.boolean(),
    client_consent_already_obtained: fc.boolean(),
    drift_top_contributors_limit: fc.integer({ min: 1, max: 20 }),
    enable_suitability_scanner: fc.boolean(),
    enable_workflow_gates: fc.boolean(),
    fx_funding_source_currency: fc.constantFrom("BASE_ONLY", "ANY_CASH"),
    link_buy_to_same_currency_sell_dependency: fc.option(fc.boolean()),
    proposal_block_negative_cash: fc.boolean(),
    single_position_max_weight: fc.option(weight),
  },
  { requiredKeys: [] },
);

const body: fc.Arbitrary<ProposalBody> = fc.record({
  portfolio_snapshot: fc.record({
    portfolio_id: fc.constant("pf"),
    base_currency: fc.constantFrom("USD", "USD", "JPY"),
    positions: fc.array(position, { maxLength: 6 }),
    cash_balances: fc.array(fc.record({ currency, amount: signed }), { maxLength: 4 }),
  }),
  market_data_snapshot: fc.record({
    prices: fc.array(fc.record({ instrument_id: instrument, price: signed, currency }), { maxLength: 8 }),
    fx_rates: fc.array(
      fc.record({
        pair: fc.tuple(currency, currency).map(([from, to]) => `${from}/${to}`),
        rate: amount(0),
      }),
      { maxLength: 8 },
    ),
  }),
  shelf_entries: fc.array(shelfEntry, { maxLength: 8 }),
  options,
  proposed_cash_flows: fc.array(fc.record({ currency, amount: signed }), { maxLength: 3 }),
  proposed_trades: fc.array(trade, { maxLength: 6 }),
  reference_model: fc.option(model),
});

const proposal: fc.Arbitrary<ProposalSimulateRequest> = body.map((sent) => request(sent));

const RUNS = { numRuns: 100 };

describe("every valid proposal", () => {
  test("ends with a result and an artifact of the contract's shape", () => {
    fc.assert(
      fc.property(proposal, (asked) => {
        const result = simulate(asked);
        expect(ProposalResult.safeParse(result).error).toBeUndefined();
        const sent: unknown = JSON.parse(canonicalJson(packageOf(asked, result)));
        expect(ProposalArtifact.safeParse(sent).error).toBeUndefined();
      }),
      RUNS,
    );
  });

  test("gives the same bytes twice, result and artifact", () => {
    fc.assert(
      fc.property(proposal, (asked) => {
        const bytes = canonicalJson(simulate(asked));
        expect(canonicalJson(simulate(asked))).toBe(bytes);
        expect(canonicalJson(packageOf(asked))).toBe(canonicalJson(packageOf(asked)));
      }),
      RUNS,
    );
  });

  test("is READY, PENDING_REVIEW or BLOCKED as its rules say", () => {
    fc.assert(
      fc.property(proposal, (asked) => {
        const { rule_results, status } = simulate(asked);
        const failed = (severity: string) =>
          rule_results.some((rule) => rule.status === "FAIL" && rule.severity === severity);
        expect(status).toBe(failed("HARD") ? "BLOCKED" : failed("SOFT") ? "PENDING_REVIEW" : "READY");
      }),
      RUNS,
    );
  });
});

/** What is moved in each currency by the intents of a result. */
function moved({ intents }: ProposalResult): Map<string, Decimal> {
  const changes = new Map<string, Decimal>();
  const move = (name: string, change: Decimal) => changes.set(name, add(changes.get(name) ?? ZERO, change));
  for (const intent of intents) {
    if (intent.intent_type === "CASH_FLOW") move(intent.currency, decimal(intent.amount));
    if (intent.intent_type === "FX_SPOT") {
      move(intent.buy_currency, decimal(intent.buy_amount));
      move(intent.sell_currency, subtract(ZERO, decimal(intent.sell_amount_estimated)));
    }
    if (intent.intent_type === "SECURITY_TRADE" && intent.notional !== null) {
      const notional = decimal(intent.notional.amount);
      move(intent.notional.currency, intent.side === "SELL" ? notional : subtract(ZERO, notional));
    }
  }
  return changes;
}

function cashIn(state: ProposalResult["before"], name: string): Decimal {
  return ROUNDED.sum(
    state.cash_balances.filter((row) => row.currency === name).map((row) => decimal(row.amount)),
  );
}

/** Sums of 28-digit numbers in another order may differ in the last digits. */
function expectClose(a: Decimal, b: Decimal): void {
  const [left, right] = [Number(toText(a)), Number(toText(b))];
  expect(Math.abs(left - right)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(left)));
}

test("no cash comes from nowhere: every balance changes by what the intents move", () => {
  fc.assert(
    fc.property(proposal, (asked) => {
      const result = simulate(asked);
      const changes = moved(result);
      for (const name of ["USD", "EUR", "JPY", "KWD"]) {
        const expected = add(cashIn(result.before, name), changes.get(name) ?? ZERO);
        expectClose(cashIn(result.after_simulated, name), expected);
      }
    }),
    RUNS,
  );
});

test("drift totals are half of what the buckets are apart, and their delta is the change", () => {
  fc.assert(
    fc.property(proposal, (asked) => {
      const analysis = simulate(asked).drift_analysis;
      for (const dimension of [analysis?.asset_class, analysis?.instrument]) {
        if (dimension === undefined || dimension === null) continue;
        const apart = ROUNDED.sum(dimension.buckets.map((bucket) => decimal(bucket.abs_drift_after)));
        const before = decimal(dimension.drift_total_before);
        const after = decimal(dimension.drift_total_after);
        expect(toText(multiply(decimal("0.5"), apart))).toBe(dimension.drift_total_after);
        expect(toText(subtract(after, before))).toBe(dimension.drift_total_delta);
        expect(dimension.buckets.map(({ bucket }) => bucket)).toEqual(
          [...new Set(dimension.buckets.map(({ bucket }) => bucket))].sort(),
        );
      }
    }),
    RUNS,
  );
});

/** The issues between two states, by key, without those of governance: that looks at growth, one way only. */
function changesOf(asked: ProposalSimulateRequest, before: Exposures, after: Exposures): Map<string, string> {
  const { base_currency } = asked.portfolio_snapshot;
  const { issues } = scanSuitability({
    before,
    after,
    arithmetic: ROUNDED,
    growth: growthOfWeight,
    options: asked.options,
    shelf: buildLookups(base_currency, asked.market_data_snapshot, asked.shelf_entries, ROUNDED).latestShelf,
    requestedBuys: new Set(),
    evidence: { as_of: "md", snapshot_ids: { market_data_snapshot_id: "md", portfolio_snapshot_id: "pf" } },
  });
  const lasting = issues.filter(({ dimension }) => dimension !== "GOVERNANCE");
  return new Map(lasting.map(({ issue_key, status_change }) => [issue_key, status_change]));
}

function exposed({
  portfolio_snapshot,
  market_data_snapshot,
  shelf_entries,
}: ProposalSimulateRequest): Exposures {
  const lookups = buildLookups(
    portfolio_snapshot.base_currency,
    market_data_snapshot,
    shelf_entries,
    ROUNDED,
  );
  return exposuresOf(valueHoldings(portfolio_snapshot, "CALCULATED", lookups, emptyDataQuality()));
}

test("suitability is symmetric: what is new one way is resolved the other way", () => {
  const opposite: Readonly<Record<string, string>> = {
    NEW: "RESOLVED",
    RESOLVED: "NEW",
    PERSISTENT: "PERSISTENT",
  };
  fc.assert(
    fc.property(proposal, proposal, (asked, other) => {
      const here = exposed(asked);
      const there = exposed(other);
      const reversed = [...changesOf(asked, here, there)].map(
        ([key, change]): [string, string | undefined] => [key, opposite[change]],
      );
      expect(new Map<string, string | undefined>(changesOf(asked, there, here))).toEqual(new Map(reversed));
    }),
    RUNS,
  );
});

test("no purchase is carried out in a currency that could not be funded", () => {
  const funded = body.map((sent) => request({ ...sent, options: { auto_funding: true } }));
  fc.assert(
    fc.property(funded, (asked) => {
      const { diagnostics, intents } = simulate(asked);
      for (const intent of intents) {
        if (intent.intent_type !== "SECURITY_TRADE" || intent.side !== "BUY") continue;
        const name = intent.notional?.currency;
        const plan = diagnostics.funding_plan.find(({ target_currency }) => target_currency === name);
        if (plan === undefined) expect.unreachable("every purchase is planned for");
        if (!isZero(decimal(plan.fx_needed))) expect(plan.fx_pair).not.toBeNull();
      }
    }),
    RUNS,
  );
});

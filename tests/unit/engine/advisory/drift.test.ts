import { describe, expect, test } from "vitest";
import {
  buy,
  cash,
  held,
  marketData,
  portfolio,
  price,
  sell,
  shelf,
  simulated,
  type ProposalBody,
} from "./proposals.ts";

function model(changes: ProposalBody = {}): ProposalBody {
  return { model_id: "m_1", as_of: "2026-01-01", base_currency: "USD", ...changes };
}

function assetClasses(weights: Record<string, string>) {
  return Object.entries(weights).map(([asset_class, weight]) => ({ asset_class, weight }));
}

function instruments(weights: Record<string, string>) {
  return Object.entries(weights).map(([instrument_id, weight]) => ({ instrument_id, weight }));
}

/** 1,000 in cash and 1,000 in EQ, of which 200 go to FI: half and half become 0.5, 0.4 and 0.1. */
function drift(reference_model: ProposalBody, options: ProposalBody = {}) {
  const trades = { proposed_trades: [sell("EQ", "20"), buy("FI", "40")] };
  return simulated({ ...trades, reference_model }, options);
}

describe("drift by asset class", () => {
  test("measures every bucket of before, after, model and cash, sorted by name", () => {
    const targets = assetClasses({ CLASS_EQ: "0.3", OTHER: "0.05" });
    const analysis = drift(model({ asset_class_targets: targets })).drift_analysis;
    expect(analysis?.reference_model).toEqual({ as_of: "2026-01-01", base_currency: "USD", model_id: "m_1" });
    expect(analysis?.asset_class.buckets.map(({ bucket }) => bucket)).toEqual([
      "CASH",
      "CLASS_EQ",
      "CLASS_FI",
      "OTHER",
    ]);
    expect(analysis?.asset_class.buckets[1]).toEqual({
      abs_drift_after: "0.1",
      abs_drift_before: "0.2",
      bucket: "CLASS_EQ",
      drift_after: "0.1",
      drift_before: "0.2",
      improvement: "0.1",
      model_weight: "0.3",
      portfolio_weight_after: "0.4",
      portfolio_weight_before: "0.5",
    });
  });

  test("totals half of all distances", () => {
    const targets = assetClasses({ CLASS_EQ: "0.3", OTHER: "0.05" });
    // Before: cash 0.5, EQ 0.2, FI 0, OTHER 0.05; after: cash 0.5, EQ 0.1, FI 0.1, OTHER 0.05.
    expect(drift(model({ asset_class_targets: targets })).drift_analysis?.asset_class).toMatchObject({
      drift_total_before: "0.375",
      drift_total_after: "0.375",
      drift_total_delta: "0",
    });
  });

  test("has a cash bucket even where there is no cash", () => {
    const result = simulated({
      portfolio_snapshot: portfolio({ cash_balances: [] }),
      reference_model: model(),
    });
    expect(result.drift_analysis?.asset_class.buckets.map(({ bucket }) => bucket)).toEqual([
      "CASH",
      "CLASS_EQ",
    ]);
  });

  test("takes the last weight of a repeated target", () => {
    const targets = [...assetClasses({ CASH: "0.9" }), ...assetClasses({ CASH: "0.5" })];
    expect(
      drift(model({ asset_class_targets: targets })).drift_analysis?.asset_class.buckets[0],
    ).toMatchObject({
      bucket: "CASH",
      model_weight: "0.5",
    });
  });

  test("lists the top contributors by distance before, then name, up to the limit", () => {
    const targets = assetClasses({ CASH: "0.4", CLASS_EQ: "0.4", A: "0.3" });
    const top = drift(model({ asset_class_targets: targets }), { drift_top_contributors_limit: 2 });
    expect(top.drift_analysis?.asset_class.top_contributors_before.map(({ bucket }) => bucket)).toEqual([
      "A",
      "CASH",
    ]);
  });
});

describe("drift by instrument", () => {
  test("covers before, after, model and what was traded, not what was skipped", () => {
    const result = simulated({
      shelf_entries: [shelf("EQ"), shelf("FI"), shelf("SKIPPED", { status: "BANNED" })],
      proposed_trades: [buy("FI", "1"), buy("SKIPPED", "1")],
      reference_model: model({ instrument_targets: instruments({ MODEL: "1" }) }),
    });
    expect(result.drift_analysis?.instrument?.buckets.map(({ bucket }) => bucket)).toEqual([
      "EQ",
      "FI",
      "MODEL",
    ]);
  });

  test.each([
    [{ enable_instrument_drift: false }, instruments({ EQ: "1" })],
    [{ enable_instrument_drift: true }, []],
  ])("is left out with %j and targets %j", (options, instrument_targets) => {
    expect(drift(model({ instrument_targets }), options).drift_analysis?.instrument).toBeNull();
  });

  test("weighs an instrument in several rows as one", () => {
    const result = simulated({
      portfolio_snapshot: portfolio({
        positions: [held("EQ", "30"), held("EQ", "20")],
        cash_balances: [cash("USD", "500")],
      }),
      reference_model: model({ instrument_targets: instruments({ EQ: "0.5" }) }),
    });
    expect(result.drift_analysis?.instrument?.drift_total_before).toBe("0");
  });
});

describe("drift highlights", () => {
  const targets = { instrument_targets: instruments({ EQ: "0.4" }), asset_class_targets: assetClasses({}) };

  test("speak of instruments where these are analysed", () => {
    expect(drift(model(targets)).drift_analysis?.highlights).toEqual({
      largest_deteriorations: [{ bucket: "FI", improvement: "-0.1" }],
      largest_improvements: [{ bucket: "EQ", improvement: "0.1" }],
      unmodeled_exposures: [
        {
          bucket: "FI",
          max_portfolio_weight: "0.1",
          portfolio_weight_after: "0.1",
          portfolio_weight_before: "0",
        },
      ],
    });
  });

  test("speak of asset classes otherwise, largest first", () => {
    const highlights = drift(model(targets), { enable_instrument_drift: false }).drift_analysis?.highlights;
    expect(highlights?.unmodeled_exposures.map(({ bucket }) => bucket)).toEqual([
      "CASH",
      "CLASS_EQ",
      "CLASS_FI",
    ]);
    expect(highlights?.largest_deteriorations).toEqual([{ bucket: "CLASS_FI", improvement: "-0.1" }]);
  });

  test("list an unmodelled exposure from the threshold on", () => {
    const exposed = (threshold: string) =>
      drift(model(targets), { drift_unmodeled_exposure_threshold: threshold }).drift_analysis?.highlights
        .unmodeled_exposures.length;
    expect(exposed("0.1")).toBe(1);
    expect(exposed("0.1000000001")).toBe(0);
  });

  test("are cut at the limit", () => {
    const highlights = drift(model(targets), {
      enable_instrument_drift: false,
      drift_top_contributors_limit: 1,
    }).drift_analysis?.highlights;
    expect(highlights?.unmodeled_exposures.map(({ bucket }) => bucket)).toEqual(["CASH"]);
  });
});

describe("drift analysis is left out", () => {
  test("without a model, and when it is switched off", () => {
    expect(simulated().drift_analysis).toBeNull();
    expect(drift(model(), { enable_drift_analytics: false }).drift_analysis).toBeNull();
  });

  test("with a warning when the model is in another base currency", () => {
    const result = drift(model({ base_currency: "EUR" }));
    expect(result.drift_analysis).toBeNull();
    expect(result.diagnostics.warnings).toEqual(["REFERENCE_MODEL_BASE_CURRENCY_MISMATCH"]);
  });
});

test("names are sorted by code point", () => {
  const prices = [price("EQ", "10"), price("\u{1f600}", "1"), price("\uff21", "1")];
  const result = simulated({
    market_data_snapshot: marketData({ prices }),
    shelf_entries: [shelf("EQ"), shelf("\u{1f600}"), shelf("\uff21")],
    proposed_trades: [buy("\u{1f600}", "1"), buy("\uff21", "1")],
    reference_model: model({ instrument_targets: instruments({ EQ: "1" }) }),
  });
  expect(result.drift_analysis?.instrument?.buckets.map(({ bucket }) => bucket)).toEqual([
    "EQ",
    "\uff21",
    "\u{1f600}",
  ]);
  expect(result.intents.map(({ intent_id }) => intent_id)).toEqual(["oi_2", "oi_1"]);
});

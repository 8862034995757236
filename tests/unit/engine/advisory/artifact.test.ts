import { describe, expect, test } from "vitest";
import { ProposalArtifact } from "../../../../src/contract/artifact.ts";
import { ProposalResult } from "../../../../src/contract/proposal.ts";
import { artifactContent } from "../../../../src/engine/advisory/artifact-content.ts";
import { canonicalJson } from "../../../../src/platform/json/canonical-json.ts";
import { contentHash } from "../../../../src/platform/hash.ts";
import {
  buy,
  cash,
  fx,
  held,
  identityOf,
  marketData,
  packageOf,
  parseProposal,
  portfolio,
  price,
  proposalBody,
  request,
  sell,
  shelf,
  simulate,
  type ProposalBody,
} from "./proposals.ts";

function packaged(changes: ProposalBody = {}, options: ProposalBody = {}): ProposalArtifact {
  return packageOf(request(changes, options));
}

/** EUR purchases paid for from USD, with one sale and one deposit. */
const everything: ProposalBody = {
  market_data_snapshot: marketData({
    prices: [price("EQ", "10"), price("FI", "5", "EUR")],
    fx_rates: [fx("EUR/USD", "1.10015")],
  }),
  proposed_cash_flows: [cash("USD", "100")],
  proposed_trades: [buy("FI", "20"), sell("EQ", "10")],
  reference_model: {
    model_id: "m_1",
    as_of: "2026-01-01",
    base_currency: "USD",
    asset_class_targets: [{ asset_class: "CLASS_FI", weight: "1" }],
  },
};

describe("the hash of an artifact", () => {
  const proposal = request(everything);

  function hashOf(artifact: ProposalArtifact): string {
    return artifact.evidence_bundle.hashes.artifact_hash;
  }

  test("is the same on any day, for any caller and under any key", () => {
    const identity = identityOf(proposal, { correlationId: "corr_other", idempotencyKey: "another key" });
    const first = packageOf(proposal, simulate(proposal), "2026-01-01T00:00:00.000Z");
    const second = packageOf(proposal, simulate(proposal, identity), "2028-02-29T23:59:59.999Z");
    expect(second.correlation_id).not.toBe(first.correlation_id);
    expect(hashOf(second)).toBe(hashOf(first));
    expect(hashOf(first)).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  test("is the same for another spelling of the same request", () => {
    const prices = [price("EQ", "10.00"), price("FI", "5e0", "EUR")];
    const market_data_snapshot = marketData({ prices, fx_rates: [fx("EUR/USD", "1.100150")] });
    expect(hashOf(packaged({ ...everything, market_data_snapshot }))).toBe(hashOf(packageOf(proposal)));
  });

  test("is another for another request", () => {
    const other = { ...everything, proposed_cash_flows: [cash("USD", "100.01")] };
    expect(hashOf(packaged(other))).not.toBe(hashOf(packageOf(proposal)));
  });

  test("can be checked on the artifact as it was stored", () => {
    const artifact = packageOf(proposal);
    const stored: unknown = JSON.parse(canonicalJson(artifact));
    expect(contentHash(canonicalJson(artifactContent(stored)))).toBe(hashOf(artifact));
  });

  test("tells when anything in it was altered", () => {
    const artifact = packageOf(proposal);
    const altered = { ...artifact, summary: { ...artifact.summary, title: "Another title" } };
    expect(contentHash(canonicalJson(artifactContent(altered)))).not.toBe(hashOf(artifact));
  });

  test("leaves out four fields wherever they stand, and keeps a key called __proto__", () => {
    const document: unknown = JSON.parse(
      '{"created_at":1,"list":[{"artifact_hash":2,"kept":3}],"deep":{"correlation_id":4,"idempotency_key":5,"__proto__":6}}',
    );
    expect(canonicalJson(artifactContent(document))).toBe('{"deep":{"__proto__":6},"list":[{"kept":3}]}');
  });
});

describe("an artifact", () => {
  test("and its result have the shapes of the contract", () => {
    const proposal = request(everything);
    const result = simulate(proposal);
    expect(() => ProposalResult.parse(result)).not.toThrow();
    const sent: unknown = JSON.parse(canonicalJson(packageOf(proposal, result)));
    expect(() => ProposalArtifact.parse(sent)).not.toThrow();
  });

  test("is named after its run and carries all evidence", () => {
    const proposal = request(everything);
    const result = simulate(proposal);
    const artifact = packageOf(proposal, result, "2026-05-05T05:05:05.000Z");
    expect(artifact.artifact_id).toBe(result.proposal_run_id.replace("pr_", "pa_"));
    expect(artifact.created_at).toBe("2026-05-05T05:05:05.000Z");
    expect(artifact.evidence_bundle).toMatchObject({
      engine_outputs: { proposal_result: result },
      engine_version: "0.0.0",
      hashes: { request_hash: result.lineage.request_hash },
    });
    expect(canonicalJson(artifact.evidence_bundle.inputs)).toBe(canonicalJson(proposal));
  });

  test("built from a stored result is the same", () => {
    const proposal = request(everything);
    const result = simulate(proposal);
    const stored = ProposalResult.parse(JSON.parse(canonicalJson(result)));
    expect(canonicalJson(packageOf(proposal, stored))).toBe(canonicalJson(packageOf(proposal, result)));
  });

  test("takes values of any length", () => {
    const huge = "999999999999999999";
    const tiny = `0.${"0".repeat(29)}1`;
    const artifact = packaged({
      portfolio_snapshot: portfolio({ positions: [held("EQ", huge), held("FI", tiny)] }),
      market_data_snapshot: marketData({ prices: [price("EQ", huge), price("FI", tiny)] }),
    });
    expect(artifact.portfolio_impact.before.total_value.amount).toHaveLength(36);
  });
});

describe("objective tags", () => {
  test("name what the proposal does, in order", () => {
    expect(packaged(everything).summary.objective_tags).toEqual([
      "RISK_ALIGNMENT",
      "CASH_DEPLOYMENT",
      "DRIFT_REDUCTION",
    ]);
  });

  test("are maintenance alone where nothing is done, also when the only trade was refused", () => {
    const refused = { proposed_trades: [buy("UNKNOWN", "1")] };
    expect(packaged().summary.objective_tags).toEqual(["PORTFOLIO_MAINTENANCE"]);
    expect(packaged(refused).summary.objective_tags).toEqual(["PORTFOLIO_MAINTENANCE"]);
  });
});

describe("the next step", () => {
  const unsuitable = { suitability_thresholds: { single_position_max_weight: "0.1" } };
  const wish = { proposed_trades: [buy("FI", "100")] };
  const short = { proposed_trades: [sell("EQ", "101")] };

  test.each([
    ["of a sound proposal", {}, {}, "CLIENT_CONSENT"],
    ["with the client's consent", {}, { client_consent_already_obtained: true }, "EXECUTION_READY"],
    ["of a soft failure", {}, { cash_band_max_weight: "0.1" }, "RISK_REVIEW"],
    ["of a new high issue", wish, unsuitable, "COMPLIANCE_REVIEW"],
    ["of a blocked proposal", short, {}, "RISK_REVIEW"],
    [
      "of a blocked and unsuitable proposal",
      { proposed_trades: [...short.proposed_trades, buy("FI", "100")] },
      unsuitable,
      "COMPLIANCE_REVIEW",
    ],
  ])("%s", (_name, changes, options, step) => {
    expect(packaged(changes, options).summary.recommended_next_step).toBe(step);
    const ungated = packaged(changes, { ...options, enable_workflow_gates: false });
    expect(ungated.summary.recommended_next_step).toBe(step);
    expect(ungated.evidence_bundle.engine_outputs.proposal_result["gate_decision"]).toBeNull();
  });
});

describe("key takeaways", () => {
  function codes(changes: ProposalBody, options: ProposalBody = {}): string[] {
    return packaged(changes, options).summary.key_takeaways.map(({ code }) => code);
  }

  test("speak of drift and suitability only where these were looked at", () => {
    expect(codes(everything)).toEqual(["STATUS", "INTENTS", "CASH", "DRIFT", "SUITABILITY"]);
    expect(codes({}, { enable_suitability_scanner: false })).toEqual(["STATUS", "INTENTS", "CASH"]);
  });

  test("are sentences", () => {
    expect(packaged(everything).summary.key_takeaways.map(({ value }) => value)).toEqual([
      "The proposal is READY.",
      "Cash flows: 1; security trades: 2; FX trades: 1.",
      "Cash goes from 50.00% to 51.90% of the portfolio.",
      "Asset class drift from model m_1 goes from 100.00% to 94.76%.",
      "Suitability issues: 0 new, 0 persistent, 0 resolved.",
    ]);
  });
});

describe("portfolio impact", () => {
  test("sorts by unrounded weight, then by name, and writes four decimals", () => {
    const positions = [held("FI", "0.001"), held("EQ", "0.0006"), held("AA", "0.001")];
    const { before } = packaged({
      portfolio_snapshot: portfolio({ positions, cash_balances: [cash("USD", "100")] }),
      market_data_snapshot: marketData({ prices: [price("FI", "1"), price("EQ", "2"), price("AA", "1")] }),
      shelf_entries: [shelf("FI"), shelf("EQ"), shelf("AA")],
    }).portfolio_impact;
    expect(before.allocation_by_instrument.map(({ key, weight }) => [key, weight])).toEqual([
      ["EQ", "0.0000"],
      ["AA", "0.0000"],
      ["FI", "0.0000"],
    ]);
    expect(before.allocation_by_asset_class[0]).toEqual({
      key: "CASH",
      value: { amount: "100", currency: "USD" },
      weight: "1.0000",
    });
  });

  test("lists changes that are too small to be seen, the largest first, ties by name, cut at the limit", () => {
    const changes = {
      portfolio_snapshot: portfolio({ cash_balances: [cash("USD", "1000000")] }),
      proposed_trades: [buy("FI", "2"), sell("EQ", "1"), buy("AA", "1")],
      shelf_entries: [shelf("EQ"), shelf("FI"), shelf("AA")],
      market_data_snapshot: marketData({ prices: [price("EQ", "10"), price("FI", "5"), price("AA", "1")] }),
    };
    const change = (bucket_id: string, weight_before: string, weight_after: string) => ({
      bucket_id,
      bucket_type: "INSTRUMENT",
      delta: "0.0000",
      weight_after,
      weight_before,
    });
    const all = [
      change("EQ", "0.0010", "0.0010"),
      change("FI", "0.0000", "0.0000"),
      change("AA", "0.0000", "0.0000"),
    ];
    expect(packaged(changes).portfolio_impact.delta.largest_weight_changes).toEqual(all);
    expect(
      packaged(changes, { drift_top_contributors_limit: 2 }).portfolio_impact.delta.largest_weight_changes,
    ).toEqual(all.slice(0, 2));
  });

  test("leaves out what weighs the same as before", () => {
    const { delta } = packaged({ proposed_trades: [buy("FI", "40")] }).portfolio_impact;
    expect(delta.largest_weight_changes).toEqual([
      {
        bucket_id: "FI",
        bucket_type: "INSTRUMENT",
        delta: "0.1000",
        weight_after: "0.1000",
        weight_before: "0.0000",
      },
    ]);
  });

  test("shows what the total gained and how it was reconciled", () => {
    const { delta, reconciliation } = packaged({
      proposed_cash_flows: [cash("USD", "100")],
    }).portfolio_impact;
    expect(delta.total_value_delta).toEqual({ amount: "100", currency: "USD" });
    expect(reconciliation).toMatchObject({ status: "OK", tolerance: { amount: "1.55" } });
  });
});

describe("trades and funding", () => {
  test("list trades and FX with the quote of exactly their pair", () => {
    expect(packaged(everything).trades_and_funding).toEqual({
      execution_notes: [
        { code: "DEPENDENCY", text: "Some trades may be sent only after the trades that they depend on." },
      ],
      fx_list: [
        {
          buy_amount: "100",
          intent_id: "oi_fx_1",
          pair: "EUR/USD",
          rate: "1.1002",
          sell_amount_estimated: "110.02",
        },
      ],
      ordering_policy: "CASH_FLOW->SELL->FX->BUY",
      trade_list: [
        expect.objectContaining({ intent_id: "oi_2", side: "SELL", dependencies: [] }),
        {
          dependencies: ["oi_fx_1"],
          estimated_notional: { amount: "100", currency: "EUR" },
          estimated_notional_base: { amount: "110.015", currency: "USD" },
          instrument_id: "FI",
          intent_id: "oi_1",
          quantity: "20",
          rationale: { code: "MANUAL_PROPOSAL", message: "Advisor proposed trade" },
          side: "BUY",
          type: "SECURITY_TRADE",
        },
      ],
    });
  });

  test("have no rate where the quote was the inverse one, and no note where nothing depends", () => {
    const inverse = {
      ...everything,
      market_data_snapshot: marketData({
        prices: [price("EQ", "10"), price("FI", "5", "EUR")],
        fx_rates: [fx("USD/EUR", "0.9")],
      }),
    };
    expect(packaged(inverse).trades_and_funding.fx_list[0]?.rate).toBeNull();
    expect(packaged({ proposed_trades: [buy("FI", "1")] }).trades_and_funding.execution_notes).toEqual([]);
  });
});

describe("suitability, limits and disclosures", () => {
  test("are not available when the scanner is off", () => {
    expect(packaged({}, { enable_suitability_scanner: false }).suitability_summary).toEqual({
      highest_severity_new: null,
      highlights: [],
      issues: [],
      new_issues: 0,
      persistent_issues: 0,
      resolved_issues: 0,
      status: "NOT_AVAILABLE",
    });
  });

  test("highlight the first issues up to the limit and carry all", () => {
    const options = { suitability_thresholds: {}, drift_top_contributors_limit: 2 };
    const { suitability_summary: summary } = packaged({ proposed_trades: [buy("FI", "1")] }, options);
    expect(summary).toMatchObject({ status: "AVAILABLE", new_issues: 0, persistent_issues: 3 });
    expect(summary.issues).toHaveLength(3);
    expect(summary.highlights).toEqual(
      summary.issues.slice(0, 2).map(({ status_change, summary: text }) => ({ code: status_change, text })),
    );
  });

  test("say on what the figures stand and what they leave out", () => {
    const proposal = { market_data_snapshot: marketData({ snapshot_id: "md_7" }) };
    const limits = packaged(proposal, { valuation_mode: "TRUST_SNAPSHOT" }).assumptions_and_limits;
    expect(limits.pricing).toEqual({
      fx_as_of: "md_7",
      market_data_snapshot_id: "md_7",
      prices_as_of: "md_7",
      valuation_mode: "TRUST_SNAPSHOT",
    });
    expect([limits.costs_and_fees, limits.execution, limits.tax].map(({ included }) => included)).toEqual([
      false,
      false,
      false,
    ]);
  });

  test("name every traded instrument once, sorted", () => {
    const trades = [buy("FI", "1"), sell("EQ", "1"), buy("EQ", "1"), buy("REFUSED", "1")];
    const { product_docs } = packaged({ proposed_trades: trades }).disclosures;
    expect(product_docs.map(({ instrument_id }) => instrument_id)).toEqual(["EQ", "FI"]);
  });
});

test("an empty body of instructions is packaged too", () => {
  const bare = proposalBody({ shelf_entries: [] });
  delete bare["options"];
  const proposal = parseProposal(bare);
  expect(packageOf(proposal).status).toBe("READY");
});

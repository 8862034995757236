import { describe, expect, test } from "vitest";
import type { SuitabilityIssue } from "../../../../src/contract/suitability.ts";
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

const WIDE = {
  single_position_max_weight: "1",
  issuer_max_weight: "1",
  max_weight_by_liquidity_tier: {},
  cash_band_min_weight: "0",
  cash_band_max_weight: "1",
};

/** Issues of a proposal under thresholds that are wide but for what is given. */
function issues(changes: ProposalBody, thresholds: ProposalBody = {}, options: ProposalBody = {}) {
  const suitability_thresholds = { ...WIDE, ...thresholds };
  return simulated(changes, { suitability_thresholds, ...options }).suitability?.issues ?? [];
}

function keys(found: readonly SuitabilityIssue[]): string[] {
  return found.map(({ status_change, severity, issue_key }) => `${status_change} ${severity} ${issue_key}`);
}

/** A portfolio of 1,000 in which EQ weighs as given, the rest in cash. */
function weighing(weight: string, cashAmount: string): ProposalBody {
  return {
    portfolio_snapshot: portfolio({
      positions: [held("EQ", weight)],
      cash_balances: [cash("USD", cashAmount)],
    }),
    market_data_snapshot: marketData({ prices: [price("EQ", "1000"), price("FI", "5")] }),
  };
}

describe("a limit", () => {
  test.each([
    ["0.2000001", "799.9999", []],
    ["0.2000002", "799.9998", ["PERSISTENT MEDIUM SINGLE_POSITION_MAX|EQ"]],
    ["0.25", "750", ["PERSISTENT MEDIUM SINGLE_POSITION_MAX|EQ"]],
    ["0.2500001", "749.9999", ["PERSISTENT HIGH SINGLE_POSITION_MAX|EQ"]],
  ])("of 0.2 for one position, at %s", (weight, cashAmount, expected) => {
    expect(keys(issues(weighing(weight, cashAmount), { single_position_max_weight: "0.2" }))).toEqual(
      expected,
    );
  });

  test("shows what was measured, where it comes from and a sentence", () => {
    const [issue] = issues(weighing("0.25", "750"), { single_position_max_weight: "0.2" });
    expect(issue).toEqual({
      details: { instrument_id: "EQ", measured: "0.25", threshold: "0.2" },
      dimension: "CONCENTRATION",
      evidence: {
        as_of: "md",
        snapshot_ids: { market_data_snapshot_id: "md", portfolio_snapshot_id: "pf_1" },
      },
      issue_id: "SUIT_SINGLE_POSITION_MAX",
      issue_key: "SINGLE_POSITION_MAX|EQ",
      severity: "MEDIUM",
      status_change: "PERSISTENT",
      summary: "EQ is 25.00% of the portfolio; one position may be 20.00%.",
    });
  });

  test("for an issuer or a liquidity tier is on the sum of its instruments", () => {
    const shared = { issuer_id: "I", liquidity_tier: "L4" };
    const found = issues(
      {
        shelf_entries: [shelf("EQ", shared), shelf("FI", shared)],
        proposed_trades: [sell("EQ", "20"), buy("FI", "80")],
      },
      { issuer_max_weight: "0.5", max_weight_by_liquidity_tier: { L4: "0.55", L5: "0" } },
    );
    expect(keys(found)).toEqual(["NEW MEDIUM ISSUER_MAX|I", "NEW MEDIUM LIQUIDITY_MAX|L4"]);
    expect(found.map(({ details }) => details)).toEqual([
      { issuer_id: "I", measured: "0.6", threshold: "0.5" },
      { liquidity_tier: "L4", measured: "0.6", threshold: "0.55" },
    ]);
  });

  test("is judged with the last shelf entry of an instrument", () => {
    const entries = [shelf("EQ"), shelf("FI"), shelf("EQ", { issuer_id: "LAST" })];
    expect(keys(issues({ shelf_entries: entries }, { issuer_max_weight: "0.4" }))).toEqual([
      "PERSISTENT MEDIUM ISSUER_MAX|LAST",
    ]);
  });

  test("takes an instrument in several rows as one", () => {
    const rows = portfolio({ positions: [held("EQ", "60"), held("EQ", "40")] });
    expect(keys(issues({ portfolio_snapshot: rows }, { single_position_max_weight: "0.4" }))).toEqual([
      "PERSISTENT MEDIUM SINGLE_POSITION_MAX|EQ",
    ]);
  });

  test("of cash is a band, open by the tolerance at both ends", () => {
    const band = { cash_band_min_weight: "0.1", cash_band_max_weight: "0.2" };
    const found = (weight: string, cashAmount: string) =>
      keys(issues(weighing(weight, cashAmount), band)).length;
    expect(found("0.9000001", "99.9999")).toBe(0);
    expect(found("0.9000002", "99.9998")).toBe(1);
    expect(found("0.7999999", "200.0001")).toBe(0);
    expect(found("0.7999998", "200.0002")).toBe(1);
  });

  test("does not look at short positions", () => {
    const short = portfolio({ positions: [held("EQ", "-50")], cash_balances: [cash("USD", "1000")] });
    const entries = [{ instrument_id: "EQ", status: "BANNED" }];
    expect(
      issues({ portfolio_snapshot: short, shelf_entries: entries }, { cash_band_max_weight: "1" }),
    ).toMatchObject([{ issue_key: "CASH_BAND" }]);
  });
});

describe("missing shelf data", () => {
  test("is an issue of its own kind and of the severity that is asked for", () => {
    const found = issues(
      {
        portfolio_snapshot: portfolio({ positions: [held("EQ", "50"), held("FI", "50"), held("X", "1")] }),
        market_data_snapshot: marketData({ prices: [price("EQ", "10"), price("FI", "5"), price("X", "1")] }),
        shelf_entries: [shelf("EQ", { issuer_id: null }), shelf("FI", { liquidity_tier: null })],
      },
      { data_quality_issue_severity: "LOW" },
    );
    expect(keys(found)).toEqual([
      "PERSISTENT LOW DQ|MISSING_ISSUER|EQ",
      "PERSISTENT LOW DQ|MISSING_LIQUIDITY_TIER|FI",
      "PERSISTENT LOW DQ|MISSING_SHELF|X",
    ]);
    expect(found.map(({ details }) => details["missing_fields"])).toEqual([
      "issuer_id",
      "liquidity_tier",
      "shelf_entry",
    ]);
  });

  test("includes an issuer id that is empty", () => {
    expect(
      keys(issues({ shelf_entries: [shelf("EQ", { issuer_id: "" })] }, { issuer_max_weight: "0" })),
    ).toEqual(["PERSISTENT MEDIUM DQ|MISSING_ISSUER|EQ"]);
  });
});

describe("governance", () => {
  test.each(["BANNED", "SUSPENDED"])("of %s holdings", (status) => {
    const found = issues({ shelf_entries: [shelf("EQ", { status })], proposed_trades: [sell("EQ", "1")] });
    expect(keys(found)).toEqual([`PERSISTENT HIGH GOVERNANCE|EQ|${status}`]);
    expect(found[0]).toMatchObject({
      issue_id: `SUIT_GOVERNANCE_${status}`,
      details: { instrument_id: "EQ", measured: "0.495", shelf_status: status },
    });
  });

  test("resolves what is sold", () => {
    const found = issues({
      shelf_entries: [shelf("EQ", { status: "BANNED" })],
      proposed_trades: [sell("EQ", "100")],
    });
    expect(keys(found)).toEqual(["RESOLVED HIGH GOVERNANCE|EQ|BANNED"]);
    expect(found[0]?.details["measured"]).toBe("0.5");
  });

  test.each([
    ["SELL_ONLY", false, "HIGH"],
    ["SELL_ONLY", true, "HIGH"],
    ["RESTRICTED", false, "HIGH"],
    ["RESTRICTED", true, "MEDIUM"],
  ])(
    "sees a %s holding grow by a withdrawal, allow_restricted %s: %s",
    (status, allow_restricted, severity) => {
      const found = issues(
        { shelf_entries: [shelf("EQ", { status })], proposed_cash_flows: [cash("USD", "-750")] },
        {},
        { allow_restricted },
      );
      expect(keys(found)).toEqual([`NEW ${severity} GOVERNANCE|EQ|${status}`]);
      expect(found[0]).toMatchObject({
        issue_id: `SUIT_GOVERNANCE_${status}_INCREASE`,
        details: {
          instrument_id: "EQ",
          shelf_status: status,
          measured_before: "0.5",
          measured_after: "0.8",
          ...(status === "RESTRICTED" ? { allow_restricted: String(allow_restricted) } : {}),
        },
      });
    },
  );

  test.each(["SELL_ONLY", "RESTRICTED"])(
    "sees the wish to buy %s although the trade is skipped",
    (status) => {
      const found = issues({
        shelf_entries: [shelf("EQ"), shelf("FI", { status })],
        proposed_trades: [buy("FI", "1")],
      });
      expect(keys(found)).toEqual([`NEW HIGH GOVERNANCE|FI|${status}`]);
      expect(found[0]).toMatchObject({ details: { measured_before: "0", measured_after: "0" } });
    },
  );

  test("does not mind the wish to buy what is banned: the trade is refused and nothing is held", () => {
    const entries = [shelf("EQ"), shelf("FI", { status: "BANNED" })];
    expect(issues({ shelf_entries: entries, proposed_trades: [buy("FI", "1")] })).toEqual([]);
  });
});

describe("the list of issues", () => {
  const mixed = {
    portfolio_snapshot: portfolio({ positions: [held("EQ", "100"), held("OLD", "20")] }),
    market_data_snapshot: marketData({ prices: [price("EQ", "10"), price("FI", "5"), price("OLD", "10")] }),
    shelf_entries: [shelf("EQ"), shelf("FI", { issuer_id: null }), shelf("OLD", { status: "SUSPENDED" })],
    proposed_trades: [buy("FI", "160"), sell("OLD", "20")],
  };
  const thresholds = { single_position_max_weight: "0.3", issuer_max_weight: "0.42" };

  test("is sorted by change, severity, dimension and key", () => {
    expect(keys(issues(mixed, thresholds))).toEqual([
      "NEW MEDIUM SINGLE_POSITION_MAX|FI",
      "NEW MEDIUM DQ|MISSING_ISSUER|FI",
      "PERSISTENT HIGH SINGLE_POSITION_MAX|EQ",
      "PERSISTENT MEDIUM ISSUER_MAX|ISSUER_EQ",
      "RESOLVED HIGH GOVERNANCE|OLD|SUSPENDED",
    ]);
  });

  test("is counted, and new issues alone decide the gate", () => {
    const suitability = simulated(mixed, { suitability_thresholds: { ...WIDE, ...thresholds } }).suitability;
    expect(suitability?.summary).toEqual({
      highest_severity_new: "MEDIUM",
      new_count: 2,
      persistent_count: 2,
      resolved_count: 1,
    });
    expect(suitability?.recommended_gate).toBe("RISK_REVIEW");
  });

  test.each([
    ["HIGH", "COMPLIANCE_REVIEW"],
    ["MEDIUM", "RISK_REVIEW"],
    ["LOW", "NONE"],
  ])("with a new issue of %s recommends %s", (severity, gate) => {
    const result = simulated(
      {
        shelf_entries: [shelf("EQ"), shelf("FI", { liquidity_tier: null })],
        proposed_trades: [buy("FI", "1")],
      },
      { suitability_thresholds: { ...WIDE, data_quality_issue_severity: severity } },
    );
    expect(result.suitability?.recommended_gate).toBe(gate);
    expect(result.suitability?.summary.highest_severity_new).toBe(severity);
  });

  test("is not made when the scanner is off", () => {
    expect(simulated(mixed, { enable_suitability_scanner: false }).suitability).toBeNull();
  });

  test("carries the ids of the snapshots that it was found in", () => {
    const found = issues(
      {
        ...mixed,
        portfolio_snapshot: portfolio({ snapshot_id: "ps_9" }),
        market_data_snapshot: marketData({ snapshot_id: "md_9" }),
      },
      thresholds,
    );
    expect(found[0]?.evidence).toEqual({
      as_of: "md_9",
      snapshot_ids: { market_data_snapshot_id: "md_9", portfolio_snapshot_id: "ps_9" },
    });
  });
});

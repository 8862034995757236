import { describe, expect, test } from "vitest";
import type { ProposalResult } from "../../../../src/contract/proposal.ts";
import { proposalRunId } from "../../../../src/engine/advisory/simulate-proposal.ts";
import { canonicalJson } from "../../../../src/platform/json/canonical-json.ts";
import {
  buy,
  cash,
  fx,
  held,
  identityOf,
  marketData,
  portfolio,
  price,
  request,
  sell,
  simulate,
  simulated,
  type ProposalBody,
} from "./proposals.ts";

function failures({ rule_results }: ProposalResult): string[] {
  return rule_results.filter(({ status }) => status === "FAIL").map(({ rule_id }) => rule_id);
}

/** A holding that the snapshot trusts at `before` and that is calculated at 1,998.50. */
function trusted(before: string): ProposalBody {
  const market_value = { amount: before, currency: "USD" };
  return {
    portfolio_snapshot: portfolio({ positions: [held("EQ", "100", { market_value })], cash_balances: [] }),
    market_data_snapshot: marketData({ prices: [price("EQ", "19.985")] }),
  };
}

describe("the status", () => {
  test("comes from the rules on the state after, which are always all judged", () => {
    const result = simulated();
    expect(result.rule_results.map(({ rule_id }) => rule_id)).toEqual([
      "CASH_BAND",
      "SINGLE_POSITION_MAX",
      "DATA_QUALITY",
      "MIN_TRADE_SIZE",
      "NO_SHORTING",
      "INSUFFICIENT_CASH",
    ]);
    expect(result).toMatchObject({ status: "READY", explanation: { summary: "READY" } });
  });

  test("is PENDING_REVIEW on a soft failure", () => {
    const result = simulated({}, { cash_band_max_weight: "0.4" });
    expect(failures(result)).toEqual(["CASH_BAND"]);
    expect(result.status).toBe("PENDING_REVIEW");
  });

  test("is BLOCKED on a hard failure, without the warning of the rebalance engine", () => {
    const result = simulated({ proposed_trades: [sell("EQ", "101")] });
    expect(failures(result)).toEqual(["CASH_BAND", "NO_SHORTING"]);
    expect(result.status).toBe("BLOCKED");
    expect(result.diagnostics.warnings).toEqual([]);
  });

  test("keeps intents and the state after when it is BLOCKED", () => {
    const result = simulated({ proposed_trades: [sell("EQ", "101")] });
    expect(result.intents).toHaveLength(1);
    expect(result.after_simulated.positions[0]?.quantity).toBe("-1");
  });
});

describe("reconciliation", () => {
  test("expects what cash flows bring, in base currency", () => {
    const result = simulated({
      market_data_snapshot: marketData({ fx_rates: [fx("EUR/USD", "2")] }),
      proposed_cash_flows: [cash("EUR", "50"), cash("USD", "-100")],
      proposed_trades: [buy("FI", "10")],
    });
    expect(result.reconciliation).toEqual({
      after_total_value: { amount: "2000", currency: "USD" },
      before_total_value: { amount: "2000", currency: "USD" },
      delta: { amount: "0", currency: "USD" },
      status: "OK",
      tolerance: { amount: "1.5", currency: "USD" },
    });
  });

  test("passes at its tolerance and blocks beyond it", () => {
    const options = { valuation_mode: "TRUST_SNAPSHOT" };
    // 0.5 + 0.0005 × 2,000 is 1.5, exactly what is missing.
    expect(simulated(trusted("2000"), options).reconciliation?.status).toBe("OK");
    const apart = simulated(trusted("2000.01"), options);
    expect(apart.reconciliation).toMatchObject({ status: "MISMATCH", delta: { amount: "-1.51" } });
    expect(apart.rule_results.at(-1)).toMatchObject({
      rule_id: "RECONCILIATION",
      severity: "HARD",
      status: "FAIL",
      measured: "1.51",
      reason_code: "VALUE_MISMATCH",
      threshold: { max: "1.500005" },
    });
    expect(apart.status).toBe("BLOCKED");
  });

  test("takes the tolerance of a negative total as that of a positive one", () => {
    const debt = portfolio({ positions: [], cash_balances: [cash("USD", "-1000")] });
    expect(simulated({ portfolio_snapshot: debt }).reconciliation?.tolerance.amount).toBe("1");
  });

  test("logs a cash flow without a rate after the rules have counted", () => {
    const result = simulated({ proposed_cash_flows: [cash("EUR", "5")] });
    expect(result.diagnostics.data_quality["fx_missing"]).toEqual(["EUR/USD", "EUR/USD"]);
    expect(result.rule_results.find(({ rule_id }) => rule_id === "DATA_QUALITY")?.measured).toBe("1");
    expect(result.gate_decision?.reasons[0]).toMatchObject({
      reason_code: "DATA_QUALITY_MISSING_FX",
      details: { count: "2" },
    });
  });
});

describe("the gate", () => {
  test("asks for the client's consent by default", () => {
    expect(simulated().gate_decision).toMatchObject({
      gate: "CLIENT_CONSENT_REQUIRED",
      recommended_next_step: "REQUEST_CLIENT_CONSENT",
    });
    expect(simulated({}, { client_consent_already_obtained: true }).gate_decision).toMatchObject({
      gate: "EXECUTION_READY",
      recommended_next_step: "EXECUTE",
    });
  });

  test("counts new issues, not those that were there", () => {
    const limits = { suitability_thresholds: { single_position_max_weight: "0.4" } };
    expect(simulated({}, limits).gate_decision?.summary.new_high_suitability_count).toBe(0);
    expect(simulated({ proposed_trades: [buy("FI", "180")] }, limits).gate_decision).toMatchObject({
      gate: "COMPLIANCE_REVIEW_REQUIRED",
      summary: { new_high_suitability_count: 1, new_medium_suitability_count: 1 },
    });
  });

  test("is null when workflow gates are off", () => {
    expect(simulated({}, { enable_workflow_gates: false }).gate_decision).toBeNull();
  });
});

describe("identity", () => {
  test("names where the result comes from", () => {
    const proposal = request({
      portfolio_snapshot: portfolio({ snapshot_id: "ps_1" }),
      market_data_snapshot: marketData({ snapshot_id: "md_1" }),
    });
    const identity = identityOf(proposal, { idempotencyKey: "k-1", correlationId: "corr_x" });
    const result = simulate(proposal, identity);
    expect(result).toMatchObject({ correlation_id: "corr_x", proposal_run_id: identity.runId });
    expect(result.lineage).toEqual({
      engine_version: "0.0.0",
      idempotency_key: "k-1",
      market_data_snapshot_id: "md_1",
      portfolio_snapshot_id: "ps_1",
      request_hash: identity.requestHash,
      rules_version: "1",
    });
  });

  test("has a run id of 16 hex digits from the request's hash", () => {
    expect(proposalRunId(`sha256:${"0123456789abcdef".repeat(4)}`)).toBe("pr_0123456789abcdef");
  });
});

test("what only rebalances know changes nothing", () => {
  const proposal = { proposed_trades: [buy("FI", "1")] };
  const changed = simulated(proposal, {
    max_turnover_pct: "0",
    min_trade_notional: { amount: "1000000", currency: "USD" },
    enable_settlement_awareness: true,
    enable_tax_awareness: true,
    min_cash_buffer_pct: "1",
  });
  const plain = simulated(proposal);
  const ids = { lineage: plain.lineage, proposal_run_id: plain.proposal_run_id };
  expect({ ...changed, ...ids }).toEqual(plain);
});

test("a request is not changed by its simulation", () => {
  const proposal = request({
    proposed_cash_flows: [cash("USD", "1")],
    proposed_trades: [buy("FI", "1"), sell("EQ", "1")],
  });
  const before = canonicalJson(proposal);
  simulate(proposal);
  expect(canonicalJson(proposal)).toBe(before);
});

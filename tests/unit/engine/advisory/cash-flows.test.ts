import { describe, expect, test } from "vitest";
import { buy, cash, portfolio, simulated } from "./proposals.ts";

const OVERDRAWN = "PROPOSAL_WITHDRAWAL_NEGATIVE_CASH";

describe("cash flows", () => {
  test("are applied and shown in request order", () => {
    const result = simulated({
      proposed_cash_flows: [cash("USD", "250.50"), { ...cash("EUR", "-3"), description: "fee" }],
    });
    expect(result.intents).toEqual([
      {
        amount: "250.5",
        currency: "USD",
        description: null,
        intent_id: "oi_cf_1",
        intent_type: "CASH_FLOW",
      },
      { amount: "-3", currency: "EUR", description: "fee", intent_id: "oi_cf_2", intent_type: "CASH_FLOW" },
    ]);
    expect(result.after_simulated.cash_balances.map(({ currency, amount }) => [currency, amount])).toEqual([
      ["USD", "1250.5"],
      ["EUR", "-3"],
    ]);
  });

  test("go to the first account of a repeated currency", () => {
    const twice = portfolio({ cash_balances: [cash("USD", "1000"), cash("USD", "500")] });
    const result = simulated({ portfolio_snapshot: twice, proposed_cash_flows: [cash("USD", "-1200")] });
    expect(result.after_simulated.cash_balances.map(({ amount }) => amount)).toEqual(["-200", "500"]);
    expect(result.diagnostics.warnings).toEqual([OVERDRAWN]);
  });

  test("block each time they leave their account below zero, even when it is filled up later", () => {
    const flows = [cash("USD", "-1001"), cash("USD", "0.5"), cash("USD", "100")];
    const result = simulated({ proposed_cash_flows: flows });
    expect(result.diagnostics.warnings).toEqual([OVERDRAWN, OVERDRAWN]);
    expect(result.status).toBe("BLOCKED");
    expect(result.rule_results.at(-1)).toMatchObject({
      rule_id: "PROPOSAL_INPUT_GUARDS",
      severity: "HARD",
      status: "FAIL",
      measured: "2",
      threshold: { max: "0" },
      reason_code: OVERDRAWN,
    });
  });

  test("may overdraw without the guard, and are judged by the cash rule alone", () => {
    const result = simulated(
      { proposed_cash_flows: [cash("USD", "-1001")] },
      { proposal_block_negative_cash: false },
    );
    expect(result.diagnostics.warnings).toEqual([]);
    expect(result.rule_results.filter(({ status }) => status === "FAIL").map((rule) => rule.rule_id)).toEqual(
      ["CASH_BAND", "INSUFFICIENT_CASH"],
    );
  });

  test("come before trades whatever proposal_apply_cash_flows_first says", () => {
    const proposal = { proposed_cash_flows: [cash("USD", "500")], proposed_trades: [buy("EQ", "150")] };
    const first = simulated(proposal);
    const second = simulated(proposal, { proposal_apply_cash_flows_first: false });
    expect(first.status).toBe("READY");
    expect(second.after_simulated).toEqual(first.after_simulated);
  });
});

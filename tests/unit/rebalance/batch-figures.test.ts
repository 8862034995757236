import { expect, test } from "vitest";
import { simulateRebalance } from "../../../src/engine/rebalance/simulate.ts";
import { batchResult } from "../../../src/features/rebalance/core.ts";
import { rebalanceRequest, RUN_IDENTITY } from "../../support/rebalance-request.ts";

test("the turnover of each scenario is added up as the rules of its run add up", () => {
  // 2 B and 10^17 A at 10^-12 more than one each: 10^17 + 10^5 and 2 + 2e-12 have 30 digits together.
  const price = "1.000000000001";
  const request = rebalanceRequest(
    [
      { id: "A", price, quantity: "100000000000000000" },
      { id: "B", price, quantity: "2" },
    ],
    {},
    "0",
  );
  const results = (["1", "2"] as const).map((rules_version) => ({
    name: `v${rules_version}`,
    result: simulateRebalance({ ...request, options: { ...request.options, rules_version } }, RUN_IDENTITY),
  }));
  const { comparison_metrics: figures } = batchResult(
    "batch_1",
    "2026-01-01T00:00:00.000Z",
    { ...request, scenarios: {} },
    [],
    results,
  );
  expect(figures["v2"]?.gross_turnover_notional_base.amount).toBe("100000000000100002.000000000002");
  expect(figures["v1"]?.gross_turnover_notional_base.amount).toBe("100000000000100002");
});

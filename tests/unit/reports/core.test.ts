import { describe, expect, test } from "vitest";
import { decimal, type Decimal } from "../../../src/decimal/decimal.ts";
import { toText } from "../../../src/decimal/text.ts";
import { allocationOf } from "../../../src/features/reports/core/allocation.ts";
import { proposalReport } from "../../../src/features/reports/core/proposal-report.ts";
import type { Report, Trade } from "../../../src/features/reports/core/report.ts";
import { runReport } from "../../../src/features/reports/core/run-report.ts";
import type { Metric } from "../../../src/features/reports/core/stored.ts";
import { costsOf } from "../../../src/features/reports/core/trades.ts";
import { makeArtifact, makeArtifactOfFirstForm } from "../../../src/features/runs/artifact.ts";
import { proposalInput, proposalRequest, rebalanceRequest, runInput } from "../../support/reports.ts";

const usd = (amount: string) => ({ amount: decimal(amount), currency: "USD" });
const metric = (key: string, weight: string): Metric => ({
  key,
  weight: decimal(weight),
  value: usd(weight),
});
const model = (weights: Record<string, string>) =>
  new Map(Object.entries(weights).map(([key, weight]) => [key, decimal(weight)]));

/** With decimals in their spelling. */
function spelled(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_name, each: unknown) =>
      typeof each === "object" && each !== null && "coefficient" in each ? toText(each as Decimal) : each,
    ),
  );
}

describe("an allocation", () => {
  test("has before, after and model of each key, the largest first", () => {
    const { rows, others } = allocationOf(
      {
        before: [metric("A", "0.2"), metric("B", "0.8")],
        after: [metric("B", "0.3"), metric("C", "0.7")],
        model: model({ C: "0.9", D: "0.1" }),
      },
      10,
    );
    expect(others).toBeNull();
    expect(rows.map(({ key }) => key)).toEqual(["C", "B", "A", "D"]);
    expect(spelled(rows[0])).toEqual({
      key: "C",
      before: null,
      after: { weight: "0.7", value: { amount: "0.7", currency: "USD" } },
      model: "0.9",
    });
  });

  test("sums up what does not fit", () => {
    const { rows, others } = allocationOf(
      {
        before: [metric("A", "0.5"), metric("B", "0.3"), metric("C", "0.2")],
        after: [metric("A", "0.6"), metric("C", "0.1")],
        model: model({ B: "0.1" }),
      },
      1,
    );
    expect(rows.map(({ key }) => key)).toEqual(["A"]);
    expect(spelled(others)).toEqual({
      count: 2,
      before: { weight: "0.5", value: { amount: "0.5", currency: "USD" } },
      after: { weight: "0.1", value: { amount: "0.1", currency: "USD" } },
      model: "0.1",
    });
  });

  test("counts a key once that stands in a state twice, and leaves out what is nothing", () => {
    const { rows } = allocationOf(
      {
        before: [metric("A", "0.1"), metric("A", "0.2"), metric("B", "0")],
        after: [],
        model: model({ B: "0" }),
      },
      10,
    );
    expect(spelled(rows.map(({ key, before }) => [key, before?.weight]))).toEqual([["A", "0.3"]]);
  });

  test("puts an overdraft by its size", () => {
    const { rows } = allocationOf(
      { before: [metric("A", "0.1"), metric("CASH", "-0.4")], after: [], model: new Map() },
      1,
    );
    expect(rows.map(({ key }) => key)).toEqual(["CASH"]);
  });
});

describe("costs", () => {
  const trade = (side: "BUY" | "SELL", base: string | null): Trade => ({
    side,
    instrumentId: "A",
    quantity: decimal(1),
    notional: null,
    notionalBase: base === null ? null : usd(base),
    reason: null,
    waits: false,
  });
  const costs = (trades: Trade[], total: string) =>
    costsOf(trades, usd(total), { turnoverLimit: null, tax: null });

  test("are purchases and sales, against the portfolio before", () => {
    const { bought, sold, turnover, turnoverShare, unvalued } = costs(
      [trade("BUY", "30.10"), trade("SELL", "20.20"), trade("SELL", "0.05")],
      "200",
    );
    expect(spelled([bought.amount, sold.amount, turnover.amount, turnoverShare, unvalued])).toEqual([
      "30.1",
      "20.25",
      "50.35",
      "0.25175",
      0,
    ]);
  });

  test("tell how many trades they leave out, as nobody knows their worth", () => {
    expect(costs([trade("BUY", null), trade("BUY", "1")], "10").unvalued).toBe(1);
  });

  test("have no share of a portfolio that was worth nothing", () => {
    expect(costs([trade("BUY", "1")], "0").turnoverShare).toBeNull();
    expect(spelled(costs([], "0").turnoverShare)).toBe("0");
  });
});

const FACTS: Omit<Report, "kind" | "content"> = {
  head: {
    id: "x",
    title: null,
    notes: null,
    portfolioId: "p",
    mandateId: null,
    jurisdiction: null,
    version: null,
    state: null,
    createdBy: null,
    createdAt: "2026-01-01T00:00:00Z",
    reportedAt: "2026-01-01T00:00:00Z",
  },
  decisions: { isShown: false, approvals: [], history: [], earlier: 0 },
  evidence: { ids: [], hashes: [], engineVersion: "", verification: null },
};

describe("what a report reads of an artifact", () => {
  test("of a proposal is what its artifact says", () => {
    const { content } = proposalReport(proposalInput().version.artifact_text, FACTS);
    expect(content).toMatchObject({
      status: "READY",
      baseCurrency: "CHF",
      model: { name: "Balanced income", asOf: "2026-11-01" },
      suitability: { isAvailable: true },
    });
    expect(spelled(content?.trades.cashFlows)).toEqual([
      { money: { amount: "50000", currency: "CHF" }, description: "New money" },
    ]);
    expect(content?.trades.securities.map(({ side, instrumentId }) => `${side} ${instrumentId}`)).toEqual([
      "SELL US_MSFT",
      "BUY EU_BUND",
      "BUY GOLD_ETC",
    ]);
    expect(content?.trades.fx.map(({ pair }) => pair)).toEqual(["EUR/CHF"]);
    expect(spelled(content?.costs.sold)).toEqual({ amount: "182325", currency: "CHF" });
  });

  test("of a proposal without a model has none", () => {
    const { version } = proposalInput(proposalRequest({ reference_model: null }));
    const { content } = proposalReport(version.artifact_text, FACTS);
    expect([content?.model, content?.drift]).toEqual([null, null]);
    expect(content?.instruments.rows.every((row) => row.model === null)).toBe(true);
  });

  test("of a run is its model by asset class too, with cash for the rest", () => {
    const { content } = runReport(makeArtifact(runInput().run), FACTS);
    const models = content?.assetClasses.rows.map((row) => [row.key, row.model]);
    expect(spelled(models)).toEqual([
      ["EQUITY", "0.25"],
      ["ALTERNATIVE", "0.65"],
      ["CASH", "0.1"],
    ]);
    expect(spelled([content?.costs.turnoverLimit, content?.costs.tax?.limit?.amount])).toEqual([
      "0.9",
      "40000",
    ]);
    expect(content?.suitability).toBeNull();
  });

  test("of a run that was stopped is the model that was asked for", () => {
    const { run } = runInput(rebalanceRequest({ market_data_snapshot: { prices: [], fx_rates: [] } }));
    const { content } = runReport(makeArtifact(run), FACTS);
    expect(content?.status).toBe("BLOCKED");
    expect(content?.instruments.rows.map(({ key }) => key)).toEqual(["GOLD_ETC", "US_MSFT"]);
    expect(content?.missingData.map(({ kind }) => kind)).toEqual(["price_missing"]);
  });

  test("of a run is the same from an artifact of the first form", () => {
    const { run } = runInput();
    const { content } = runReport(makeArtifact(run), FACTS);
    expect(content).not.toBeNull();
    expect(runReport(makeArtifactOfFirstForm(run), FACTS).content).toEqual(content);
  });

  test.each(["", "{", "null", "[]", "{}", '{"status":"READY"}', '"text"'])("%j is no artifact", (text) => {
    expect(proposalReport(text, FACTS).content).toBeNull();
    expect(runReport(text, FACTS).content).toBeNull();
  });

  test("a number that somebody made a text of another kind is none", () => {
    const altered = proposalInput().version.artifact_text.replaceAll('"weight":"0.', '"weight":"about 0.');
    expect(proposalReport(altered, FACTS).content).toBeNull();
  });
});

import { describe, expect, test } from "vitest";
import { BatchRebalanceRequest } from "../../../src/contract/rebalance.ts";
import { readScenarioOptions } from "../../../src/contract/scenario-options.ts";
import { accepted, batchBody, placesOf, position, raw, refused, type Draft } from "./bodies.ts";

const withScenarios = (scenarios: unknown) => ({ ...batchBody(), scenarios });
const accept = (scenarios: unknown) => accepted(BatchRebalanceRequest, withScenarios(scenarios));
const refuse = (scenarios: unknown) => placesOf(refused(BatchRebalanceRequest, withScenarios(scenarios)));
const named = (count: number): Draft =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`s${at}`, {}]));

describe("scenarios", () => {
  test.each([1, 20])("%i are taken", (count) => {
    expect(Object.keys(accept(named(count)).scenarios)).toHaveLength(count);
  });

  test.each([0, 21])("%i are refused", (count) => {
    expect(refuse(named(count))).toEqual(["scenarios: SCENARIO_COUNT"]);
  });

  test.each(["a", "low_turnover-2", "0", "x".repeat(64)])("the name %j is taken", (name) => {
    expect(accept({ [name]: {} }).scenarios).toHaveProperty([name]);
  });

  test.each(["", "Bad", "with space", "dot.name", "x".repeat(65), "line\n", "\nline", "é", "__PROTO__"])(
    "the name %j is refused",
    (name) => {
      expect(refuse({ ok: {}, [name]: {} })).toEqual(["scenarios: SCENARIO_NAME"]);
    },
  );

  test("a fault of the count comes before a fault of a name, beside those inside", () => {
    expect(refuse({ ...named(20), Bad: 4 })).toEqual([
      "scenarios.Bad: WRONG_TYPE",
      "scenarios: SCENARIO_COUNT",
      "scenarios: SCENARIO_NAME",
    ]);
  });

  test.each(["x", [], null, raw("4"), true])("%j is no scenario, and no options", (value) => {
    expect(refuse({ baseline: value })).toEqual(["scenarios.baseline: WRONG_TYPE"]);
    expect(refuse({ baseline: { options: value } })).toEqual(["scenarios.baseline.options: WRONG_TYPE"]);
  });

  test("a description is a text or null, and may be left out like the options", () => {
    expect(accept({ baseline: {} }).scenarios["baseline"]).toEqual({ description: null, options: {} });
    expect(accept({ baseline: { description: "why" } }).scenarios["baseline"]?.description).toBe("why");
    expect(refuse({ baseline: { description: true } })).toEqual([
      "scenarios.baseline.description: WRONG_TYPE",
    ]);
  });

  test("an unknown field of a scenario is refused, an unknown option is left to the scenario", () => {
    expect(refuse({ baseline: { option: {} } })).toEqual(["scenarios.baseline.option: UNKNOWN_FIELD"]);
    accept({ baseline: { options: { not_an_option: 1, max_turnover_pct: "15" } } });
  });

  test("there are no options beside the scenarios", () => {
    const faults = refused(BatchRebalanceRequest, { ...batchBody(), options: {} });
    expect(placesOf(faults)).toEqual(["options: UNKNOWN_FIELD"]);
  });

  test("the shared inputs are judged as in a single rebalance", () => {
    const body = batchBody();
    body.portfolio_snapshot.positions = [{ ...position(), quantity: "11" }];
    expect(placesOf(refused(BatchRebalanceRequest, body))).toEqual([
      "portfolio_snapshot.positions.0: LOTS_MISMATCH",
    ]);
  });
});

describe("the options of one scenario", () => {
  const optionsOf = (options: Draft) => accept({ baseline: { options } }).scenarios["baseline"]?.options;
  const readOptions = (options: Draft, unknownFields: "refuse" | "ignore" = "refuse") =>
    readScenarioOptions(optionsOf(options), unknownFields);

  test("are complete when nothing is wrong", () => {
    const reading = readOptions({ max_turnover_pct: "0.1" });
    expect(reading.ok && reading.options.settlement_horizon_days).toBe(5);
  });

  test("say the first thing that is wrong, and where", () => {
    expect(readOptions({ max_turnover_pct: "15" })).toEqual({
      ok: false,
      message: "max_turnover_pct must be a decimal from 0 to 1",
    });
    expect(readOptions({ group_constraints: { bad: { max_weight: "1" } } })).toMatchObject({
      ok: false,
      message: expect.stringMatching(/^group_constraints /) as string,
    });
  });

  test("an unknown option is a fault, unless unknown fields are ignored", () => {
    expect(readOptions({ max_turnover: "0.1" })).toMatchObject({ ok: false });
    expect(readOptions({ max_turnover: "0.1" }, "ignore")).toMatchObject({ ok: true });
  });
});

import { describe, expect, test } from "vitest";
import { ProposalSimulateRequest } from "../../../src/contract/proposal.ts";
import { toText } from "../../../src/decimal/text.ts";
import { accepted, placesOf, proposalBody, raw, refused, type Draft } from "./bodies.ts";

const CODE = "PROPOSAL_INVALID_TRADE_INPUT";
const trade = (fields: Draft) => ({
  ...proposalBody(),
  proposed_trades: [{ side: "BUY", instrument_id: "EQ_1", ...fields }],
});
const flow = (fields: Draft) => ({
  ...proposalBody(),
  proposed_cash_flows: [{ currency: "USD", ...fields }],
});
const refuse = (body: unknown) => placesOf(refused(ProposalSimulateRequest, body));
const accept = (body: unknown) => accepted(ProposalSimulateRequest, body);
const usd = (amount: unknown) => ({ amount, currency: "USD" });

describe("amounts of cash flows", () => {
  test.each([raw("10.5"), raw("-0.01"), raw("1e-1"), raw("1e-40")])(
    "the JSON number %s is not whole",
    (amount) => {
      expect(refuse(flow({ amount }))).toEqual([`proposed_cash_flows.0.amount: ${CODE}`]);
    },
  );

  test.each([
    [raw("10"), "10"],
    [raw("10.0"), "10"],
    [raw("-5e1"), "-50"],
    ["10.5", "10.5"],
    ["-0.01", "-0.01"],
  ])("%s is taken", (amount, text) => {
    const [first] = accept(flow({ amount })).proposed_cash_flows;
    expect(first === undefined ? "" : toText(first.amount)).toBe(text);
  });

  test("a missing or unreadable amount has no code of its own", () => {
    expect(refuse(flow({}))).toEqual(["proposed_cash_flows.0.amount: REQUIRED"]);
    expect(refuse(flow({ amount: "x" }))).toEqual(["proposed_cash_flows.0.amount: NOT_A_DECIMAL"]);
    expect(refuse(flow({ amount: raw("1e400") }))).toEqual(["proposed_cash_flows.0.amount: OUT_OF_RANGE"]);
  });
});

describe("quantities of trades", () => {
  test.each([raw("3.5"), raw("0.25"), raw("-0.5")])("the JSON number %s is not whole", (quantity) => {
    expect(refuse(trade({ quantity }))).toEqual([`proposed_trades.0.quantity: ${CODE}`]);
  });

  test.each(["0", "-5", "0.00", raw("0"), raw("-3")])("%s is not above zero", (quantity) => {
    expect(refuse(trade({ quantity }))).toEqual(["proposed_trades.0.quantity: OUT_OF_RANGE"]);
  });

  test.each(["0.25", "3", raw("3"), raw("3.0")])("%s is taken", (quantity) => {
    accept(trade({ quantity }));
  });
});

describe("notionals of trades", () => {
  test.each([raw("25.5"), raw("0.001"), raw("-0.5")])(
    "the JSON number %s is refused at the notional",
    (amount) => {
      expect(refuse(trade({ notional: usd(amount) }))).toEqual([`proposed_trades.0.notional: ${CODE}`]);
    },
  );

  test.each(["0", "-25.00", raw("0"), raw("-1")])("%s is refused at the trade", (amount) => {
    expect(refuse(trade({ notional: usd(amount) }))).toEqual([`proposed_trades.0: ${CODE}`]);
  });

  test.each(["25.5", raw("25"), raw("25.0")])("%s is taken", (amount) => {
    accept(trade({ notional: usd(amount) }));
  });

  test("a missing or unreadable leaf is refused there, without a code of its own", () => {
    expect(refuse(trade({ notional: { currency: "USD" } }))).toEqual([
      "proposed_trades.0.notional.amount: REQUIRED",
    ]);
    expect(refuse(trade({ notional: usd("1,5") }))).toEqual([
      "proposed_trades.0.notional.amount: NOT_A_DECIMAL",
    ]);
    expect(refuse(trade({ notional: { amount: "5" } }))).toEqual([
      "proposed_trades.0.notional.currency: REQUIRED",
    ]);
    expect(refuse(trade({ notional: [] }))).toEqual(["proposed_trades.0.notional: WRONG_TYPE"]);
  });

  test("both faults of one notional are found", () => {
    expect(refuse(trade({ notional: { amount: raw("2.5") } })).toSorted()).toEqual([
      "proposed_trades.0.notional.currency: REQUIRED",
      `proposed_trades.0.notional: ${CODE}`,
    ]);
    expect(refuse(trade({ notional: { amount: "-2" } })).toSorted()).toEqual([
      "proposed_trades.0.notional.currency: REQUIRED",
      `proposed_trades.0: ${CODE}`,
    ]);
  });
});

describe("a trade has exactly one of quantity and notional", () => {
  test.each([
    ["neither", {}],
    ["both null", { quantity: null, notional: null }],
    ["both", { quantity: "1", notional: usd("1") }],
  ])("%s", (_name, fields) => {
    expect(refuse(trade(fields))).toEqual([`proposed_trades.0: ${CODE}`]);
  });

  test.each([
    ["a null notional", { quantity: "1", notional: null }],
    ["a null quantity", { quantity: null, notional: usd("1") }],
  ])("%s counts as absent", (_name, fields) => {
    accept(trade(fields));
  });

  test("it is judged whatever else is wrong with the trade", () => {
    expect(refuse(trade({ side: "HOLD" })).toSorted()).toEqual([
      "proposed_trades.0.side: NOT_ALLOWED",
      `proposed_trades.0: ${CODE}`,
    ]);
    expect(refuse(trade({ quantity: raw("1.5"), notional: usd("x") })).toSorted()).toEqual([
      "proposed_trades.0.notional.amount: NOT_A_DECIMAL",
      `proposed_trades.0.quantity: ${CODE}`,
      `proposed_trades.0: ${CODE}`,
    ]);
  });
});

describe("words", () => {
  test.each([
    ["proposed_trades", "FX_SPOT", "SECURITY_TRADE"],
    ["proposed_cash_flows", "SECURITY_TRADE", "CASH_FLOW"],
  ] as const)("the intent type of %s may be left out, or be the literal", (list, wrong, right) => {
    const body = proposalBody();
    const [first] = body[list];
    const withType = (intent_type: unknown) => ({ ...body, [list]: [{ ...first, intent_type }] });
    expect(accept(body)[list][0]?.intent_type).toBe(right);
    accept(withType(right));
    for (const other of [wrong, "", right.toLowerCase(), null]) {
      expect(refuse(withType(other))).toEqual([`${list}.0.intent_type: NOT_ALLOWED`]);
    }
  });

  test.each(["buy", "HOLD", "", null, raw("1")])("%j is no side", (side) => {
    expect(refuse(trade({ quantity: "1", side }))).toEqual(["proposed_trades.0.side: NOT_ALLOWED"]);
  });
});

describe("what may be left out", () => {
  test("options, flows, trades and the reference model", () => {
    const { portfolio_snapshot, market_data_snapshot, shelf_entries } = proposalBody();
    const request = accept({ portfolio_snapshot, market_data_snapshot, shelf_entries });
    expect(request).toMatchObject({ proposed_cash_flows: [], proposed_trades: [], reference_model: null });
    expect(request.options.enable_proposal_simulation).toBe(false);
  });

  test("but not sent as null, the reference model excepted", () => {
    accept({ ...proposalBody(), reference_model: null });
    for (const field of ["options", "proposed_cash_flows", "proposed_trades"]) {
      expect(refuse({ ...proposalBody(), [field]: null })).toEqual([`${field}: WRONG_TYPE`]);
    }
  });
});

describe("the reference model", () => {
  const model = {
    model_id: "m1",
    as_of: "2026-01-01",
    base_currency: "USD",
    asset_class_targets: [{ asset_class: "EQUITY", weight: "0.6" }],
    instrument_targets: [{ instrument_id: "EQ_1", weight: raw("0.25") }],
  };

  test("is taken, its lists optional", () => {
    accept({ ...proposalBody(), reference_model: model });
    const { asset_class_targets: _a, instrument_targets: _b, ...bare } = model;
    expect(accept({ ...proposalBody(), reference_model: bare }).reference_model?.instrument_targets).toEqual(
      [],
    );
  });

  test.each(["model_id", "as_of", "base_currency"] as const)("needs its %s", (field) => {
    const { [field]: _left, ...rest } = model;
    expect(refuse({ ...proposalBody(), reference_model: rest })).toEqual([
      `reference_model.${field}: REQUIRED`,
    ]);
  });

  test("needs readable targets", () => {
    const reference_model = { ...model, instrument_targets: [{ weight: [] }], asset_class_targets: null };
    expect(refuse({ ...proposalBody(), reference_model }).toSorted()).toEqual([
      "reference_model.asset_class_targets: WRONG_TYPE",
      "reference_model.instrument_targets.0.instrument_id: REQUIRED",
      "reference_model.instrument_targets.0.weight: NOT_A_DECIMAL",
    ]);
  });
});

import { describe, expect, test } from "vitest";
import { RebalanceRequest } from "../../../src/contract/rebalance.ts";
import { toText } from "../../../src/decimal/text.ts";
import { canonicalJson } from "../../../src/platform/json/canonical-json.ts";
import { readStored } from "../../../src/platform/json/stored-json.ts";
import { accepted, placesOf, position, raw, rebalanceBody, refused, type Draft } from "./bodies.ts";

type Body = ReturnType<typeof rebalanceBody>;
type Change = (body: Body) => void;

function changed(change: Change): Body {
  const body = rebalanceBody();
  change(body);
  return body;
}

const accept = (change: Change) => accepted(RebalanceRequest, changed(change));
const refuse = (change: Change) => placesOf(refused(RebalanceRequest, changed(change)));
const withOptions =
  (options: Draft): Change =>
  (body) =>
    void Object.assign(body.options, options);
const withPosition =
  (fields: Draft): Change =>
  (body) =>
    void (body.portfolio_snapshot.positions = [{ ...position(), ...fields }]);
const withShelf =
  (fields: Draft): Change =>
  (body) =>
    void Object.assign(body.shelf_entries[0] ?? {}, fields);
const thresholds = (fields: Draft): Change => withOptions({ suitability_thresholds: fields });
const lots = (...quantities: string[]) =>
  quantities.map((quantity, index) => ({
    lot_id: `L${index}`,
    quantity,
    unit_cost: { amount: "1", currency: "USD" },
    purchase_date: "2020-01-15",
  }));

describe("decimals", () => {
  test.each([
    ["1.5", "1.5"],
    ["0012", "12"],
    ["2000.", "2000"],
    [".5", "0.5"],
    ["-0", "0"],
    ["+3", "3"],
    ["5e-1", "0.5"],
    ["30E-2", "0.3"],
    ["999999999999999999", "999999999999999999"],
    ["0.000000000000000000000000000001", "0.000000000000000000000000000001"],
    ["1.50000000000000000000000000000000000000", "1.5"],
    [raw("0.1000000000000000055"), "0.1000000000000000055"],
    [raw("1E3"), "1000"],
    [raw("-0.0"), "0"],
  ])("%s is read as %s", (quantity, text) => {
    const [first] = accept(withPosition({ quantity, lots: [] })).portfolio_snapshot.positions;
    expect(first === undefined ? undefined : toText(first.quantity)).toBe(text);
  });

  test.each([
    "",
    "abc",
    "12 USD",
    "1,5",
    "NaN",
    "Infinity",
    "-Infinity",
    " 1",
    "1 ",
    "1_000",
    ".",
    "-",
    "e5",
    "0x10",
  ])("the text %j is refused", (quantity) => {
    expect(refuse(withPosition({ quantity, lots: [] }))).toEqual([
      "portfolio_snapshot.positions.0.quantity: NOT_A_DECIMAL",
    ]);
  });

  test.each([true, null, [], {}, ["1"]])("%j is refused", (quantity) => {
    expect(refuse(withPosition({ quantity, lots: [] }))).toEqual([
      "portfolio_snapshot.positions.0.quantity: NOT_A_DECIMAL",
    ]);
  });

  test.each([
    "1000000000000000000",
    "1e18",
    "1e999999999",
    raw("1e400"),
    "0.0000000000000000000000000000001",
    "1e-999999999",
  ])("%s has too many digits", (quantity) => {
    expect(refuse(withPosition({ quantity, lots: [] }))).toEqual([
      "portfolio_snapshot.positions.0.quantity: OUT_OF_RANGE",
    ]);
  });
});

describe("types", () => {
  test.each([
    ["a body that is a text", "text"],
    ["a body that is a list", []],
    ["a body that is a number", raw("5")],
    ["a body that is null", null],
  ])("%s is refused at its root", (_name, body) => {
    expect(placesOf(refused(RebalanceRequest, body))).toEqual([": WRONG_TYPE"]);
  });

  test.each([
    "portfolio_snapshot",
    "market_data_snapshot",
    "model_portfolio",
    "shelf_entries",
    "options",
  ] as const)("%s is required", (field) => {
    expect(refuse((body) => Reflect.deleteProperty(body, field))).toEqual([`${field}: REQUIRED`]);
  });

  test.each([null, raw("5"), "x", true, []])("%j is no object", (options) => {
    expect(placesOf(refused(RebalanceRequest, { ...rebalanceBody(), options }))).toEqual([
      "options: WRONG_TYPE",
    ]);
  });

  test.each([null, raw("5"), "x", {}])("%j is no list", (shelf_entries) => {
    expect(placesOf(refused(RebalanceRequest, { ...rebalanceBody(), shelf_entries }))).toEqual([
      "shelf_entries: WRONG_TYPE",
    ]);
  });

  test("an item that is no object is refused at its index", () => {
    expect(placesOf(refused(RebalanceRequest, { ...rebalanceBody(), shelf_entries: [raw("7")] }))).toEqual([
      "shelf_entries.0: WRONG_TYPE",
    ]);
  });

  test.each([null, "true", raw("1"), raw("0"), "yes", []])("%j is no boolean", (allow_restricted) => {
    expect(refuse(withOptions({ allow_restricted }))).toEqual(["options.allow_restricted: WRONG_TYPE"]);
  });

  test.each([null, "5", "x", raw("2.5"), raw("1e400"), true, {}])("%j is no integer", (days) => {
    expect(refuse(withOptions({ settlement_horizon_days: days }))).toEqual([
      "options.settlement_horizon_days: WRONG_TYPE",
    ]);
  });

  test.each([
    [raw("3"), 3],
    [raw("3.0"), 3],
    [raw("30e-1"), 3],
    [raw("-0"), 0],
  ])("%s is the integer %i", (days, value) => {
    expect(accept(withOptions({ settlement_horizon_days: days })).options.settlement_horizon_days).toBe(
      value,
    );
  });

  test.each(["calculated", "", "MARK", null, raw("1")])("%j is no valuation mode", (valuation_mode) => {
    expect(refuse(withOptions({ valuation_mode }))).toEqual(["options.valuation_mode: NOT_ALLOWED"]);
  });

  test.each([null, raw("5"), true, ["TECH"]])("%j is no attribute value", (sector) => {
    expect(refuse(withShelf({ attributes: { sector } }))).toEqual([
      "shelf_entries.0.attributes.sector: WRONG_TYPE",
    ]);
  });

  test.each([null, raw("5"), "x", []])("%j is no map", (attributes) => {
    expect(refuse(withShelf({ attributes }))).toEqual(["shelf_entries.0.attributes: WRONG_TYPE"]);
  });

  test("what may be null is taken as null, and so is what is left out", () => {
    const nulls = accept((body) => {
      withShelf({ issuer_id: null, liquidity_tier: null, min_notional: null })(body);
      withPosition({ market_value: null })(body);
      withOptions({
        single_position_max_weight: null,
        min_trade_notional: null,
        dust_trade_threshold: null,
        max_turnover_pct: null,
        max_realized_capital_gains: null,
        link_buy_to_same_currency_sell_dependency: null,
      })(body);
      Object.assign(body.portfolio_snapshot, { snapshot_id: null });
      Object.assign(body.market_data_snapshot, { snapshot_id: null });
      body.portfolio_snapshot.cash_balances = [
        { currency: "USD", amount: "100.00", ...{ settled: null, pending: null } },
      ];
    });
    expect(canonicalJson(nulls)).toBe(canonicalJson(accept(() => undefined)));
  });

  test.each(["positions", "cash_balances"])("%s may be left out but not null", (field) => {
    expect(
      accept((body) => Reflect.deleteProperty(body.portfolio_snapshot, field)).portfolio_snapshot,
    ).toHaveProperty(field, []);
    expect(refuse((body) => void Object.assign(body.portfolio_snapshot, { [field]: null }))).toEqual([
      `portfolio_snapshot.${field}: WRONG_TYPE`,
    ]);
  });

  test.each(["max_overdraft_by_ccy", "group_constraints", "suitability_thresholds"])(
    "the option %s may be left out but not null",
    (field) => {
      expect(refuse(withOptions({ [field]: null }))).toEqual([`options.${field}: WRONG_TYPE`]);
    },
  );
});

describe("identifiers and currencies", () => {
  test.each([
    ["x".repeat(128), "the longest"],
    ["😀".repeat(128), "the longest, counted in characters"],
    ["  EQ 1 ", "blanks are part of it"],
    ["ünïcode/42", "any form"],
  ])("%s is taken: %s", (instrument_id) => {
    const [first] = accept(withPosition({ instrument_id })).portfolio_snapshot.positions;
    expect(first?.instrument_id).toBe(instrument_id);
  });

  test.each([
    ["", "EMPTY"],
    ["x".repeat(129), "TOO_LONG"],
    ["😀".repeat(129), "TOO_LONG"],
    ["a\nb", "CONTROL_CHARACTER"],
    ["a\u0085", "CONTROL_CHARACTER"],
  ])("%j is refused as %s", (instrument_id, code) => {
    expect(refuse(withPosition({ instrument_id }))).toEqual([
      `portfolio_snapshot.positions.0.instrument_id: ${code}`,
    ]);
    expect(refuse((body) => void (body.portfolio_snapshot.base_currency = instrument_id))).toEqual([
      `portfolio_snapshot.base_currency: ${code}`,
    ]);
  });
});

describe("ranges, both ends included", () => {
  const WEIGHTS = { lowest: "0", highest: "1", below: "-0.0001", above: "1.0001" };
  const DAYS = { lowest: 0, highest: 10, below: -1, above: 11 };
  const ranges: [name: string, change: (value: unknown) => Change, path: string, Record<string, unknown>][] =
    [
      [
        "settlement_days",
        (settlement_days) => withShelf({ settlement_days }),
        "shelf_entries.0.settlement_days",
        DAYS,
      ],
      ...["settlement_horizon_days", "fx_settlement_days"].map((name): (typeof ranges)[number] => [
        name,
        (value) => withOptions({ [name]: value }),
        `options.${name}`,
        DAYS,
      ]),
      [
        "drift_top_contributors_limit",
        (drift_top_contributors_limit) => withOptions({ drift_top_contributors_limit }),
        "options.drift_top_contributors_limit",
        { lowest: 1, highest: 20, below: 0, above: 21 },
      ],
      ...["max_turnover_pct", "drift_unmodeled_exposure_threshold"].map((name): (typeof ranges)[number] => [
        name,
        (value) => withOptions({ [name]: value }),
        `options.${name}`,
        WEIGHTS,
      ]),
      [
        "max_realized_capital_gains",
        (max_realized_capital_gains) => withOptions({ max_realized_capital_gains }),
        "options.max_realized_capital_gains",
        { lowest: "0", highest: "1000000", below: "-0.01" },
      ],
      [
        "max_weight",
        (max_weight) => withOptions({ group_constraints: { "sector:TECH": { max_weight } } }),
        "options.group_constraints.sector:TECH.max_weight",
        WEIGHTS,
      ],
      ...["single_position_max_weight", "issuer_max_weight"].map((name): (typeof ranges)[number] => [
        name,
        (value) => thresholds({ [name]: value }),
        `options.suitability_thresholds.${name}`,
        WEIGHTS,
      ]),
      [
        "cash_band_max_weight",
        (cash_band_max_weight) => thresholds({ cash_band_min_weight: "0", cash_band_max_weight }),
        "options.suitability_thresholds.cash_band_max_weight",
        WEIGHTS,
      ],
      [
        "cash_band_min_weight",
        (cash_band_min_weight) => thresholds({ cash_band_min_weight, cash_band_max_weight: "1" }),
        "options.suitability_thresholds.cash_band_min_weight",
        WEIGHTS,
      ],
    ];

  test.each(ranges)("%s", (_name, change, path, { lowest, highest, below, above }) => {
    accept(change(lowest));
    accept(change(highest));
    for (const outside of [below, above].filter((value) => value !== undefined)) {
      expect(refuse(change(outside))).toEqual([`${path}: OUT_OF_RANGE`]);
    }
  });

  test("a lot of quantity 0 is legal, one below is not", () => {
    accept(withPosition({ quantity: "0", lots: lots("0") }));
    expect(refuse(withPosition({ quantity: "-1", lots: lots("-1") }))).toEqual([
      "portfolio_snapshot.positions.0.lots.0.quantity: OUT_OF_RANGE",
    ]);
  });

  test("no other sign or size rule: negative and zero amounts, a reversed cash band, repeated rows are legal", () => {
    accept((body) => {
      withPosition({ quantity: "-10", lots: [] })(body);
      body.market_data_snapshot.prices = [
        { instrument_id: "EQ_1", price: "-1", currency: "USD" },
        { instrument_id: "EQ_1", price: "0", currency: "USD" },
      ];
      body.market_data_snapshot.fx_rates = [{ pair: "EUR/USD", rate: "-2" }];
      body.portfolio_snapshot.cash_balances = [
        { currency: "USD", amount: "-5" },
        { currency: "USD", amount: "0" },
      ];
      body.model_portfolio.targets = [{ instrument_id: "EQ_1", weight: "-3" }];
      withOptions({ cash_band_min_weight: "0.9", cash_band_max_weight: "0.1" })(body);
    });
    accept((body) => void Object.assign(body, { shelf_entries: [], model_portfolio: { targets: [] } }));
  });
});

describe("rules over more than one value", () => {
  test.each([["9.9999"], ["10.0001"], ["10"]])("lots of 4 and 6 make up a position of %s", (quantity) => {
    accept(withPosition({ quantity, lots: lots("4", "6") }));
  });

  test.each([["9.99989"], ["10.00011"], ["-10"]])(
    "lots of 4 and 6 do not make up a position of %s",
    (quantity) => {
      expect(refuse(withPosition({ quantity, lots: lots("4", "6") }))).toEqual([
        "portfolio_snapshot.positions.0: LOTS_MISMATCH",
      ]);
    },
  );

  test("a position without lots has no rule", () => {
    accept(withPosition({ quantity: "7", lots: [] }));
  });

  test("each position whose lots do not add up is a fault of its own", () => {
    const bad = { ...position(), quantity: "11" };
    expect(refuse((body) => void (body.portfolio_snapshot.positions = [bad, position(), bad]))).toEqual([
      "portfolio_snapshot.positions.0: LOTS_MISMATCH",
      "portfolio_snapshot.positions.2: LOTS_MISMATCH",
    ]);
  });

  const cap = { max_weight: "0.5" };
  test.each(["sector:TECH", " sector : TECH ", "a:b", "__proto__:x"])("%j names a group", (key) => {
    const { group_constraints } = accept(withOptions({ group_constraints: { [key]: cap } })).options;
    expect(Object.keys(group_constraints)).toEqual([key]);
  });

  test.each(["sectorTECH", "sector:TECH:US", ":TECH", "sector:", ":", "", "  ", " : ", "a:b:", "sector: "])(
    "%j names no group",
    (key) => {
      expect(refuse(withOptions({ group_constraints: { "a:b": cap, [key]: cap } }))).toEqual([
        "options.group_constraints: GROUP_KEY",
      ]);
    },
  );

  test("an overdraft allowance has a currency and is not negative", () => {
    accept(withOptions({ max_overdraft_by_ccy: { USD: "0", EUR: raw("10.5") } }));
    for (const allowances of [{ "": "5" }, { " ": "5" }, { USD: "-1" }, { USD: "10", EUR: "-0.01" }]) {
      expect(refuse(withOptions({ max_overdraft_by_ccy: allowances }))).toEqual([
        "options.max_overdraft_by_ccy: OVERDRAFT",
      ]);
    }
    expect(refuse(withOptions({ max_overdraft_by_ccy: { USD: "x", EUR: "-1" } }))).toEqual([
      "options.max_overdraft_by_ccy.USD: NOT_A_DECIMAL",
    ]);
  });

  const tierPath = "options.suitability_thresholds.max_weight_by_liquidity_tier";
  test("caps by liquidity tier have the keys L1 to L5 and values from 0 to 1", () => {
    accept(thresholds({ max_weight_by_liquidity_tier: { L1: "0", L5: "1" } }));
    for (const caps of [
      { L6: "0.1" },
      { L1: "0.1", TIER4: "0.2" },
      { l4: "0.1" },
      { L4: "-0.01" },
      { L4: "1.5" },
    ]) {
      expect(refuse(thresholds({ max_weight_by_liquidity_tier: caps }))).toEqual([
        `${tierPath}: LIQUIDITY_CAPS`,
      ]);
    }
    expect(refuse(thresholds({ max_weight_by_liquidity_tier: { L4: null } }))).toEqual([
      `${tierPath}.L4: NOT_A_DECIMAL`,
    ]);
  });

  test("given caps replace the default ones whole", () => {
    const tiers = (request: ReturnType<typeof accept>) =>
      canonicalJson(request.options.suitability_thresholds.max_weight_by_liquidity_tier);
    expect(tiers(accept(() => undefined))).toBe('{"L4":"0.1","L5":"0.05"}');
    expect(tiers(accept(thresholds({ max_weight_by_liquidity_tier: { L1: "0.3" } })))).toBe('{"L1":"0.3"}');
    expect(tiers(accept(thresholds({ max_weight_by_liquidity_tier: {} })))).toBe("{}");
  });

  test("the suitability cash band is in order, its defaults counted", () => {
    accept(thresholds({ cash_band_min_weight: "0.05" }));
    accept(thresholds({ cash_band_max_weight: "0.01" }));
    for (const band of [
      { cash_band_min_weight: "0.06" },
      { cash_band_max_weight: "0.005" },
      { cash_band_min_weight: "0.5", cash_band_max_weight: "0.4" },
    ]) {
      expect(refuse(thresholds(band))).toEqual(["options.suitability_thresholds: CASH_BAND"]);
    }
  });

  test("a rule is not judged over values that are refused", () => {
    expect(refuse(withPosition({ quantity: "x", lots: lots("3") }))).toEqual([
      "portfolio_snapshot.positions.0.quantity: NOT_A_DECIMAL",
    ]);
  });

  test("neither an unknown field nor a fault or rule elsewhere suppresses a rule", () => {
    const faults = refuse((body) => {
      withPosition({ quantity: "11", note: "x" })(body);
      withOptions({ max_turnover_pct: "2" })(body);
      withOptions({
        group_constraints: { bad: cap },
        suitability_thresholds: {
          cash_band_min_weight: "0.5",
          max_weight_by_liquidity_tier: { L9: "0" },
          unknown: 1,
        },
      })(body);
    });
    expect(faults.toSorted()).toEqual(
      [
        "options.group_constraints: GROUP_KEY",
        "options.max_turnover_pct: OUT_OF_RANGE",
        "options.suitability_thresholds.max_weight_by_liquidity_tier: LIQUIDITY_CAPS",
        "options.suitability_thresholds.unknown: UNKNOWN_FIELD",
        "options.suitability_thresholds: CASH_BAND",
        "portfolio_snapshot.positions.0.note: UNKNOWN_FIELD",
        "portfolio_snapshot.positions.0: LOTS_MISMATCH",
      ].toSorted(),
    );
  });
});

describe("list lengths", () => {
  const many = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);
  const price = { instrument_id: "E", price: "1", currency: "USD" };
  const target = { instrument_id: "E", weight: "0" };
  const shelf = { instrument_id: "E", status: "APPROVED", attributes: { sector: "T" } };
  const bare = { instrument_id: "E", quantity: "1", lots: [] };
  const caps = (count: number): Draft =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`sector:S${at}`, { max_weight: "0.5" }]));
  const lists: [path: string, most: number, change: (count: number) => Change][] = [
    [
      "portfolio_snapshot.positions",
      5_000,
      (n) => (body) => void (body.portfolio_snapshot.positions = many(n, bare)),
    ],
    [
      "market_data_snapshot.prices",
      5_000,
      (n) => (body) => void (body.market_data_snapshot.prices = many(n, price)),
    ],
    ["shelf_entries", 5_000, (n) => (body) => void (body.shelf_entries = many(n, shelf))],
    [
      "model_portfolio.targets",
      5_000,
      (n) => (body) => void (body.model_portfolio.targets = many(n, target)),
    ],
    [
      "portfolio_snapshot.positions.0.lots",
      1_000,
      (n) => withPosition({ quantity: String(n), lots: lots(...many(n, "1")) }),
    ],
  ];

  test("options.group_constraints: at most 100", () => {
    accept(withOptions({ group_constraints: caps(100) }));
    const tooMany = withOptions({ group_constraints: caps(101) });
    expect(refuse(tooMany)).toEqual(["options.group_constraints: TOO_MANY_ITEMS"]);
  });

  test("are for what comes in: what was stored under a higher limit is read all the same", () => {
    const body = changed(withOptions({ group_constraints: caps(101) }));
    body.market_data_snapshot.prices = many(5_001, price);
    const read = readStored(RebalanceRequest, JSON.stringify(body));
    expect(read.market_data_snapshot.prices).toHaveLength(5_001);
    expect(Object.keys(read.options.group_constraints)).toHaveLength(101);
  });

  test.each(lists)("%s: at most %i", (path, most, change) => {
    accept(change(most));
    expect(refuse(change(most + 1))).toEqual([`${path}: TOO_MANY_ITEMS`]);
  });
});

describe("keys of maps", () => {
  test("`__proto__` and `constructor` are keys like any other", () => {
    const body = rebalanceBody();
    const text = JSON.stringify(body).replace('{"sector":"TECH"}', '{"__proto__":"A","constructor":"B"}');
    const [entry] = accepted(RebalanceRequest, JSON.parse(text)).shelf_entries;
    expect(entry === undefined ? [] : Object.entries(entry.attributes)).toEqual([
      ["__proto__", "A"],
      ["constructor", "B"],
    ]);
    expect(Reflect.get(entry?.attributes ?? {}, "toString")).toBeUndefined();
  });

  test("a map that was left out inherits no key", () => {
    const { max_overdraft_by_ccy, group_constraints } = accept(() => undefined).options;
    expect(max_overdraft_by_ccy["constructor"]).toBeUndefined();
    expect(Reflect.get(group_constraints, "toString")).toBeUndefined();
  });
});

describe("defaults", () => {
  test("an empty set of options is a complete one, and equal requests share one spelling", () => {
    const spelled = accept(
      withOptions({ fx_buffer_pct: raw("1e-2"), cash_band_max_weight: "1.00", auto_funding: true }),
    );
    expect(canonicalJson(spelled)).toBe(canonicalJson(accept(() => undefined)));
    expect(canonicalJson(spelled.options)).toMatchInlineSnapshot(
      `"{"allow_restricted":false,"auto_funding":true,"block_on_missing_fx":true,"block_on_missing_prices":true,"cash_band_max_weight":"1","cash_band_min_weight":"0","client_consent_already_obtained":false,"compare_target_methods":false,"compare_target_methods_tolerance":"0.0001","drift_top_contributors_limit":5,"drift_unmodeled_exposure_threshold":"0.01","dust_trade_threshold":null,"enable_drift_analytics":true,"enable_instrument_drift":true,"enable_proposal_simulation":false,"enable_settlement_awareness":false,"enable_suitability_scanner":true,"enable_tax_awareness":false,"enable_workflow_gates":true,"funding_mode":"AUTO_FX","fx_buffer_pct":"0.01","fx_funding_source_currency":"ANY_CASH","fx_generation_policy":"ONE_FX_PER_CCY","fx_settlement_days":2,"group_constraints":{},"link_buy_to_same_currency_sell_dependency":null,"max_overdraft_by_ccy":{},"max_realized_capital_gains":null,"max_turnover_pct":null,"min_cash_buffer_pct":"0","min_trade_notional":null,"proposal_apply_cash_flows_first":true,"proposal_block_negative_cash":true,"settlement_horizon_days":5,"single_position_max_weight":null,"suitability_thresholds":{"cash_band_max_weight":"0.05","cash_band_min_weight":"0.01","data_quality_issue_severity":"MEDIUM","issuer_max_weight":"0.2","max_weight_by_liquidity_tier":{"L4":"0.1","L5":"0.05"},"single_position_max_weight":"0.1"},"suppress_dust_trades":true,"target_method":"HEURISTIC","valuation_mode":"CALCULATED","workflow_requires_client_consent":false}"`,
    );
  });
});

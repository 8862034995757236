import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { validate } from "../../../../src/contract/faults.ts";
import { cursorOf, TimePosition } from "../../../../src/platform/http/cursor.ts";
import {
  cursorFilter,
  filters,
  flagFilter,
  limitFilter,
  nameFilter,
  oneOfFilter,
  pathParams,
  asOfFilter,
  fromFilter,
  toFilter,
} from "../../../../src/platform/http/filters.ts";

const runs = cursorOf("runs", TimePosition);
const position: TimePosition = { createdAt: "2026-01-15T09:30:00.000Z", id: "rr_1" };

const Query = filters({
  limit: limitFilter(200, 50),
  from: fromFilter,
  to: toFilter,
  as_of: asOfFilter,
  portfolio_id: nameFilter,
  status: oneOfFilter(z.enum(["READY", "BLOCKED"])),
  include_artifact: flagFilter(true),
  cursor: cursorFilter(runs),
});

const READER = { tenantId: "bank-a", caller: null };

function read(query: unknown) {
  const validated = validate(Query, query, "refuse", READER);
  return validated.ok
    ? validated.value
    : validated.faults.map(({ path, code }) => `${path.join(".")}: ${code}`);
}

describe("filters", () => {
  test("may all be left out", () => {
    expect(read({})).toEqual({ limit: 50, include_artifact: true });
  });

  test("are read from their texts", () => {
    const query = {
      limit: "200",
      from: "2026-01-15T10:30:00+01:00",
      portfolio_id: "pf 1",
      status: "READY",
      include_artifact: "false",
      cursor: runs.encode(READER.tenantId, position),
    };
    expect(read(query)).toEqual({
      limit: 200,
      from: "2026-01-15T09:30:00.000Z",
      portfolio_id: "pf 1",
      status: "READY",
      include_artifact: false,
      cursor: position,
    });
  });

  test.each([
    ["limit", ["0", "201", "-1", "1.5", "", "x", "1e2", "9999999", " 5"], "OUT_OF_RANGE"],
    [
      "from",
      ["", "yesterday", "2026-13-01", "2026-02-30", "2026-01-15T25:00:00Z", "2026-01-15T09"],
      "TIMESTAMP",
    ],
    [
      "from",
      ["1768469400", "2026-01-15 09:30:00Z", "2026-01-15T09:30:00 01:00", "+12026-01-15"],
      "TIMESTAMP",
    ],
    [
      "from",
      [
        "0000-01-01",
        "0000-12-31T23:59:59Z",
        "0001-01-01T00:30:00+01:00",
        "9999-12-31T23:30:00-01:00",
        "2026-01-15T09:30:00+24:00",
        "2026-01-15T09:30:00+01:60",
        "2026-01-15T23:59:60Z",
        "infinity",
      ],
      "TIMESTAMP",
    ],
    ["status", ["ready", "", "DONE"], "NOT_ALLOWED"],
    ["include_artifact", ["y", "2", "01", " true", ""], "WRONG_TYPE"],
    ["portfolio_id", [""], "EMPTY"],
    ["cursor", ["", "x", "e30", "bnVsbA"], "CURSOR_INVALID"],
  ])("%s refuses %j", (name, values, code) => {
    for (const value of values) expect(read({ [name]: value })).toEqual([`${name}: ${code}`]);
  });

  test("take no cursor of another tenant, nor any for nobody", () => {
    const query = { cursor: runs.encode("bank-b", position) };
    expect(read(query)).toEqual(["cursor: CURSOR_INVALID"]);
    expect(validate(Query, query, "refuse").ok).toBe(false);
    expect(validate(Query, query, "ignore", { tenantId: "bank-b", caller: null }).ok).toBe(true);
  });

  test("given twice are refused", () => {
    for (const name of ["limit", "from", "cursor", "include_artifact"]) {
      expect(read({ [name]: ["1", "2"] })).toEqual([`${name}: GIVEN_TWICE`]);
    }
  });

  test("that nobody knows are refused with the nearest name, or ignored", () => {
    const validated = validate(Query, { portfolio: "pf" }, "refuse");
    expect(validated.ok ? [] : validated.faults).toMatchObject([
      { path: ["portfolio"], msg: "is not a known field; the nearest known name is portfolio_id" },
    ]);
    expect(validate(Query, { portfolio: "pf" }, "ignore").ok).toBe(true);
  });
});

describe("timestamps", () => {
  test.each([
    ["2026-11-24T00:00:00.1234567Z", "2026-11-24T00:00:00.123456Z"],
    ["2026-11-24T00:00:00.123456789+01:00", "2026-11-23T23:00:00.123456Z"],
    ["2026-11-24T23:59:59.999999999Z", "2026-11-24T23:59:59.999999Z"],
    ["2026-11-24T00:00:00.1Z", "2026-11-24T00:00:00.100Z"],
  ])("%s is taken to its microsecond", (given, utc) => {
    for (const name of ["from", "to", "as_of"])
      expect(read({ [name]: given })).toMatchObject({ [name]: utc });
  });

  test("a second has at most nine digits of a fraction, and at least one", () => {
    for (const fraction of [".1234567890", "."]) {
      expect(read({ from: `2026-11-24T00:00:00${fraction}Z` })).toEqual(["from: TIMESTAMP"]);
    }
  });

  test("a date alone is the whole day for an upper bound, and its start for everything else", () => {
    const day = "2024-02-29";
    expect(read({ from: day, to: day, as_of: day })).toMatchObject({
      from: "2024-02-29T00:00:00.000Z",
      to: "2024-02-29T23:59:59.999999Z",
      as_of: "2024-02-29T00:00:00.000Z",
    });
    expect(read({ to: "2024-02-29T00:00:00Z" })).toMatchObject({ to: "2024-02-29T00:00:00.000Z" });
    expect(read({ to: "2023-02-29" })).toEqual(["to: TIMESTAMP"]);
  });

  test.each(["2026-11-24T00:00:00 00:00", "2026-11-24T00:00 05:30", "2026-11-24T00:00:00.123456789 01:00"])(
    "%s is told to write + as %%2B",
    (given) => {
      const validated = validate(Query, { from: given }, "refuse", READER);
      expect(validated.ok ? [] : validated.faults).toMatchObject([
        { code: "TIMESTAMP", msg: expect.stringContaining("write + as %2B") as string },
      ]);
    },
  );

  test.each([
    ["2026-01-15", "2026-01-15T00:00:00.000Z"],
    ["2026-01-15T09:30Z", "2026-01-15T09:30:00.000Z"],
    ["2026-01-15T09:30:00", "2026-01-15T09:30:00.000Z"],
    ["2026-01-15T09:30:00.123456", "2026-01-15T09:30:00.123456Z"],
    ["0001-01-01", "0001-01-01T00:00:00.000Z"],
    ["0000-12-31T23:30:00-01:00", "0001-01-01T00:30:00.000Z"],
    ["9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"],
    ["2026-01-15T09:30:00.5Z", "2026-01-15T09:30:00.500Z"],
    ["2026-01-15T09:30:00.123456Z", "2026-01-15T09:30:00.123456Z"],
    ["2024-02-29T23:59:59-05:30", "2024-03-01T05:29:59.000Z"],
  ])("%s is %s", (given, utc) => {
    expect(read({ from: given })).toMatchObject({ from: utc });
  });

  test("every point in time is read as itself", () => {
    const years = {
      min: new Date("0001-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59Z"),
      noInvalidDate: true,
    };
    fc.assert(
      fc.property(fc.date(years), (date) => {
        expect(read({ from: date.toISOString() })).toMatchObject({ from: date.toISOString() });
      }),
    );
  });
});

test.each([
  ["true", true],
  ["TRUE", true],
  ["1", true],
  ["yes", true],
  ["On", true],
  ["no", false],
  ["off", false],
  ["false", false],
  ["False", false],
  ["0", false],
])("the flag %s is %s", (given, flag) => {
  expect(read({ include_artifact: given })).toMatchObject({ include_artifact: flag });
});

describe("path parameters", () => {
  test("are names", () => {
    const Params = pathParams("rebalance_run_id");
    expect(validate(Params, { rebalance_run_id: "rr_1" }, "refuse")).toMatchObject({ ok: true });
    for (const rebalance_run_id of ["", "x".repeat(256), "a\u0000"]) {
      expect(validate(Params, { rebalance_run_id }, "refuse").ok).toBe(false);
    }
  });
});

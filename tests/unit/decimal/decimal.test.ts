import { Decimal as Oracle } from "decimal.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  absolute,
  add,
  compare,
  decimal,
  divide,
  equals,
  floor,
  isDecimal,
  isNegative,
  isPositive,
  isZero,
  maximum,
  minimum,
  multiply,
  negate,
  ONE,
  roundToScale,
  subtract,
  ZERO,
  type Decimal,
} from "../../../src/decimal/decimal.ts";
import { toFixedText, toText } from "../../../src/decimal/text.ts";

/** Another implementation with the same context: 28 digits, half-even. */
const oracle = Oracle.clone({
  precision: 28,
  rounding: Oracle.ROUND_HALF_EVEN,
  toExpNeg: -9e15,
  toExpPos: 9e15,
});

const digits = (most: number) =>
  fc.oneof(
    fc.stringMatching(new RegExp(`^\\d{1,${most}}$`)),
    // Runs of one digit and values next to a power of ten are where carries and ties live.
    fc
      .tuple(fc.constantFrom("0", "1", "5", "9"), fc.integer({ min: 1, max: most }))
      .map(([d, n]) => d.repeat(n)),
    fc.integer({ min: 0, max: most - 1 }).map((zeros) => `1${"0".repeat(zeros)}`),
  );
const number = fc
  .tuple(fc.constantFrom("", "-"), digits(18), fc.option(digits(30)))
  .map(([sign, whole, fraction]) => sign + whole + (fraction === null ? "" : `.${fraction}`));
const operation = fc.constantFrom("add", "subtract", "multiply", "divide", "negate", "absolute");

function apply(name: string, a: Decimal, b: Decimal): Decimal {
  if (name === "add") return add(a, b);
  if (name === "subtract") return subtract(a, b);
  if (name === "multiply") return multiply(a, b);
  if (name === "divide") return isZero(b) ? a : divide(a, b);
  return name === "negate" ? negate(a) : absolute(a);
}

function applyOracle(name: string, a: Oracle, b: Oracle): Oracle {
  if (name === "add") return a.plus(b);
  if (name === "subtract") return a.minus(b);
  if (name === "multiply") return a.times(b);
  if (name === "divide") return b.isZero() ? a : a.div(b);
  return new oracle(name === "negate" ? a.negated() : a.abs()).plus(0);
}

function oracleText(value: Oracle): string {
  return value.isZero() ? "0" : value.toFixed();
}

describe("arithmetic", () => {
  test("rounds every result to 28 digits half-even, as another implementation does", () => {
    fc.assert(
      fc.property(operation, number, number, (name, left, right) => {
        const actual = apply(name, decimal(left), decimal(right));
        expect(toText(actual)).toBe(oracleText(applyOracle(name, new oracle(left), new oracle(right))));
      }),
      { numRuns: 5000 },
    );
  });

  test("stays equal to the other implementation through chains of operations", () => {
    fc.assert(
      fc.property(number, fc.array(fc.tuple(operation, number), { maxLength: 12 }), (start, steps) => {
        let value = decimal(start);
        let expected = new oracle(start);
        for (const [name, operand] of steps) {
          value = apply(name, value, decimal(operand));
          expected = applyOracle(name, expected, new oracle(operand));
          expect(toText(value)).toBe(oracleText(expected));
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("keeps an operand with more than 28 digits exact until it is computed with", () => {
    const long = "123456789012345678.123456789012345678901234567891";
    expect(toText(decimal(long))).toBe(long);
    expect(toText(add(decimal(long), ZERO))).toBe("123456789012345678.123456789");
    expect(toText(maximum(decimal(long), ZERO))).toBe(long);
    expect(toText(negate(decimal(long)))).toBe("-123456789012345678.123456789");
  });

  test("rounds ties to the even digit, also when only a far remainder breaks the tie", () => {
    expect(toText(add(decimal("100000000000000000"), decimal("0.00000000005")))).toBe("100000000000000000");
    expect(toText(add(decimal("100000000000000000"), decimal("0.00000000015")))).toBe(
      "100000000000000000.0000000002",
    );
    expect(toText(add(decimal("100000000000000000"), decimal("0.000000000050000000000000000001")))).toBe(
      "100000000000000000.0000000001",
    );
    expect(toText(divide(ONE, decimal(3)))).toBe(`0.${"3".repeat(28)}`);
    expect(toText(divide(decimal(2), decimal(3)))).toBe(`0.${"6".repeat(27)}7`);
  });

  test("divides exactly where the quotient ends", () => {
    expect(toText(divide(ONE, decimal(8)))).toBe("0.125");
    expect(toText(divide(decimal("9007199254740991"), decimal("0.001")))).toBe("9007199254740991000");
  });

  test("refuses to divide by zero", () => {
    expect(() => divide(ONE, decimal("-0.00"))).toThrow(RangeError);
  });

  test("survives magnitudes far beyond any input", () => {
    let tiny = decimal("1e-30");
    for (let step = 0; step < 20; step += 1) tiny = multiply(tiny, decimal("1e-30"));
    expect(toText(add(tiny, ONE))).toBe("1");
    expect(isPositive(tiny)).toBe(true);
    expect(toText(divide(tiny, tiny))).toBe("1");
    expect(toText(divide(ONE, tiny))).toBe(`1${"0".repeat(630)}`);
  });
});

describe("comparison", () => {
  test("orders values exactly, without rounding them first", () => {
    fc.assert(
      fc.property(number, number, (left, right) => {
        const [a, b] = [decimal(left), decimal(right)];
        const expected = new oracle(left).comparedTo(right);
        expect(Math.sign(compare(a, b))).toBe(expected);
        expect(equals(a, b)).toBe(expected === 0);
        expect(minimum(a, b)).toBe(expected <= 0 ? a : b);
        expect(maximum(a, b)).toBe(expected >= 0 ? a : b);
      }),
      { numRuns: 3000 },
    );
  });

  test("takes every spelling of a number for the same value", () => {
    for (const spelling of ["1.5", "1.50", "+1.5", "15e-1", "0.15E1", "0001.5"]) {
      expect(equals(decimal(spelling), decimal("1.5"))).toBe(true);
    }
  });

  test("knows the sign, and zero has none", () => {
    expect([isNegative(decimal("-0")), isPositive(decimal("-0")), isZero(decimal("-0.000"))]).toEqual([
      false,
      false,
      true,
    ]);
    expect(isNegative(decimal("-12345678901234567890e-5"))).toBe(true);
  });
});

describe("rounding", () => {
  test("rounds to a number of decimals half-even", () => {
    fc.assert(
      fc.property(number, fc.integer({ min: 0, max: 8 }), (text, decimals) => {
        const expected = new oracle(text).toDecimalPlaces(decimals, Oracle.ROUND_HALF_EVEN);
        expect(toText(roundToScale(decimal(text), decimals))).toBe(oracleText(expected));
        const fixed = expected.toFixed(decimals);
        expect(toFixedText(decimal(text), decimals)).toBe(expected.isZero() ? fixed.replace("-", "") : fixed);
      }),
      { numRuns: 3000 },
    );
  });

  test("floors towards minus infinity", () => {
    fc.assert(
      fc.property(number, (text) => {
        expect(toText(floor(decimal(text)))).toBe(oracleText(new oracle(text).floor()));
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    ["0.00005", "0.0000"],
    ["0.00015", "0.0002"],
    ["-0.00005", "0.0000"],
    ["-0.00015", "-0.0002"],
    ["12", "12.0000"],
    ["0.4", "0.4000"],
  ])("writes %s with four decimals as %s", (text, expected) => {
    expect(toFixedText(decimal(text), 4)).toBe(expected);
  });
});

describe("identity", () => {
  test("no value that JSON can spell is taken for a decimal", () => {
    const copy: unknown = JSON.parse(JSON.stringify(ONE));
    expect(isDecimal(ONE)).toBe(true);
    expect(isDecimal(copy)).toBe(false);
    fc.assert(fc.property(fc.jsonValue(), (value) => !isDecimal(value)));
  });

  test("a double is not a decimal", () => {
    expect(() => decimal(0.1)).toThrow(RangeError);
    expect(() => decimal("0,1")).toThrow(RangeError);
  });
});

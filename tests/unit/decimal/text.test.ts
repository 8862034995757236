import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isDecimal } from "../../../src/decimal/decimal.ts";
import { fromText, parseDecimal, toText } from "../../../src/decimal/text.ts";

function read(text: string): string {
  const parsed = parseDecimal(text);
  return isDecimal(parsed) ? toText(parsed) : parsed;
}

describe("reading", () => {
  test.each([
    ["1.5", "1.5"],
    ["0012", "12"],
    ["2000.", "2000"],
    [".5", "0.5"],
    ["-0", "0"],
    ["+7", "7"],
    ["5e-1", "0.5"],
    ["30E-2", "0.3"],
    ["1.50", "1.5"],
    ["1e17", "100000000000000000"],
    ["999999999999999999", "999999999999999999"],
    ["0.000000000000000000000000000001", "0.000000000000000000000000000001"],
    ["0e999999999", "0"],
    ["-12.3400e1", "-123.4"],
  ])("takes %s as %s", (text, expected) => {
    expect(read(text)).toBe(expected);
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
  ])("refuses %j as no decimal", (text) => {
    expect(read(text)).toBe("NOT_A_DECIMAL");
  });

  test.each(["1.e", "1e", "1e1.5", "--1", "0x10", "1\n", "١"])("refuses %j as no decimal", (text) => {
    expect(read(text)).toBe("NOT_A_DECIMAL");
  });

  test.each([
    ["1000000000000000000", "TOO_MANY_INTEGER_DIGITS"],
    ["1e18", "TOO_MANY_INTEGER_DIGITS"],
    ["1e999999999", "TOO_MANY_INTEGER_DIGITS"],
    [`1e${"9".repeat(400)}`, "TOO_MANY_INTEGER_DIGITS"],
    ["1e-31", "TOO_MANY_DECIMALS"],
    [`0.${"0".repeat(30)}1`, "TOO_MANY_DECIMALS"],
    ["1e-999999999", "TOO_MANY_DECIMALS"],
  ])("refuses %s with %s", (text, fault) => {
    expect(read(text)).toBe(fault);
  });

  test("does not count zeros that say nothing", () => {
    expect(read(`${"0".repeat(500)}1.5${"0".repeat(500)}`)).toBe("1.5");
    expect(read(`1000000000000000000000e-5`)).toBe("10000000000000000");
    expect(read(`0.${"0".repeat(100_000)}`)).toBe("0");
  });
});

test("every number that is taken is written back exactly", () => {
  const plain = fc
    .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }), fc.stringMatching(/^\d{0,30}$/))
    .map(([negative, whole, fraction]) => `${negative ? "-" : ""}${whole}.${fraction}0`);
  fc.assert(
    fc.property(plain, (text) => {
      const written = read(text);
      const [whole = "", fraction = ""] = written.replace("-", "").split(".");
      expect(text.replace("-", "").startsWith(`${whole}.${fraction}`)).toBe(true);
      expect(fraction.endsWith("0")).toBe(false);
      expect(/^0*$/.test(text.replace("-", "").slice(whole.length + 1 + fraction.length))).toBe(true);
      expect(written.startsWith("-")).toBe(text.startsWith("-") && /[1-9]/.test(text));
      expect(read(written)).toBe(written);
    }),
  );
});

test("text that was computed is read back whatever its length", () => {
  const long = `${"7".repeat(60)}.${"3".repeat(90)}`;
  expect(toText(fromText(long))).toBe(long);
  expect(toText(fromText(`-${long}`))).toBe(`-${long}`);
  expect(() => fromText("seven")).toThrow(RangeError);
});

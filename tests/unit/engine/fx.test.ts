import { describe, expect, test } from "vitest";
import { ROUNDED } from "../../../src/decimal/arithmetic.ts";
import { decimal, type Decimal } from "../../../src/decimal/decimal.ts";
import { toText } from "../../../src/decimal/text.ts";
import { toMinorUnits } from "../../../src/engine/currency.ts";
import { fxRate, indexQuotes, ratesInto } from "../../../src/engine/fx.ts";

function quotes(...entries: [pair: string, rate: string][]) {
  return indexQuotes(entries.map(([pair, rate]) => ({ pair, rate: decimal(rate) })));
}

const text = (rate: Decimal | undefined): string | undefined =>
  rate === undefined ? undefined : toText(rate);

describe("an FX rate", () => {
  test("is one within a currency, whatever is quoted", () => {
    expect(text(fxRate(quotes(["EUR/EUR", "7"]), "EUR", "EUR", ROUNDED))).toBe("1");
  });

  test("is the direct quote, before the inverse of the opposite one", () => {
    expect(text(fxRate(quotes(["EUR/USD", "4"], ["USD/EUR", "0.8"]), "USD", "EUR", ROUNDED))).toBe("0.8");
    expect(text(fxRate(quotes(["EUR/USD", "4"]), "USD", "EUR", ROUNDED))).toBe("0.25");
  });

  test("is the first quote of a pair", () => {
    expect(text(fxRate(quotes(["USD/EUR", "0.8"], ["USD/EUR", "0.9"]), "USD", "EUR", ROUNDED))).toBe("0.8");
  });

  test("passes over quotes of zero", () => {
    expect(text(fxRate(quotes(["USD/EUR", "0"], ["EUR/USD", "2"]), "USD", "EUR", ROUNDED))).toBe("0.5");
    expect(text(fxRate(quotes(["USD/EUR", "0"], ["EUR/USD", "0.00"]), "USD", "EUR", ROUNDED))).toBe(
      undefined,
    );
    // The first quote of the pair is the one that counts, though another of it would do.
    expect(text(fxRate(quotes(["USD/EUR", "0"], ["USD/EUR", "0.9"]), "USD", "EUR", ROUNDED))).toBe(undefined);
  });

  test("is missing where only a third currency would lead there", () => {
    expect(fxRate(quotes(["USD/CHF", "0.9"], ["CHF/EUR", "1.05"]), "USD", "EUR", ROUNDED)).toBe(undefined);
  });

  test("is the same when asked for again", () => {
    const toEur = ratesInto(quotes(["EUR/USD", "3"]), "EUR", ROUNDED);
    expect(toEur("USD")).toBe(toEur("USD"));
    expect([toEur("XAU"), toEur("XAU")]).toEqual([undefined, undefined]);
  });
});

test.each([
  ["1.005", "EUR", "1"],
  ["1.015", "EUR", "1.02"],
  ["2.5", "JPY", "2"],
  ["3.5", "KRW", "4"],
  ["0.5", "VND", "0"],
  ["1.0005", "BHD", "1"],
  ["1.0015", "KWD", "1.002"],
  ["-1.0015", "OMR", "-1.002"],
])("%s %s is %s in minor units", (amount, currency, expected) => {
  expect(toText(toMinorUnits(decimal(amount), currency))).toBe(expected);
});

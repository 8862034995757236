import { describe, expect, test } from "vitest";
import { decimal } from "../../../src/decimal/decimal.ts";
import { languageOf, preferredLanguage, type LanguageTag } from "../../../src/features/reports/language.ts";

describe("the language of a report", () => {
  test.each([
    [undefined, "en"],
    ["", "en"],
    ["*", "en"],
    ["fr", "en"],
    ["de", "de"],
    ["de-CH", "de-CH"],
    ["de-LI", "de"],
    ["DE-ch", "de-CH"],
    ["fr, de;q=0.5, en;q=0.4", "de"],
    ["en;q=0.1, de-AT;q=0.2", "de-AT"],
    ["de;q=0, en-US", "en-US"],
    ["this is not a header; q=x, ,,", "en"],
    ["<script>", "en"],
  ])("of a reader who accepts %j is %s", (header, tag) => {
    expect(preferredLanguage(header)).toBe(tag);
  });
});

const written = (tag: LanguageTag) => {
  const { format } = languageOf(tag);
  const plain = (text: string) => text.replaceAll(/\s/g, " ");
  return {
    percent: (text: string) => plain(format.percent(decimal(text))),
    change: (text: string) => plain(format.percentChange(decimal(text))),
    money: (amount: string, currency: string) => plain(format.money({ amount: decimal(amount), currency })),
    number: (text: string) => plain(format.number(decimal(text))),
    moment: (text: string) => plain(format.moment(text)),
  };
};

describe("numbers", () => {
  test("are rounded half to even, from their digits and not from a double", () => {
    const { percent, money } = written("en");
    expect(percent("0.12345")).toBe("12.34%");
    expect(percent("0.12355")).toBe("12.36%");
    expect(money("0.125", "USD")).toBe("USD 0.12");
    expect(money("999999999999999999.995", "USD")).toBe("USD 1,000,000,000,000,000,000.00");
    expect(money("123456789012345678.115", "USD")).toBe("USD 123,456,789,012,345,678.12");
  });

  test("have the decimals of their currency", () => {
    const { money } = written("en");
    expect(money("1234.5", "JPY")).toBe("JPY 1,234");
    expect(money("1234.5", "BHD")).toBe("BHD 1,234.500");
  });

  test("are in any currency that a caller names", () => {
    expect(written("en").money("1234.5", "U$")).toBe("1,234.50 U$");
    expect(written("de").money("-1234.5", "points & more")).toBe("-1.234,50 points & more");
  });

  test("have no sign where they are nothing", () => {
    expect(written("en").money("-0.001", "USD")).toBe("USD 0.00");
    expect(written("en").change("0.000001")).toBe("0.00%");
    expect(written("en").change("0.01")).toBe("+1.00%");
  });

  test("are written as the region writes them", () => {
    expect(written("de").money("1234567.5", "EUR")).toBe("1.234.567,50 EUR");
    expect(written("de-CH").money("1234567.5", "CHF")).toMatch(/^CHF 1['’]234['’]567\.50$/);
    expect(written("en-US").money("-5", "USD")).toBe("-USD 5.00");
    expect(written("de").number("1234.123456789")).toBe("1.234,12345679");
  });
});

describe("moments", () => {
  test("are in UTC, by a clock of 24 hours", () => {
    expect(written("en").moment("2026-01-05T00:04:05.678Z")).toBe("5 Jan 2026, 00:04:05 UTC");
    expect(written("de").moment("2026-01-05T23:04:05+02:00")).toBe("05.01.2026, 21:04:05 UTC");
  });

  test("that are none stay as they are", () => {
    expect(written("en").moment("yesterday")).toBe("yesterday");
  });
});

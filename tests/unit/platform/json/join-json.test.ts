import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../../../src/platform/json/canonical-json.ts";
import { joinLarge, joinObject } from "../../../../src/platform/json/join-json.ts";
import { wholeText } from "../../../../src/platform/text-parts.ts";

describe("an object put together from members that are written already", () => {
  test("is canonical", () => {
    expect(joinObject({ b: "1", a: '"é"', "\u20ac": "[]" })).toBe(
      canonicalJson({ "\u20ac": [], a: "é", b: 1 }),
    );
    expect(joinLarge({ b: "1", a: "null" })).toBe('{"a":null,"b":1}');
  });

  test("is the same text in parts where one of them is large", () => {
    const value = { name: "Zoë 😀", list: [1, "€"] };
    const bytes = Buffer.from(canonicalJson(value));
    const large = {
      parts: [{ latin1: bytes.toString("latin1", 0, 12) }, { latin1: bytes.toString("latin1", 12) }],
    };
    for (const name of ["a", "m", "z"]) {
      const joined = joinLarge({ b: '"é"', n: "2", [name]: large });
      expect(typeof joined).not.toBe("string");
      expect(wholeText(joined)).toBe(canonicalJson({ b: "é", n: 2, [name]: value }));
    }
  });
});

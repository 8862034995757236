import fc from "fast-check";
import { expect, test } from "vitest";
import { compareCodePoints } from "../../../src/engine/order.ts";

test("orders texts as lists of their code points", () => {
  const byPoints = (a: string, b: string): number => {
    const [left, right] = [Array.from(a), Array.from(b)];
    const at = left.findIndex((character, index) => character !== right[index]);
    if (at < 0) return left.length - right.length;
    return (left[at]?.codePointAt(0) ?? -1) - (right[at]?.codePointAt(0) ?? -1);
  };
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      expect(Math.sign(compareCodePoints(a, b))).toBe(Math.sign(byPoints(a, b)));
    }),
    { numRuns: 500 },
  );
});

test("places characters beyond U+FFFF after all others, unlike JavaScript", () => {
  expect(compareCodePoints("\u{1F600}", "\uFF5E")).toBeGreaterThan(0);
  expect(["\uFF5E", "\u{1F600}"].sort()).toEqual(["\u{1F600}", "\uFF5E"]);
});

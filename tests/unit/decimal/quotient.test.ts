import fc from "fast-check";
import { expect, test } from "vitest";
import { decimal, divide, floor, multiply, roundToScale } from "../../../src/decimal/decimal.ts";
import { floorQuotient, roundedQuotient } from "../../../src/decimal/quotient.ts";
import { toText } from "../../../src/decimal/text.ts";

const magnitude = fc
  .tuple(fc.integer(), fc.integer({ min: -14, max: 14 }))
  .map(([digits, e]) => `${digits}e${e}`);
const divisor = magnitude.filter((text) => !text.startsWith("0e"));
/** Tiny nudges off a whole number or a tie, on both sides of what a double can tell. */
const nudge = fc
  .tuple(fc.constantFrom("", "-"), fc.integer({ min: 3, max: 29 }))
  .map(([sign, e]) => `${sign}1e-${e}`);

test("a floored quotient is the floor of the whole quotient", () => {
  fc.assert(
    fc.property(magnitude, divisor, (a, b) => {
      const whole = floor(divide(decimal(a), decimal(b)));
      expect(toText(floorQuotient(decimal(a), decimal(b)))).toBe(toText(whole));
    }),
    { numRuns: 2000 },
  );
});

test("a rounded quotient is the rounding of the whole quotient", () => {
  fc.assert(
    fc.property(magnitude, divisor, fc.integer({ min: 0, max: 6 }), (a, b, decimals) => {
      const whole = roundToScale(divide(decimal(a), decimal(b)), decimals);
      expect(toText(roundedQuotient(decimal(a), decimal(b), decimals))).toBe(toText(whole));
    }),
    { numRuns: 2000 },
  );
});

test("both hold next to whole numbers and ties", () => {
  fc.assert(
    fc.property(fc.integer({ min: -2_000_000, max: 2_000_000 }), nudge, divisor, (halves, off, b) => {
      const factor = decimal(off.startsWith("-") ? `0.${"9".repeat(Number(off.slice(4)))}` : "1");
      const quotient = multiply(decimal(`${halves * 5}e-5`), factor);
      const a = multiply(quotient, decimal(b));
      expect(toText(floorQuotient(a, decimal(b)))).toBe(toText(floor(divide(a, decimal(b)))));
      const rounded = roundToScale(divide(a, decimal(b)), 4);
      expect(toText(roundedQuotient(a, decimal(b), 4))).toBe(toText(rounded));
    }),
    { numRuns: 2000 },
  );
});

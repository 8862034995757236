import { expect, test } from "vitest";
import { arrayText, parseTimestamp } from "../../../../src/platform/database/types.ts";

test.each([
  ["2026-03-01 09:30:00+00", "2026-03-01T09:30:00.000Z"],
  ["2026-03-01 09:30:00.5+00", "2026-03-01T09:30:00.500Z"],
  ["2026-03-01 09:30:00.123999+00", "2026-03-01T09:30:00.123Z"],
])("%s is read as %s", (text, expected) => {
  expect(parseTimestamp(text)).toBe(expected);
});

test.each(["infinity", "0044-03-15 00:00:00+00 BC", "2026-03-01 09:30:00+01"])(
  "%s is not taken for a time",
  (text) => {
    expect(() => parseTimestamp(text)).toThrow("not a UTC timestamp");
  },
);

test("an array literal quotes what could be taken for its syntax", () => {
  expect(arrayText(["a,b", 'say "x"', "back\\slash", "{}", "null", null, "", 1.5])).toBe(
    String.raw`{"a,b","say \"x\"","back\\slash","{}","null",null,"","1.5"}`,
  );
});

import { describe, expect, test } from "vitest";
import {
  byteLengthOf,
  handedOver,
  memoryOf,
  piecesOf,
  wholeText,
  type Text,
} from "../../../src/platform/text-parts.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const latin1 = (bytes: Uint8Array) => ({ latin1: Buffer.from(bytes).toString("latin1") });

const SHORT = "aé€😀";
const LARGE = SHORT.repeat(40_000);

describe("a text that a thread hands over", () => {
  test("is a string where it is short, and the same text as bytes where it is large", () => {
    expect(handedOver(SHORT)).toBe(SHORT);
    const large = handedOver(LARGE);
    expect(typeof large).toBe("object");
    expect(wholeText(large) === LARGE).toBe(true);
    expect(byteLengthOf(large)).toBe(Buffer.byteLength(LARGE));
  });

  test("has memory that is found wherever it stands, once, also where two share it", () => {
    const large = handedOver(LARGE);
    const other = handedOver(`${LARGE}.`);
    const output = {
      runs: [{ text: large, none: null }],
      answer: { parts: ["{", ...partsIn(large), "}"] },
      other,
    };
    expect(memoryOf(output)).toEqual([...partsIn(large), ...partsIn(other)].map(({ buffer }) => buffer));
    expect(memoryOf({ text: SHORT, count: 1 })).toEqual([]);
  });
});

function partsIn(text: Text): Uint8Array[] {
  if (typeof text === "string") return [];
  return text.parts.filter((part) => part instanceof Uint8Array);
}

describe("a text cut into pieces", () => {
  const bytes = utf8(SHORT.repeat(30));
  const texts: [string, Text][] = [
    ["a string", SHORT.repeat(30)],
    ["bytes that were handed over", { parts: [bytes] }],
    [
      "stored bytes, cut within a character",
      { parts: [latin1(bytes.subarray(0, 2)), latin1(bytes.subarray(2))] },
    ],
    ["parts of every kind", { parts: ["", "aé", utf8("€😀"), "", latin1(bytes.subarray(10)), ""] }],
    ["nothing", ""],
  ];
  test.each(texts)("is the same text: %s", (_what, text) => {
    for (const size of [1, 2, 3, 7, 64, 1_000]) {
      const pieces = [...piecesOf(text, size)];
      expect(pieces.join("")).toBe(wholeText(text));
      for (const piece of pieces) {
        // No character is cut apart.
        expect(Buffer.from(piece).toString("utf8")).toBe(piece);
        expect(piece.length).toBeLessThanOrEqual(1.5 * size + 2);
      }
    }
  });

  test("has few pieces where its parts are short", () => {
    expect([...piecesOf({ parts: Array.from({ length: 1_000 }, () => "ab") }, 100)]).toHaveLength(40);
  });
});

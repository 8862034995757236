import canonicalize from "canonicalize";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonNumber } from "../../../../src/contract/json-number.ts";
import { decimal } from "../../../../src/decimal/decimal.ts";
import { canonicalJson } from "../../../../src/platform/json/canonical-json.ts";
import { contentHash, sha256Hex } from "../../../../src/platform/hash.ts";
import { readJsonBody } from "../../../../src/platform/json/read-json.ts";

describe("the spelling of RFC 8785", () => {
  test("is that of its reference implementation, for any JSON value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: "binary" }), (value) => {
        fc.pre(!holdsLoneSurrogate(value));
        expect(canonicalJson(value)).toBe(canonicalize(value));
      }),
      { numRuns: 2_000 },
    );
  });

  test("orders names by UTF-16 code units, also those that look like numbers", () => {
    const names = fc.uniqueArray(
      fc.oneof(
        fc.constantFrom("10", "9", "1", "a", "Z", "é", "😀", "\ufb33", "", "__proto__", "constructor"),
        fc.string(),
      ),
    );
    fc.assert(
      fc.property(names, fc.boolean(), (keys, withDecimal) => {
        const object = Object.create(null) as Record<string, unknown>;
        for (const key of keys) object[key] = withDecimal ? decimal("1") : "1";
        const sorted = [...keys].sort().map((key) => `${JSON.stringify(key)}:"1"`);
        expect(canonicalJson(object)).toBe(`{${sorted.join(",")}}`);
      }),
      { numRuns: 1_000 },
    );
  });

  test("is the same at every length, wherever the bytes outgrow their buffer", () => {
    const texts = ["x", "é", "€", "😀", '"', "\u0001"].map(
      (character) => (length: number) => character.repeat(length),
    );
    for (const make of texts) {
      for (let length = 650; length <= 2_100; length += 1) {
        const value = { a: make(length), b: [1, true, null, make(3)] };
        if (canonicalJson(value) !== canonicalize(value))
          expect(canonicalJson(value)).toBe(canonicalize(value));
      }
    }
    const many = Array.from({ length: 50_000 }, (_, at) => ({
      at,
      text: texts[at % texts.length]?.(at % 7),
    }));
    expect(canonicalJson(many)).toBe(canonicalize(many));
  });

  test("survives being read again", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!holdsLoneSurrogate(value));
        const text = canonicalJson(value);
        expect(canonicalJson(JSON.parse(text))).toBe(text);
      }),
    );
  });

  test("has the numbers of the RFC", () => {
    const numbers = [
      Number("333333333.33333329"),
      1e30,
      4.5,
      2e-3,
      1e-27,
      -0,
      0,
      5e-324,
      1.7976931348623157e308,
      1e21,
      1e20,
    ];
    expect(canonicalJson(numbers)).toBe(
      "[333333333.3333333,1e+30,4.5,0.002,1e-27,0,0,5e-324,1.7976931348623157e+308,1e+21,100000000000000000000]",
    );
  });

  test("has the escapes of the RFC, and no others", () => {
    expect(canonicalJson('\u20ac$\u000f\nA\'B"\\\\"/\u007f\u2028é😀\\ud800')).toBe(
      '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u007f\u2028é😀\\\\ud800"',
    );
  });
});

function holdsLoneSurrogate(value: unknown): boolean {
  return /\p{Surrogate}/u.test(JSON.stringify(value)) || /\\ud[89a-f]/i.test(JSON.stringify(value));
}

describe("decimals", () => {
  test("are texts in one spelling", () => {
    const spellings = ["1.50", "1.5", "15e-1", "+1.5", "01.5"].map((text) => decimal(text));
    expect(canonicalJson(spellings)).toBe('["1.5","1.5","1.5","1.5","1.5"]');
    expect(canonicalJson({ b: decimal("-0"), a: [decimal("1e3")] })).toBe('{"a":["1000"],"b":"0"}');
  });
});

describe("numbers of a body", () => {
  test.each([
    ["1.50", "1.5"],
    ["1E2", "100"],
    ["-0", "0"],
    ["-0.0e5", "0"],
    ["1e-7", "1e-7"],
    ["0.0000001", "1e-7"],
    ["123456789012345678", "123456789012345678"],
    ["0.1000000000000000055511151231", "0.1000000000000000055511151231"],
    ["123456789012345679", "123456789012345679"],
  ])("%s is written as %s: the same value, in one spelling", (text, spelling) => {
    expect(canonicalJson([jsonNumber(text)])).toBe(`[${spelling}]`);
  });

  test("a whole body has one spelling, whatever the order and spacing it came in", () => {
    const bodies = [
      '{"b":[1.0,"x"],"a":{"d":null,"c":1e1}}',
      ' { "a" : {"c":10,"d":null}, "b":[1, "\\u0078"] } ',
    ];
    const texts = bodies.map((text) => {
      const body = readJsonBody(Buffer.from(text));
      return body.ok ? canonicalJson(body.value) : body.reason;
    });
    expect(texts).toEqual(Array(2).fill('{"a":{"c":10,"d":null},"b":[1,"x"]}'));
  });
});

describe("what JSON cannot hold", () => {
  test.each([
    ["undefined", undefined],
    ["undefined in a list", [undefined]],
    ["NaN", NaN],
    ["infinity", { a: [Infinity] }],
    ["a function", () => 1],
    ["a symbol", Symbol("x")],
    ["a bigint", 1n],
    ["a date", new Date(0)],
    ["a map", new Map([["a", 1]])],
    ["a lone surrogate", "\ud800"],
    ["a lone surrogate in a name", { "a\udc00": 1 }],
  ])("%s is a TypeError", (_name, value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  });

  test("a member that is undefined is left out", () => {
    expect(canonicalJson({ a: 1, b: undefined })).toBe('{"a":1}');
    expect(canonicalJson({ "1": decimal("2"), b: undefined })).toBe('{"1":"2"}');
  });

  test("a cycle and a nesting without end are TypeErrors, no stack overflow", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    expect(() => canonicalJson(cycle)).toThrow(TypeError);
    let deep: unknown[] = [];
    for (let level = 0; level < 100_000; level += 1) deep = [deep];
    expect(() => canonicalJson(deep)).toThrow(TypeError);
  });

  test("128 levels are written", () => {
    let deep: unknown = "x";
    for (let level = 0; level < 128; level += 1) deep = [deep];
    expect(canonicalJson(deep)).toBe(`${"[".repeat(128)}"x"${"]".repeat(128)}`);
    expect(() => canonicalJson([deep])).toThrow(TypeError);
  });
});

describe("hashes", () => {
  test("are SHA-256 over UTF-8", () => {
    expect(sha256Hex("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(contentHash("é")).toBe("sha256:4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c");
  });
});

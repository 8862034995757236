import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isJsonNumber } from "../../../../src/contract/json-number.ts";
import { readJsonBody, type JsonTree } from "../../../../src/platform/json/read-json.ts";

function read(text: string): JsonTree {
  const body = readJsonBody(Buffer.from(text));
  if (!body.ok) throw new Error(body.reason);
  return body.value;
}

function reasonOf(bytes: string | Buffer): string {
  const body = readJsonBody(Buffer.from(bytes));
  if (body.ok) throw new Error("the body was read");
  return body.reason;
}

/** The tree as JSON.parse would have made it. */
function plain(tree: JsonTree): unknown {
  if (isJsonNumber(tree)) return Number(tree.text);
  if (Array.isArray(tree)) return tree.map(plain);
  if (typeof tree !== "object" || tree === null) return tree;
  return Object.fromEntries(Object.entries(tree).map(([name, value]) => [name, plain(value)]));
}

function numberOf(tree: JsonTree): string {
  if (!isJsonNumber(tree)) throw new Error("not a number");
  return tree.text;
}

describe("a byte order mark", () => {
  test.each([
    ["UTF-8", [0xef, 0xbb, 0xbf]],
    ["UTF-16, little end first", [0xff, 0xfe]],
    ["UTF-16, big end first", [0xfe, 0xff]],
  ])("of %s is named as the reason", (_name, mark) => {
    expect(reasonOf(Buffer.from([...mark, ...Buffer.from("{}")]))).toContain("begins with a byte order mark");
  });

  test("is a character like any other within a text", () => {
    expect(read('"\uFEFF"')).toBe("\uFEFF");
  });
});

describe("what JSON.parse reads", () => {
  test("is read to the same value, however it is spelled and spaced", () => {
    const documents = fc.record({
      value: fc.jsonValue({ maxDepth: 6 }),
      indent: fc.constantFrom("", " ", "\t", "\n\t "),
    });
    fc.assert(
      fc.property(documents, ({ value, indent }) => {
        const text = JSON.stringify(value, null, indent);
        expect(plain(read(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  test("lists of objects with equal, reordered, missing and further names", () => {
    const names = fc.uniqueArray(
      fc.constantFrom("a", "b", 'q"', "\\", "é", "long name", "__proto__", "1", "2"),
    );
    const objects = names.map(
      (keys) => `{${keys.map((key) => `${JSON.stringify(key)}:${keys.length}`).join(",")}}`,
    );
    fc.assert(
      fc.property(fc.array(objects), (items) => {
        const text = `[${items.join(" , ")}]`;
        expect(plain(read(text))).toEqual(JSON.parse(text));
      }),
      { numRuns: 500 },
    );
  });

  test("what it refuses is refused", () => {
    const fragments = fc.constantFrom(
      ...[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        '"',
        "\\",
        "a",
        '"a"',
        "1",
        "-",
        ".",
        "e",
        "true",
        "nul",
        " ",
        "\n",
        "\u0001",
      ],
    );
    fc.assert(
      fc.property(fc.array(fragments, { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        const body = readJsonBody(Buffer.from(text));
        // A repeated name is the one thing in these texts that only the strict reader refuses.
        if (!body.ok && body.reason.includes("stands twice")) return;
        expect(body.ok).toBe(isJson(text));
      }),
      { numRuns: 5_000 },
    );
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("malformed bodies", () => {
  test.each([
    "",
    " ",
    "{",
    "[1",
    "[1,]",
    "{,}",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "{a:1}",
    "'a'",
    "01",
    "+1",
    "1.",
    ".5",
    "1e",
    "--1",
    "NaN",
    "Infinity",
    "undefined",
    "tru",
    "nulll",
    "[] []",
    "1 2",
    '"a',
    '"\\x"',
    '"\\u12"',
    '"a\nb"',
    '"\t"',
    "// a\n1",
    "\ufeff{}",
    "{}\u0000",
    "\u00a01",
  ])("%j is refused", (text) => {
    expect(isJson(text)).toBe(false);
    reasonOf(text);
  });

  test("the reason tells where", () => {
    expect(reasonOf('{"a": 1, "b" 2}')).toBe("expected a colon at character 13");
    expect(reasonOf("[1, 2")).toBe("expected a comma or the end at character 5");
  });

  test.each([
    ["a byte that begins nothing", [0x22, 0xff, 0x22]],
    ["a sequence that breaks off", [0x22, 0xe2, 0x82, 0x22]],
    ["an overlong spelling", [0x22, 0xc0, 0xaf, 0x22]],
    ["an encoded surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22]],
  ])("bytes that are not UTF-8 are refused: %s", (_name, bytes) => {
    expect(reasonOf(Buffer.from(bytes))).toBe("the body is not UTF-8");
  });
});

describe("numbers", () => {
  test.each([
    "0",
    "-0",
    "1.50",
    "1e400",
    "123456789012345678901234567890",
    "0.1000000000000000055511151231257827",
    "1E+2",
  ])("%s keeps its digits", (text) => {
    expect(numberOf(read(text))).toBe(text);
    expect(plain(read(`[${text},{"a":${text}}]`))).toEqual([Number(text), { a: Number(text) }]);
  });
});

describe("names", () => {
  test("`__proto__`, `constructor` and `toString` are names like any other, and none is inherited", () => {
    const object = read('{"__proto__":{"a":1},"constructor":2}') as Record<string, JsonTree>;
    expect(Object.keys(object)).toEqual(["__proto__", "constructor"]);
    expect("toString" in object).toBe(false);
    expect("hasOwnProperty" in object).toBe(false);
    expect(({} as Record<string, unknown>)["a"]).toBeUndefined();
  });

  test.each([
    ['{"a":1,"a":1}', "a"],
    ['{"a":1,"\\u0061":1}', "a"],
    ['[{"a":1,"b":2},{"a":1,"b":2,"a":3}]', "a"],
    ['[{"a":1,"b":2},{"b":1,"b":2}]', "b"],
    ['{"":1,"":2}', ""],
    ['{"__proto__":1,"__proto__":2}', "__proto__"],
  ])("a name that stands twice is refused: %s", (text, name) => {
    expect(reasonOf(text)).toContain(`the name ${JSON.stringify(name)} stands twice in one object`);
  });

  test("the same name in two objects is no repetition", () => {
    expect(plain(read('[{"a":{"a":1}},{"a":{"a":2}}]'))).toEqual([{ a: { a: 1 } }, { a: { a: 2 } }]);
  });
});

describe("characters that PostgreSQL cannot store", () => {
  test.each([
    '"\\u0000"',
    '{"a\\u0000":1}',
    '"\\ud800"',
    '"\\udc00x"',
    '"\\udc00\\ud800"',
    '{"\\udfff":1}',
    '["ok","\\uD83D"]',
  ])("%s is refused", (text) => {
    expect(reasonOf(text)).toContain("NUL or lone surrogate");
  });

  test("a pair of surrogates is one character, and an escaped backslash hides no escape", () => {
    expect(read('"\\ud83d\\ude00"')).toBe("😀");
    expect(read('"\\\\u0000"')).toBe("\\u0000");
    expect(read('"\\\\\\\\"')).toBe("\\\\");
  });
});

describe("bodies made to hurt", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  const nestedObjects = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

  test("64 levels are read, 65 are refused, and a million are refused as quickly", () => {
    read(nested(64));
    read(nestedObjects(64));
    expect(reasonOf(nested(65))).toContain("nested deeper than 64");
    expect(reasonOf(nestedObjects(65))).toContain("nested deeper than 64");
    expect(reasonOf("[".repeat(1_000_000))).toContain("nested deeper than 64");
  });

  test("long runs of backslashes, quotes, digits and names end", () => {
    const backslashes = "\\".repeat(1_000_000);
    expect(read(`"${backslashes}"`)).toHaveLength(500_000);
    reasonOf(`"${backslashes}\\"`);
    expect(read(`"${'\\"'.repeat(300_000)}"`)).toHaveLength(300_000);
    expect(numberOf(read("9".repeat(1_000_000)))).toHaveLength(1_000_000);
    const names = Array.from({ length: 50_000 }, (_, at) => `"${at}":0`);
    expect(Object.keys(Object(read(`{${names.join(",")}}`)) as object)).toHaveLength(50_000);
  });
});

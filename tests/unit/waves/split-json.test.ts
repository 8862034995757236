import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  MalformedBody,
  PieceTooLarge,
  splitLines,
  splitObject,
  type JsonSplitter,
} from "../../../src/platform/json/split-json.ts";

/** Cuts a text into chunks of these sizes, in turn, and says what the splitter makes of them. */
function split(splitter: JsonSplitter, text: string, sizes: readonly number[] = [3]): string[] {
  const bytes = Buffer.from(text);
  const pieces = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    pieces.push(...splitter.push(bytes.subarray(at, at + size)));
    at += size;
  }
  pieces.push(...splitter.end());
  return pieces.map((piece) =>
    piece.kind === "item" ? piece.bytes.toString() : `${piece.name}=${piece.bytes.toString()}`,
  );
}

const cut = (text: string, sizes?: readonly number[]) => split(splitObject("list", 100), text, sizes);

describe("a body that is cut as it comes", () => {
  it("gives its members, and the values of its list one by one, wherever the list stands", () => {
    const list = '[ {"a":[1,{"b":"]}"}]} ,2,"x,]","\\"\\\\" , null,[[]] ]';
    const items = ['{"a":[1,{"b":"]}"}]}', "2", '"x,]"', '"\\"\\\\"', "null", "[[]]"];
    expect(cut(`{"n": "v", "list": ${list}, "m":{"list":[1]}}`)).toEqual([
      'n="v"',
      ...items,
      'm={"list":[1]}',
    ]);
    expect(cut(`{"list":${list}}`)).toEqual(items);
    expect(cut('{"list":[],"n":1}')).toEqual(["n=1"]);
    expect(cut("{}")).toEqual([]);
  });

  it("gives the same however its bytes are cut", () => {
    const value = fc.json({ maxDepth: 3 }).filter((json) => json.length < 90);
    fc.assert(
      fc.property(
        fc.array(value),
        value,
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        (list, other, sizes) => {
          const text = `{"other":${other},"list":[${list.join(",")}]}`;
          expect(cut(text, sizes)).toEqual([`other=${other}`, ...list]);
        },
      ),
    );
  });

  it("hands a list that is none over as the member that it is", () => {
    expect(cut('{"list":{"a":1}}')).toEqual(['list={"a":1}']);
  });

  it.each([
    ["[]", "expected an object at byte 0"],
    ['{"a":1', "unexpected end at byte 6"],
    ['{"a" 1}', "expected a colon at byte 5"],
    ["{a:1}", "expected a name at byte 1"],
    ['{"a":1,}', "expected a name at byte 7"],
    ['{"list":[1 2]}', "expected a comma or the end at byte 11"],
    ['{"list":[1],"list":[2]}', 'the name "list" stands twice in one object at byte 19'],
    ["{} {}", "unexpected content after the end at byte 3"],
    ["", "unexpected end at byte 0"],
  ])("is refused as %s", (text, reason) => {
    expect(() => cut(text)).toThrow(new MalformedBody(reason));
  });

  it("is refused where one value is larger than any may be, before it has come whole", () => {
    const splitter = splitObject("list", 100);
    expect(() => splitter.push(Buffer.from(`{"list":["${"x".repeat(200)}`))).toThrow(PieceTooLarge);
  });
});

describe("lines", () => {
  const lines = (text: string, sizes?: readonly number[]) => split(splitLines(20), text, sizes);

  it("are given one by one; empty ones are passed over, and the last needs no end", () => {
    expect(lines('{"a":1}\n\r\n  \n{"b":2}\r\n3')).toEqual(['{"a":1}', '{"b":2}\r', "3"]);
    expect(lines("\n")).toEqual([]);
  });

  it("are refused where one is too long", () => {
    expect(() => lines(`1\n${"2".repeat(21)}`)).toThrow(PieceTooLarge);
  });
});

import { describe, expect, test } from "vitest";
import * as z from "zod";
import { validate } from "../../../../src/contract/faults.ts";
import { mapOf, wireObject } from "../../../../src/contract/wire.ts";
import { canonicalJson } from "../../../../src/platform/json/canonical-json.ts";
import { readJsonBody, type JsonObject } from "../../../../src/platform/json/read-json.ts";

/** What every ordinary object inherits; an object of a body has a name only if the caller sent it. */
const INHERITED = Object.getOwnPropertyNames(Object.prototype);

function read(text: string): JsonObject {
  const body = readJsonBody(Buffer.from(text));
  if (!body.ok) throw new Error(body.reason);
  return body.value as JsonObject;
}

function faultCodes(schema: z.ZodType, text: string): string[] {
  const reading = validate(schema, read(text), "refuse");
  return reading.ok ? [] : reading.faults.map(({ code, path }) => `${code} ${path.join(".")}`);
}

describe.each(INHERITED)("the name `%s`", (name) => {
  const quoted = JSON.stringify(name);

  test("is there only where it was sent", () => {
    expect(read("{}")[name]).toBeUndefined();
    expect(read('{"a":{}}')["a"]).not.toHaveProperty([name]);
    expect(Object.entries(read(`{${quoted}:"sent"}`))).toEqual([[name, "sent"]]);
    expect(read('{"a":1}')[name]).toBeUndefined();
  });

  test("is a free key like any other, in the order of canonical JSON", () => {
    const reading = validate(mapOf(z.string()), read(`{"zz":"1",${quoted}:"2"}`), "refuse");
    expect(reading.ok && canonicalJson(reading.value)).toBe(`{${quoted}:"2","zz":"1"}`);
  });

  test("is refused as an unknown field where it was sent, and only there", () => {
    const schema = wireObject({ a: z.string() });
    expect(faultCodes(schema, '{"a":"1"}')).toEqual([]);
    expect(faultCodes(schema, `{"a":"1",${quoted}:"2"}`)).toEqual([`UNKNOWN_FIELD ${name}`]);
  });
});

test.each(["constructor", "toString", "valueOf"])(
  "a schema's field `%s` is missing unless it was sent",
  (name) => {
    const schema = wireObject({ [name]: z.string() });
    expect(faultCodes(schema, "{}")).toEqual([`REQUIRED ${name}`]);
    expect(faultCodes(schema, `{"${name}":"sent"}`)).toEqual([]);
  },
);

test("what all objects of bodies inherit from is empty and cannot be added to", () => {
  const shared: unknown = Object.getPrototypeOf(read("{}"));
  expect(Object.getPrototypeOf(shared)).toBeNull();
  expect(Reflect.ownKeys(shared as object)).toEqual([]);
  expect(Object.isFrozen(shared)).toBe(true);
});

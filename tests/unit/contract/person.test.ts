import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { validate } from "../../../src/contract/faults.ts";
import { actorName, personOf } from "../../../src/contract/person.ts";
import { parseStored, wireObject } from "../../../src/contract/wire.ts";

const Body = wireObject({ actor_id: actorName });
const WITHOUT_TOKEN = { tenantId: "t", caller: null };

function faultOf(body: unknown, reader: Parameters<typeof validate>[3] = WITHOUT_TOKEN): string {
  const read = validate(Body, body, "refuse", reader);
  return read.ok ? "none" : read.faults.map(({ code, path }) => `${code} at ${path.join(".")}`).join(", ");
}

describe("a name", () => {
  test.each(["advisor_1", "Anne-Marie O’Neill", "Müller", "李小龍", "ı", "ß", "a  b"])(
    "%s is taken",
    (name) => {
      expect(validate(Body, { actor_id: name }, "refuse", WITHOUT_TOKEN)).toEqual({
        ok: true,
        value: { actor_id: name },
      });
    },
  );

  test.each([
    ["a trailing blank", "advisor_1 "],
    ["a leading blank", " advisor_1"],
    ["a no-break space at the end", "advisor_1\u00a0"],
    ["an ideographic space in front", "\u3000advisor_1"],
    ["an Ogham space at the end", "advisor_1\u1680"],
    ["nothing but a blank", " "],
    ["a zero-width space", "advisor\u200b_1"],
    ["a right-to-left override", "advisor_1\u202e"],
    ["a soft hyphen", "advisor\u00ad_1"],
    ["a control character", "advisor\u0007"],
    ["a line feed at the end", "advisor_1\n"],
    ["a next line", "advisor\u0085_1"],
    ["a private-use character", "advisor\ue000"],
    ["half a surrogate pair", "advisor\ud83d"],
    ["a line separator", "advisor\u2028_1"],
    ["a paragraph separator", "advisor\u2029_1"],
    ["a full-width letter", "\uff41dvisor_1"],
    ["a decomposed umlaut", "Mu\u0308ller"],
    ["a ligature", "\ufb01nn"],
    ["an invisible letter alone", "\u115f"],
  ])("with %s is ACTOR_INVALID", (_title, name) => {
    expect(faultOf({ actor_id: name })).toBe("ACTOR_INVALID at actor_id");
  });

  test("that is empty, too long or no text is refused as any other", () => {
    expect(faultOf({ actor_id: "" })).toBe("EMPTY at actor_id");
    expect(faultOf({ actor_id: "a".repeat(129) })).toBe("TOO_LONG at actor_id");
    expect(faultOf({ actor_id: null })).toBe("WRONG_TYPE at actor_id");
  });

  test.each(["advisor_1 ", "advisor\u200b_1", "\uff41dvisor_1"])(
    "as %s in what was stored before the rule is read as it is",
    (name) => {
      expect(parseStored(Body, { actor_id: name }).data).toEqual({ actor_id: name });
    },
  );

  test("may be left out with a token, whose subject stands in; without one it is required", () => {
    const caller = { subject: "advisor_1" };
    expect(validate(Body, {}, "refuse", { tenantId: "t", caller })).toEqual({
      ok: true,
      value: { actor_id: "advisor_1" },
    });
    expect(faultOf({ actor_id: null }, { tenantId: "t", caller })).toBe("WRONG_TYPE at actor_id");
    expect(faultOf({}, { tenantId: "t", caller: { subject: "advisor_1 " } })).toBe(
      "ACTOR_INVALID at actor_id",
    );
    expect(faultOf({})).toBe("REQUIRED at actor_id");
  });
});

describe("the same person", () => {
  test.each([
    ["advisor_1", "ADVISOR_1"],
    ["Straße", "STRASSE"],
    ["Straße", "strasse"],
    ["STRAẞE", "straße"],
    ["ΟΔΟΣ", "οδος"],
    ["οδοσ", "οδος"],
    ["Müller", "MU\u0308LLER"],
    ["\uff41dvisor_1", "Advisor_1"],
    ["\ufb03", "FFI"],
    ["\u212a", "k"],
    ["\u017f", "S"],
    ["ᾳ", "ΑΙ"],
    ["ΐ", "Ϊ́"],
    ["Ꭰ", "ꭰ"],
    ["İ", "i\u0307"],
    ["advisor\u200b_1", "advisor_1"],
    ["advisor_1 ", "advisor_1"],
    ["\u00a0advisor_1\u200b\u3000", "advisor_1"],
    ["a\u034fb", "ab"],
    ["a\u034f\u0308", "ä"],
  ])("%s is %s", (a, b) => {
    expect(personOf(a)).toBe(personOf(b));
  });

  test.each([
    ["ı", "i"],
    ["I", "ı"],
    ["Muller", "Müller"],
    ["a b", "ab"],
    ["o", "0"],
    ["a", "а"],
  ])("%s is not %s", (a, b) => {
    expect(personOf(a)).not.toBe(personOf(b));
  });

  test("is found by every letter that the engine's own case-insensitive comparison takes for another", () => {
    for (let code = 0; code <= 0x1_ff_ff; code += 1) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const letter = String.fromCodePoint(code);
      for (const other of [letter.toLowerCase(), letter.toUpperCase()]) {
        if (other === letter || Array.from(other).length !== 1) continue;
        if (!new RegExp(`^${letter}$`, "iu").test(other)) continue;
        expect(personOf(other), `${code.toString(16)} ${letter} ${other}`).toBe(personOf(letter));
      }
    }
  });

  test("is found in plain letters as in any others", () => {
    const plain = fc.string({ unit: "grapheme-ascii" }).filter((name) => name.trim() === name);
    fc.assert(
      // A letter of another alphabet in front has the whole name read by the rules of all.
      fc.property(plain, (name) => {
        expect(`я${personOf(name)}`).toBe(personOf(`Я${name}`));
      }),
      { numRuns: 2_000 },
    );
  });

  test("stays the same when its comparison is compared", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        const person = personOf(name);
        expect(personOf(person)).toBe(person);
        expect(personOf(name.normalize("NFD"))).toBe(person);
      }),
      { numRuns: 2_000 },
    );
  });
});

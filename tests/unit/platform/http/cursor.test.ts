import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { cursorOf, PositionId, PositionTime, TimePosition } from "../../../../src/platform/http/cursor.ts";

const TENANT = "bank-a";
const runs = cursorOf("runs", TimePosition);
const position: TimePosition = { createdAt: "2026-01-15T09:30:00.000Z", id: "rr_1" };

/** A cursor of runs as anybody can make it who knows how: the seal is right, the position is anything. */
const forge = (value: unknown) => cursorOf("runs", z.unknown()).encode(TENANT, value);

const texts = (cursor: string): unknown => JSON.parse(Buffer.from(cursor, "base64url").toString());
const asCursor = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

describe("a cursor", () => {
  test("comes back as the position that it was made from", () => {
    const positions = fc.record({
      createdAt: fc
        .date({ noInvalidDate: true, min: new Date("0001-01-01T00:00:00Z"), max: new Date(4e12) })
        .map((date) => date.toISOString()),
      id: fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 256 }),
    });
    fc.assert(
      fc.property(positions, (made) => {
        expect(runs.decode(TENANT, runs.encode(TENANT, made))).toEqual(made);
      }),
    );
  });

  test("is the same whichever process makes it", () => {
    expect(cursorOf("runs", TimePosition).encode(TENANT, position)).toBe(runs.encode(TENANT, position));
    expect(runs.encode(TENANT, { id: position.id, createdAt: position.createdAt })).toBe(
      runs.encode(TENANT, position),
    );
  });

  test("of another list or another tenant is refused", () => {
    const operations = cursorOf("operations", TimePosition);
    expect(runs.decode(TENANT, operations.encode(TENANT, position))).toBeUndefined();
    expect(runs.decode(TENANT, runs.encode("bank-b", position))).toBeUndefined();
  });

  test("that was edited is refused, whatever was changed", () => {
    const [, seal] = texts(runs.encode(TENANT, position)) as [unknown, string];
    const edited = [
      [{ ...position, id: "rr_2" }, seal],
      [{ ...position, createdAt: "2026-01-15T09:30:00.001Z" }, seal],
      [position, seal.slice(1)],
      [position, ""],
      [position],
      [position, seal, 1],
      position,
    ];
    expect(runs.decode(TENANT, asCursor([position, seal]))).toEqual(position);
    for (const value of edited) expect(runs.decode(TENANT, asCursor(value))).toBeUndefined();
  });

  test("is taken only in the spelling it was made in", () => {
    const cursor = runs.encode(TENANT, position);
    const [, seal] = texts(cursor) as [unknown, string];
    const reordered = asCursor([{ id: position.id, createdAt: position.createdAt }, seal]);
    const spaced = Buffer.from(` ${JSON.stringify([position, seal])}`).toString("base64url");
    const others = [`${cursor}=`, `${cursor}A`, ` ${cursor}`, cursor.slice(0, -1), reordered, spaced];
    for (const other of [...others, "A".repeat(100_000)]) {
      expect(runs.decode(TENANT, other)).toBeUndefined();
    }
  });

  test("any text at all is read or refused, never a failure", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(runs.decode(TENANT, text)).toBeUndefined();
      }),
    );
  });
});

describe("a position with the right seal that the database could not compare with", () => {
  test("is taken where it is one of ours", () => {
    expect(runs.decode(TENANT, forge(position))).toEqual(position);
  });

  test.each([
    "then",
    "0000-01-01T00:00:00.000Z",
    "-000001-01-01T00:00:00.000Z",
    "+012026-01-01T00:00:00.000Z",
    "2026-02-30T00:00:00.000Z",
    "2026-01-15T09:30:00Z",
    "2026-01-15T09:30:00.000+01:00",
    "2026-01-15T24:00:00.000Z",
    "2026-01-15",
    "infinity",
  ])("is refused for its time %s", (createdAt) => {
    expect(runs.decode(TENANT, forge({ ...position, createdAt }))).toBeUndefined();
  });

  test.each(["", "rr_\u0000", "rr_1\n", "\u00e9", "x".repeat(257)])("is refused for its id %j", (id) => {
    expect(runs.decode(TENANT, forge({ ...position, id }))).toBeUndefined();
  });

  test.each([null, [], {}, "x", { ...position, more: 1 }, { ...position, id: 1 }, { id: "rr_1" }])(
    "is refused for its shape %j",
    (value) => {
      expect(runs.decode(TENANT, forge(value))).toBeUndefined();
    },
  );

  test("is refused for a number that is no number of a row", () => {
    const Numbered = z.strictObject({ at: PositionTime, no: z.int32().positive(), id: PositionId });
    const decisions = cursorOf("decisions", Numbered);
    const made = (no: unknown) =>
      cursorOf("decisions", z.unknown()).encode(TENANT, { at: position.createdAt, no, id: "dwd_1" });
    expect(decisions.decode(TENANT, made(2_147_483_647))).toMatchObject({ no: 2_147_483_647 });
    for (const no of [0, -1, 1.5, 2_147_483_648, 1e300, "1"]) {
      expect(decisions.decode(TENANT, made(no))).toBeUndefined();
    }
  });
});

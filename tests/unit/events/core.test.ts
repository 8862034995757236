import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../../src/platform/json/canonical-json.ts";
import {
  eventText,
  FEED_START,
  heartbeatText,
  isAfter,
  streamText,
} from "../../../src/features/events/core.ts";
import type { EventRow } from "../../../src/features/events/repository.ts";
import { feedCursor } from "../../../src/features/events/schemas.ts";

const place = (epoch: string, xid: string, sequence: string) => ({ epoch, xid, sequence });

const EVENT: EventRow = {
  ...place("1796071525907326", "785", "2"),
  event_id: "9d36325a-60b9-4b1d-aa4e-04a6dba4a647",
  type: "ballast.policy_pack.changed",
  subject: 'pack "ä"\u2028',
  occurred_at: "2026-11-30T20:45:25.907Z",
  data_text: '{"policy_pack_id":"growth"}',
  traceparent: null,
  is_wanted: true,
};

describe("a place in the feed", () => {
  test.each([
    ["another epoch", place("2", "1", "1"), place("1", "9", "9")],
    ["another transaction", place("1", "10", "1"), place("1", "9", "5")],
    ["another event of a transaction", place("1", "9", "10"), place("1", "9", "9")],
    [
      "ids beyond what a double holds",
      place("1", "9007199254740993", "1"),
      place("1", "9007199254740992", "9"),
    ],
    ["the start", place("1", "1", "1"), FEED_START],
  ])("comes after another by %s, as a number and not as a text", (_what, later, earlier) => {
    expect([isAfter(later, earlier), isAfter(earlier, later), isAfter(later, later)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe("the text of an event", () => {
  test("is canonical JSON whatever is in it", () => {
    for (const traceparent of [null, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]) {
      const text = eventText("a/b c", { ...EVENT, traceparent });
      expect(text).toBe(canonicalJson(JSON.parse(text)));
    }
  });

  test("is one line of a stream, with the cursor behind it as its id", () => {
    const [id, data, ...rest] = streamText("t", [EVENT]).split("\n");
    expect(id).toBe(`id: ${feedCursor.encode("t", place("1796071525907326", "785", "2"))}`);
    expect([data, rest]).toEqual([`data: ${eventText("t", EVENT)}`, ["", ""]]);
  });

  test("of a heartbeat is a comment, with the cursor of where was looked", () => {
    const page = { events: [], position: place("1", "2", "3"), isNewest: true, asOf: EVENT.occurred_at };
    expect(heartbeatText("t", page)).toBe(
      `: ${EVENT.occurred_at}\nid: ${feedCursor.encode("t", place("1", "2", "3"))}\n\n`,
    );
  });
});

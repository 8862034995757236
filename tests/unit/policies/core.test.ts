import { describe, expect, test } from "vitest";
import { DpmPolicyPackUpsertRequest } from "../../../src/features/policies/schemas.ts";
import {
  deletePack,
  entityTag,
  isPack,
  putPack,
  type PackRevision,
  type Preconditions,
} from "../../../src/features/policies/core.ts";

const CONTEXT = {
  correlationId: "corr",
  authenticatedSubject: null,
  now: new Date("2026-03-01T09:30:00.000Z"),
};
const ANY = { ifMatch: null, ifNoneMatch: null };

function definition(version: string) {
  return DpmPolicyPackUpsertRequest.parse({ version });
}

function put(version: string, newest?: PackRevision, preconditions: Preconditions = ANY, context = CONTEXT) {
  return putPack("pack", newest, definition(version), preconditions, context);
}

function revision(version: string, newest?: PackRevision): PackRevision {
  const change = put(version, newest);
  if (change.kind !== "append") throw new Error(change.kind);
  return change.revision;
}

function closed(newest: PackRevision): PackRevision {
  const change = deletePack("pack", newest, ANY, CONTEXT);
  if (change.kind !== "append") throw new Error(change.kind);
  return change.revision;
}

function tag(newest: PackRevision): string {
  return isPack(newest) ? entityTag(newest) : "";
}

test("revisions follow one another, through a deletion too", () => {
  const first = revision("a");
  const second = revision("b", first);
  const third = closed(second);
  const fourth = revision("c", third);
  expect([first, second, third, fourth].map((each) => [each.revision, each.version])).toEqual([
    [1, "a"],
    [2, "b"],
    [3, null],
    [4, "c"],
  ]);
  expect(third).toMatchObject({ definition_text: null, definition_hash: null });
});

test("the definition in force again adds nothing; after a deletion it does", () => {
  const first = revision("a");
  expect(put("a", first)).toMatchObject({ kind: "unchanged", pack: { revision: 1 } });
  expect(put("a", closed(first)).kind).toBe("append");
});

test("an entity tag names revision and content", () => {
  const first = revision("a");
  const other = revision("b");
  const again = revision("a", revision("b", first));
  expect(new Set([first, other, again].map(tag)).size).toBe(3);
  expect(tag(first)).toMatch(/^"1-[0-9a-f]{12}"$/);
});

test("time does not run backwards in a history", () => {
  const early = { ...CONTEXT, now: new Date("2026-01-01T00:00:00.000Z") };
  const change = put("b", revision("a"), ANY, early);
  expect(change.kind === "append" && change.revision.valid_from).toBe("2026-03-01T09:30:00.000Z");
});

describe("preconditions", () => {
  const first = revision("a");
  const second = revision("b", first);
  const gone = closed(second);
  const is = tag(second);
  const was = tag(first);

  test.each<[string, PackRevision | undefined, string | null, string | null, string]>([
    ["no condition", second, null, null, "append"],
    ["the current tag", second, is, null, "append"],
    ["a stale tag", second, was, null, "precondition_failed"],
    ["one tag of several", second, `${was}, ${is}`, null, "append"],
    ["a weak tag", second, `W/${is}`, null, "precondition_failed"],
    ["any, where there is one", second, "*", null, "append"],
    ["any, where there is none", undefined, "*", null, "precondition_failed"],
    ["any, where it was deleted", gone, "*", null, "precondition_failed"],
    ["a tag, where there is none", undefined, is, null, "precondition_failed"],
    ["none yet, where there is none", undefined, null, "*", "append"],
    ["none yet, where it was deleted", gone, null, "*", "append"],
    ["none yet, where there is one", second, null, "*", "precondition_failed"],
    ["not this one, and it is", second, null, `W/${is}`, "precondition_failed"],
    ["not that one, and it is not", second, null, was, "append"],
  ])("PUT with %s", (_, newest, ifMatch, ifNoneMatch, expected) => {
    expect(put("c", newest, { ifMatch, ifNoneMatch }).kind).toBe(expected);
  });

  test.each<[string, PackRevision | undefined, string | null, string]>([
    ["no condition", second, null, "append"],
    ["the current tag", second, is, "append"],
    ["a stale tag", second, was, "precondition_failed"],
    ["a tag, where there is none", undefined, is, "not_found"],
    ["a tag, where it was deleted", gone, is, "not_found"],
  ])("DELETE with %s", (_, newest, ifMatch, expected) => {
    expect(deletePack("pack", newest, { ifMatch, ifNoneMatch: null }, CONTEXT).kind).toBe(expected);
  });
});

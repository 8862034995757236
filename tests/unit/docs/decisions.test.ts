import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";

/** Headings of the durability and consistency standard that a decision may deviate from. */
const STANDARD = [
  "Workflow Consistency Classification",
  "Idempotency and Replay Protection",
  "Atomicity and Transaction Boundaries",
  "As-Of and Reproducibility Semantics",
  "Concurrency and Conflict Policy",
  "Integrity Constraints",
  "Release-Gate Tests",
];

const FrontMatter = z.strictObject({
  status: z.enum(["proposed", "accepted", "superseded", "rejected"]),
  date: z.iso.date(),
  deviates_from: z.union([z.literal(""), z.enum(STANDARD)]),
  expires: z.union([z.literal(""), z.iso.date()]),
});

/** What is wrong with the front matter of a decision on the day `today`, a line for each fault. */
function faultsOf(text: string, today: string): string[] {
  const block = /^---\n([\s\S]*?)\n---\n/.exec(text)?.[1];
  if (block === undefined) return ["has no front matter"];
  const fields = block.split("\n").map((line) => line.split(/:\s*(.*)/).slice(0, 2));
  const parsed = FrontMatter.safeParse(Object.fromEntries(fields));
  if (!parsed.success) return parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  const { deviates_from, expires } = parsed.data;
  return [
    ...(deviates_from !== "" && expires === "" ? ["deviates from the standard, but never expires"] : []),
    ...(expires !== "" && expires < today
      ? [`expired on ${expires}: renew the decision or end the deviation`]
      : []),
  ];
}

const FOLDER = new URL("../../../docs/adr/", import.meta.url);
const TODAY = new Date().toISOString().slice(0, 10);
const decisions = readdirSync(FOLDER);

describe("decisions", () => {
  test.each(decisions)("%s is numbered, and its front matter is complete and in force", (name) => {
    expect(name).toMatch(/^\d{4}-[a-z0-9-]+\.md$/);
    expect(faultsOf(readFileSync(new URL(name, FOLDER), "utf8"), TODAY)).toEqual([]);
  });

  test("have a number each", () => {
    const numbers = decisions.map((name) => name.slice(0, 4));
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  test("that patch a dependency expire", () => {
    const patching = decisions
      .map((name) => readFileSync(new URL(name, FOLDER), "utf8"))
      .filter((text) => text.includes("patches/"));
    expect(patching.length).toBeGreaterThan(0);
    for (const text of patching) expect(text).toMatch(/^expires: \d{4}-\d{2}-\d{2}$/m);
  });
});

describe("the check of a decision", () => {
  const decision = (fields: Record<string, string>) => {
    const all = { status: "accepted", date: "2026-01-31", deviates_from: "", expires: "", ...fields };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`.trimEnd());
    return `---\n${lines.join("\n")}\n---\n\n# Title\n`;
  };
  const DEVIATION = { deviates_from: "Idempotency and Replay Protection" };

  test.each([
    ["no deviation", decision({}), []],
    ["a deviation until its last day", decision({ ...DEVIATION, expires: "2026-06-30" }), []],
    ["a deviation for ever", decision(DEVIATION), ["deviates from the standard, but never expires"]],
    [
      "one that has expired",
      decision({ ...DEVIATION, expires: "2026-06-29" }),
      ["expired on 2026-06-29: renew the decision or end the deviation"],
    ],
    ["no front matter", "# Title\n", ["has no front matter"]],
  ])("finds what is wrong with %s", (_what, text, faults) => {
    expect(faultsOf(text, "2026-06-30")).toEqual(faults);
  });

  test.each([
    ["status", { status: "done" }],
    ["date", { date: "2026-02-30" }],
    ["deviates_from", { deviates_from: "Durability" }],
    ["expires", { expires: "soon" }],
  ])("names a bad %s", (name, fields) => {
    const faults = faultsOf(decision(fields), "2026-06-30");
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatch(new RegExp(`^${name}: `));
  });

  test("names a missing field", () => {
    expect(faultsOf(decision({}).replace("expires:\n", ""), "2026-06-30")).toHaveLength(1);
  });
});

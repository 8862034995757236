import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import * as z from "zod";
import { publishedText } from "../../support/openapi-document.ts";

const folder = mkdtempSync(join(tmpdir(), "ballast-breaking-"));
afterAll(() => rmSync(folder, { recursive: true }));

const Mutable = z.looseObject({
  info: z.looseObject({ version: z.string() }),
  paths: z.record(z.string(), z.unknown()),
  components: z.looseObject({
    schemas: z.record(
      z.string(),
      z.looseObject({
        properties: z.record(z.string(), z.unknown()).optional(),
        enum: z.array(z.string()).optional(),
      }),
    ),
  }),
});

function enumOf({ schemas }: z.output<typeof Mutable>["components"], name: string): string[] {
  const list = schemas[name]?.enum;
  if (list === undefined) throw new Error(`${name} is no list`);
  return list;
}

/** Whether the check passes for a document that was changed like this. */
function passes(change: (document: z.output<typeof Mutable>) => void): boolean {
  const document = Mutable.parse(JSON.parse(publishedText));
  change(document);
  const file = join(folder, "openapi.json");
  writeFileSync(file, JSON.stringify(document));
  return spawnSync("npx", ["tsx", "scripts/breaking-changes.ts", file]).status === 0;
}

const withoutPath = ({ paths }: z.output<typeof Mutable>) => delete paths["/health"];

describe("a document", { timeout: 60_000 }, () => {
  test("that takes a path away breaks callers", () => {
    expect(passes(withoutPath)).toBe(false);
  });

  test("that takes a field of an answer away breaks callers", () => {
    expect(passes(({ components }) => delete components.schemas["Liveness"]?.properties?.["version"])).toBe(
      false,
    );
  });

  test("that breaks callers is one of a new major version", () => {
    const renewed = (document: z.output<typeof Mutable>) => {
      withoutPath(document);
      document.info.version = "1.0.0";
    };
    expect(passes(renewed)).toBe(true);
  });

  test("that knows a further code of an error breaks nobody", () => {
    expect(passes(({ components }) => enumOf(components, "ErrorCode").push("FURTHER_CODE"))).toBe(true);
  });

  test("that has a further member in a list that does not grow breaks callers", () => {
    expect(passes(({ components }) => enumOf(components, "RunStatus").push("FURTHER_STATUS"))).toBe(false);
  });

  test("that has a further field in an answer breaks nobody", () => {
    const extended = ({ components }: z.output<typeof Mutable>) =>
      Object.assign(components.schemas["Liveness"]?.properties ?? {}, { further: { type: "string" } });
    expect(passes(extended)).toBe(true);
  });
});

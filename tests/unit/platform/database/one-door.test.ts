import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SOURCE = fileURLToPath(new URL("../../../../src", import.meta.url));
const PLATFORM = join("platform", "database");

function sources(): { path: string; text: string }[] {
  return readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => ({ path, text: readFileSync(join(SOURCE, path), "utf8") }));
}

test("only the database platform imports the driver", () => {
  const importers = sources().filter(({ text }) =>
    /from "postgres"|import\("postgres"\)|require\("postgres"\)/.test(text),
  );
  expect(importers.length).toBeGreaterThan(0);
  expect(importers.map(({ path }) => path).filter((path) => !path.startsWith(PLATFORM))).toEqual([]);
});

test("nobody calls begin, reserve or unsafe: there is one way into a transaction", () => {
  const callers = sources().filter(({ text }) => /\.\s*(begin|reserve|unsafe|savepoint)\s*[(<]/.test(text));
  expect(callers.map(({ path }) => path)).toEqual([]);
});

test("BEGIN and COMMIT are sent from one module", () => {
  const senders = sources().filter(({ text }) =>
    /`\s*(begin|commit|rollback|start transaction)\b/i.test(text),
  );
  expect(senders.map(({ path }) => path)).toEqual([join(PLATFORM, "transaction.ts")]);
});

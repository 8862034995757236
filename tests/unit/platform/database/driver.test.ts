import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { expect, test } from "vitest";

const root = new URL("../../../../", import.meta.url);
const VERSION = "3.4.9";

function readJson(url: URL): Record<string, unknown> {
  return JSON.parse(readFileSync(url, "utf8")) as Record<string, unknown>;
}

test("the driver is pinned to the version that its patch is for, and that version is installed", () => {
  const manifest = readJson(new URL("package.json", root));
  expect(manifest["dependencies"]).toMatchObject({ postgres: VERSION });
  expect(manifest["scripts"]).toMatchObject({ postinstall: "patch-package --error-on-fail" });
  const installed = new URL(
    "../../package.json",
    `file://${createRequire(import.meta.url).resolve("postgres")}`,
  );
  expect(readJson(installed)["version"]).toBe(VERSION);
  expect(readdirSync(fileURLToPath(new URL("patches", root)))).toEqual([`postgres+${VERSION}.patch`]);
});

test("the driver that is loaded carries the patch", () => {
  expect(postgres).toHaveProperty("patch", "3.4.9-ballast.1");
});

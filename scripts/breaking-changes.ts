/**
 * Fails when docs/openapi.json, or the document that is named, breaks callers of the last release, unless its major
 * version has risen since. With --release, keeps docs/openapi.json as the document of a release.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as z from "zod";

const RELEASED = fileURLToPath(new URL("../docs/openapi-released.json", import.meta.url));
const REDOCLY = fileURLToPath(new URL("../node_modules/.bin/redocly", import.meta.url));
const Versioned = z.looseObject({ info: z.looseObject({ version: z.string() }) });

const [named = fileURLToPath(new URL("../docs/openapi.json", import.meta.url))] = process.argv
  .slice(2)
  .filter((argument) => argument !== "--release");
const current = withoutWords(named);

if (process.argv.includes("--release")) writeFileSync(RELEASED, current);
else if (majorOf(current) > majorOf(readFileSync(RELEASED, "utf8"))) {
  process.stdout.write("a new major version: callers expect that it breaks something\n");
} else process.exitCode = compare();

/** In a folder of its own, as the rules in redocly.yaml would take the place of those of a comparison. */
function compare(): number {
  const folder = mkdtempSync(join(tmpdir(), "ballast-openapi-"));
  const file = join(folder, "openapi.json");
  writeFileSync(file, current);
  const options = ["diff", RELEASED, file, "--fail-on=major"];
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
  const { status } = spawnSync(REDOCLY, options, { cwd: folder, stdio: "inherit", env });
  rmSync(folder, { recursive: true });
  return status ?? 1;
}

/** Words and examples break nobody; without them the document is a third of its size. */
function withoutWords(file: string): string {
  const document: unknown = JSON.parse(readFileSync(file, "utf8"), (name, value: unknown) => {
    if (name === "description" && typeof value === "string") return "";
    return name === "examples" || name === "example" ? undefined : value;
  });
  return `${JSON.stringify(document)}\n`;
}

function majorOf(text: string): number {
  return Number(Versioned.parse(JSON.parse(text)).info.version.split(".")[0]);
}

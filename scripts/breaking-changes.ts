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
/** Lists that grow, as their descriptions say: callers pass over what they do not know. */
const GROWING = ["CloudEvent", "ErrorCode", "LineageEdgeType", "RunRecordKind"];
const Growing = z.looseObject({
  enum: z.array(z.string()).optional(),
  oneOf: z.array(z.looseObject({ $ref: z.string() })).optional(),
});
const Documented = z.looseObject({
  components: z.looseObject({ schemas: z.record(z.string(), z.unknown()) }),
});
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
  writeFileSync(file, withoutNewMembers(current, readFileSync(RELEASED, "utf8")));
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

/** A document in which the lists that grow have no more members than in the released one. */
function withoutNewMembers(text: string, released: string): string {
  const document = Documented.parse(JSON.parse(text));
  const before = Documented.parse(JSON.parse(released)).components.schemas;
  const { schemas } = document.components;
  for (const name of GROWING) {
    const now = Growing.optional().parse(schemas[name]);
    const then = Growing.optional().parse(before[name]);
    if (now === undefined || then === undefined) continue;
    const known = new Set([...(then.enum ?? []), ...(then.oneOf ?? []).map(({ $ref }) => $ref)]);
    schemas[name] = {
      ...now,
      ...(now.enum === undefined ? {} : { enum: now.enum.filter((value) => known.has(value)) }),
      ...(now.oneOf === undefined ? {} : { oneOf: now.oneOf.filter(({ $ref }) => known.has($ref)) }),
    };
  }
  return JSON.stringify(document);
}

function majorOf(text: string): number {
  return Number(Versioned.parse(JSON.parse(text)).info.version.split(".")[0]);
}

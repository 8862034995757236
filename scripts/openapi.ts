/**
 * Writes the contract of the service to docs/openapi.json; with --check, fails when that file is not what the code says.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { buildApp } from "../src/app.ts";
import { openOperations } from "../src/background.ts";
import { parseConfig } from "../src/config/config.ts";
import { parseServerAddress } from "../src/platform/database/address.ts";
import { openDatabase } from "../src/platform/database/database.ts";
import { createLog } from "../src/platform/log.ts";
import { createMetrics } from "../src/platform/metrics.ts";
import { createRuntime } from "../src/runtime.ts";

const FILE = fileURLToPath(new URL("../docs/openapi.json", import.meta.url));

const text = await format(JSON.stringify(await currentDocument()), { parser: "json", printWidth: 110 });
if (process.argv.includes("--check")) check();
else writeFileSync(FILE, text);

/** The routes describe themselves without a database: this one is never reached. */
async function currentDocument(): Promise<unknown> {
  const config = parseConfig({ METRICS_PUBLIC: "false" });
  const database = openDatabase({
    ...config.database,
    server: parseServerAddress("postgres://nobody@127.0.0.1/none"),
    role: null,
    applicationName: "openapi",
    max: 1,
    queueLimit: 0,
    deadlineMs: 1,
  });
  const runtime = createRuntime({ config, log: createLog("silent"), metrics: createMetrics(), database });
  const app = await buildApp({
    runtime,
    operations: openOperations(runtime),
    lifecycle: { isStopping: false },
  });
  await app.ready();
  return app.swagger();
}

function check(): void {
  if (readFileSync(FILE, "utf8") === text) return;
  process.stderr.write("docs/openapi.json is not what the code says: run npx tsx scripts/openapi.ts\n");
  process.exitCode = 1;
}

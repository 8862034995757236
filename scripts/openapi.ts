/**
 * Writes the contract of the service to docs/openapi.json; with --check, fails when that file is not what the code says.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { allRoutes, apiDocument } from "../src/app.ts";
import { parseConfig } from "../src/config/config.ts";
import { parseServerAddress } from "../src/platform/database/address.ts";
import { openDatabase } from "../src/platform/database/database.ts";
import { createLog } from "../src/platform/log.ts";
import { createMetrics } from "../src/platform/metrics.ts";
import { makeFeatures } from "../src/wiring.ts";

const FILE = fileURLToPath(new URL("../docs/openapi.json", import.meta.url));

const text = await format(JSON.stringify(currentDocument()), { parser: "json", printWidth: 110 });
if (process.argv.includes("--check")) check();
else writeFileSync(FILE, text);

/** The routes describe themselves without a database: this one is never reached. */
function currentDocument() {
  const config = parseConfig({});
  const database = openDatabase({
    ...config.database,
    server: parseServerAddress("postgres://nobody@127.0.0.1/none"),
    role: null,
    applicationName: "openapi",
    max: 1,
    queueLimit: 0,
    deadlineMs: 1,
  });
  const surroundings = {
    config,
    log: createLog("silent"),
    metrics: createMetrics(),
    database,
    replica: database,
  };
  const features = makeFeatures(surroundings);
  return apiDocument(allRoutes({ ...surroundings, features, lifecycle: { isStopping: false } }));
}

function check(): void {
  if (readFileSync(FILE, "utf8") === text) return;
  process.stderr.write("docs/openapi.json is not what the code says: run npx tsx scripts/openapi.ts\n");
  process.exitCode = 1;
}

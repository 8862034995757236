/**
 * Sends what schemathesis makes of the OpenAPI document to a service of its own, and fails where an answer is not what the
 * document says: `npm run check:contract`. docs/contract.md says what it needs.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { SCOPES } from "../../src/platform/http/auth/scopes.ts";
import { startBenchService } from "../bench/service.ts";
import { developmentToken } from "../development-token.ts";

const CONFIG = fileURLToPath(new URL("schemathesis.toml", import.meta.url));
const POOL = 10;
const SECONDS = "600";

const { error } = spawnSync("schemathesis", ["--version"]);
if (error !== undefined) {
  process.stderr.write("schemathesis is not there: pip install schemathesis\n");
  process.exitCode = 1;
} else process.exitCode = await check(process.argv.slice(2));

/** With tokens, as who may do what is a part of the contract. */
async function check(options: readonly string[]): Promise<number> {
  Object.assign(process.env, { AUTH_MODE: "jwt", JWT_DEVELOPMENT: "true" });
  const token = await developmentToken({ tenant: "default", actor: "contract_check", scopes: SCOPES });
  const service = await startBenchService(POOL);
  try {
    const address = new URL("/openapi.json", service.base).href;
    const terms = ["--checks", "all", "--continue-on-failure", "--max-time", SECONDS];
    const access = ["-H", `Authorization: Bearer ${token}`];
    const asked = ["--config-file", CONFIG, "run", address, ...access, ...terms, ...options];
    return spawnSync("schemathesis", asked, { stdio: "inherit" }).status ?? 1;
  } finally {
    await service.stop();
  }
}

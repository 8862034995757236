/**
 * Sends what schemathesis makes of the OpenAPI document to services of its own, one that asks for tokens and one that does
 * not, and fails where an answer is not what the document says: `npm run check:contract`. docs/contract.md says what it needs.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { SCOPES } from "../../src/platform/http/auth/scopes.ts";
import { startBenchService } from "../bench/service.ts";
import { developmentToken } from "../development-token.ts";

const CONFIG = fileURLToPath(new URL("schemathesis.toml", import.meta.url));
const POOL = 10;
const SECONDS = "300";
const TENANT = "default";
/** Each fails where the document demands a token, and a service that asks for none does without. */
const OF_TOKENS = "ignored_auth,missing_required_header,negative_data_rejection";

const options = process.argv.slice(2);
const { error } = spawnSync("schemathesis", ["--version"]);
if (error !== undefined) {
  process.stderr.write("schemathesis is not there: pip install schemathesis\n");
  process.exitCode = 1;
} else {
  Object.assign(process.env, { AUTH_MODE: "jwt", JWT_DEVELOPMENT: "true" });
  const token = await developmentToken({ tenant: TENANT, actor: "contract_check", scopes: SCOPES });
  const withToken = await check("with a token", ["-H", `Authorization: Bearer ${token}`]);
  Object.assign(process.env, { AUTH_MODE: "none", JWT_DEVELOPMENT: "false" });
  const withoutTokens = await check("without tokens", ["--exclude-checks", OF_TOKENS]);
  process.exitCode = withToken === 0 && withoutTokens === 0 ? 0 : 1;
}

/** Starts a service in the environment that there is, and returns the exit code of schemathesis. */
async function check(title: string, access: readonly string[]): Promise<number> {
  process.stdout.write(`\nThe contract ${title}\n`);
  const service = await startBenchService(POOL);
  try {
    const address = new URL("/openapi.json", service.base).href;
    // All checks are on by default; named here, they would overrule what the configuration leaves out.
    const terms = ["--continue-on-failure", "--max-time", SECONDS];
    const asked = ["--config-file", CONFIG, "run", address, ...access, ...terms, ...options];
    return spawnSync("schemathesis", asked, { stdio: "inherit" }).status ?? 1;
  } finally {
    await service.stop();
  }
}

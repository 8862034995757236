/**
 * Prints a token to try the service with: `npm run --silent token -- --tenant demo --actor advisor_1 --scope "…"`. A service
 * started in this folder with `AUTH_MODE=jwt JWT_DEVELOPMENT=true` trusts it for eight hours.
 */
import { parseArgs } from "node:util";
import { SCOPES, type Scope } from "../src/platform/http/auth/scopes.ts";
import { developmentToken, type TokenContent } from "./development-token.ts";

const USAGE =
  'use: npm run token -- --tenant demo --actor advisor_1 --scope "proposals:write proposals:read"';

/** Throws an Error that says what is missing or unknown. */
function readContent(parameters: string[]): TokenContent {
  const { tenant, actor, scope } = parseArgs({
    args: parameters,
    options: { tenant: { type: "string" }, actor: { type: "string" }, scope: { type: "string" } },
  }).values;
  if (!tenant || !actor || scope === undefined) throw new Error(USAGE);
  return { tenant, actor, scopes: scope.split(/\s+/).filter(Boolean).map(knownScope) };
}

function knownScope(name: string): Scope {
  const scope = SCOPES.find((known) => known === name);
  if (scope === undefined) throw new Error(`${name} is no scope; there are ${SCOPES.join(", ")}`);
  return scope;
}

try {
  console.log(await developmentToken(readContent(process.argv.slice(2))));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

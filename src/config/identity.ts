import { isIP } from "node:net";
import type * as z from "zod";
import { ALGORITHMS } from "../platform/http/auth/keys.ts";
import { DEVELOPMENT_AUDIENCE, DEVELOPMENT_ISSUER } from "../platform/http/auth/development-key.ts";
import { isLoopback } from "../platform/http/auth/own-hosts.ts";
import type { AuthSettings, KeySource } from "../platform/http/auth/settings.ts";
import { isTenant } from "../platform/http/auth/verify-token.ts";
import {
  flag,
  integer,
  listOf,
  oneOf,
  optionalFlag,
  optionalText,
  text,
  textList,
  webOrigins,
  webUrl,
} from "./readers.ts";

/** Where `npm run token` keeps the key that it signs with. */
export const DEVELOPMENT_KEY_FILE = ".data/token-key.pem";

export const identityVariables = {
  AUTH_MODE: oneOf(
    ["none", "jwt"],
    "none",
    "Who may call: none, whoever reaches the port, a loopback HOST alone and never in profile PRODUCTION; jwt, who has a token.",
  ),
  AUTH_ALLOW_INSECURE: flag(false, "Whether AUTH_MODE none serves on a HOST that others reach."),
  ALLOWED_HOSTS: textList("With AUTH_MODE none: hosts beside the loopback ones by which it is called."),
  JWT_ISSUER: optionalText("Issuer of the tokens, as their claim iss; AUTH_MODE jwt needs it."),
  JWT_AUDIENCE: optionalText("Whom the tokens are for, as their claim aud; AUTH_MODE jwt needs it."),
  JWT_JWKS_URL: webUrl("Where the issuer publishes its keys."),
  JWT_PUBLIC_KEY_FILE: optionalText("The issuer's public key in PEM, instead of JWT_JWKS_URL."),
  JWT_ALGORITHMS: listOf(
    ALGORITHMS,
    ["RS256", "PS256", "ES256", "EdDSA"],
    "Signatures that are taken, as a comma list.",
  ),
  JWT_SUBJECT_CLAIM: text("sub", "Claim that names who asks."),
  JWT_TENANT_CLAIM: text("tenant_id", "Claim that names the tenant."),
  JWT_SCOPE_CLAIM: text("scope", "Claim of the scopes, a text with blanks or a list; without it, scp."),
  JWT_DEFAULT_TENANT: optionalText("Tenant of tokens that name none; unset: they are refused."),
  JWT_DEVELOPMENT: flag(false, "Whether the tokens of npm run token are trusted; in profile LOCAL alone."),
  METRICS_PUBLIC: optionalFlag(
    "Whether /metrics needs no token; unset: it needs none in profile LOCAL, and one in PRODUCTION.",
  ),
  DOCS_PUBLIC: flag(true, "Whether /docs and /openapi.json need no token."),
  CORS_ORIGINS: webOrigins(
    "Origins whose pages may call from a browser, as a comma list of such as https://desk.example.",
  ),
  RATE_LIMIT_PER_MINUTE: integer(
    0,
    0,
    1_000_000,
    "Requests in a minute to one process of one subject and tenant, or of one address where no subject is known; 0: any number.",
  ),
};

type IdentityEnvironment = {
  [Name in keyof typeof identityVariables]: z.output<(typeof identityVariables)[Name]>;
};
type Surroundings = { readonly HOST: string; readonly APP_PERSISTENCE_PROFILE: "LOCAL" | "PRODUCTION" };
type Contradiction = [name: keyof IdentityEnvironment | "HOST", message: string];

export function* identityContradictions(env: IdentityEnvironment & Surroundings): Generator<Contradiction> {
  if (env.JWT_DEVELOPMENT && env.APP_PERSISTENCE_PROFILE === "PRODUCTION")
    yield ["JWT_DEVELOPMENT", "is refused in profile PRODUCTION"];
  if (env.AUTH_MODE === "jwt") yield* tokenContradictions(env);
  else if (env.APP_PERSISTENCE_PROFILE === "PRODUCTION")
    yield ["AUTH_MODE", "must be jwt in profile PRODUCTION"];
  else if (!env.AUTH_ALLOW_INSECURE && !isLoopbackAddress(env.HOST))
    yield ["HOST", "must be a loopback address with AUTH_MODE none, unless AUTH_ALLOW_INSECURE is true"];
}

function* tokenContradictions(env: IdentityEnvironment & Surroundings): Generator<Contradiction> {
  const sources = [env.JWT_JWKS_URL, env.JWT_PUBLIC_KEY_FILE, env.JWT_DEVELOPMENT || null];
  const given = sources.filter((source) => source !== null).length;
  if (given === 0) yield ["JWT_JWKS_URL", "must be set with AUTH_MODE jwt, or JWT_PUBLIC_KEY_FILE"];
  if (given > 1)
    yield ["JWT_JWKS_URL", "is one of three: JWT_JWKS_URL, JWT_PUBLIC_KEY_FILE or JWT_DEVELOPMENT"];
  for (const name of ["JWT_ISSUER", "JWT_AUDIENCE"] as const) {
    if (env[name] === null && !env.JWT_DEVELOPMENT) yield [name, "must be set with AUTH_MODE jwt"];
  }
  if (env.JWT_DEFAULT_TENANT !== null && !isTenant(env.JWT_DEFAULT_TENANT))
    yield ["JWT_DEFAULT_TENANT", "must be 1 to 128 visible ASCII characters"];
  if (env.JWT_ALGORITHMS.length === 0) yield ["JWT_ALGORITHMS", "must name one at least"];
  const url = env.JWT_JWKS_URL === null ? null : new URL(env.JWT_JWKS_URL);
  if (env.APP_PERSISTENCE_PROFILE === "PRODUCTION" && url?.protocol === "http:" && !isLoopback(url.hostname))
    yield ["JWT_JWKS_URL", "must begin with https: in profile PRODUCTION"];
}

function isLoopbackAddress(host: string): boolean {
  return isLoopback(isIP(host) === 6 ? new URL(`http://[${host}]`).hostname : host);
}

export function identityConfig(env: IdentityEnvironment & Surroundings) {
  return {
    settings: authSettings(env),
    areMetricsPublic: env.METRICS_PUBLIC ?? env.APP_PERSISTENCE_PROFILE === "LOCAL",
    areDocsPublic: env.DOCS_PUBLIC,
    corsOrigins: env.CORS_ORIGINS,
    requestsPerMinute: env.RATE_LIMIT_PER_MINUTE,
  };
}

function authSettings(env: IdentityEnvironment): AuthSettings {
  if (env.AUTH_MODE === "none")
    return { mode: "none", allowedHosts: env.ALLOWED_HOSTS, allowedOrigins: env.CORS_ORIGINS };
  return {
    mode: "jwt",
    issuer: env.JWT_ISSUER ?? DEVELOPMENT_ISSUER,
    audience: env.JWT_AUDIENCE ?? DEVELOPMENT_AUDIENCE,
    keys: keySource(env),
    algorithms: env.JWT_ALGORITHMS,
    claims: { subject: env.JWT_SUBJECT_CLAIM, tenant: env.JWT_TENANT_CLAIM, scope: env.JWT_SCOPE_CLAIM },
    defaultTenant: env.JWT_DEFAULT_TENANT,
  };
}

function keySource(env: IdentityEnvironment): KeySource {
  if (env.JWT_JWKS_URL !== null) return { from: "issuer", url: env.JWT_JWKS_URL };
  if (env.JWT_PUBLIC_KEY_FILE !== null) return { from: "file", path: env.JWT_PUBLIC_KEY_FILE };
  return { from: "development", path: DEVELOPMENT_KEY_FILE };
}

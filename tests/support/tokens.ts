import { generateKeyPairSync, randomUUID, type KeyObject } from "node:crypto";
import { createServer } from "node:http";
import { exportJWK, SignJWT, type JWK, type JWTPayload } from "jose";
import type { JwtSettings } from "../../src/platform/http/auth/settings.ts";

export const ISSUER = "https://issuer.example";
export const AUDIENCE = "ballast";

export type SigningKey = {
  readonly kid: string;
  readonly alg: string;
  readonly key: KeyObject;
  readonly jwk: JWK;
};

/** A new key pair: the private half to sign with, the public one as an issuer publishes it. */
export async function newKey(kid: string, alg: "RS256" | "ES256" | "EdDSA" = "ES256"): Promise<SigningKey> {
  const { privateKey, publicKey } = pairFor(alg);
  return { kid, alg, key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

function pairFor(alg: "RS256" | "ES256" | "EdDSA") {
  if (alg === "RS256") return generateKeyPairSync("rsa", { modulusLength: 2048 });
  return alg === "ES256"
    ? generateKeyPairSync("ec", { namedCurve: "prime256v1" })
    : generateKeyPairSync("ed25519");
}

export type TokenParts = {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: JWTPayload;
  /** Claims that are not in it. */
  readonly without?: readonly string[];
};

/** A token that is good unless its parts say otherwise: subject `advisor_1` of tenant `demo`, valid for a minute. */
export function sign(
  by: SigningKey,
  { header = {}, claims = {}, without = [] }: TokenParts = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const all: JWTPayload = {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: "advisor_1",
    tenant_id: "demo",
    jti: randomUUID(),
    iat: now,
    exp: now + 60,
    ...claims,
  };
  const payload = Object.fromEntries(Object.entries(all).filter(([name]) => !without.includes(name)));
  return new SignJWT(payload)
    .setProtectedHeader({ alg: by.alg, kid: by.kid, typ: "JWT", ...header })
    .sign(by.key);
}

/** The header of a token with these scopes. */
export async function bearer(by: SigningKey, scopes: readonly string[], claims: JWTPayload = {}) {
  return { authorization: `Bearer ${await sign(by, { claims: { scope: scopes.join(" "), ...claims } })}` };
}

export type TestIssuer = {
  readonly url: string;
  /** What it publishes from now on; `null`: it fails. */
  publish: (keys: readonly SigningKey[] | null) => void;
  readonly fetches: () => number;
  readonly close: () => Promise<void>;
};

/** An issuer that publishes its keys, until it is told to fail. */
export async function startIssuer(keys: readonly SigningKey[]): Promise<TestIssuer> {
  let published: readonly SigningKey[] | null = keys;
  let fetches = 0;
  const server = createServer((_request, response) => {
    fetches += 1;
    if (published === null) response.writeHead(500).end();
    else response.end(JSON.stringify({ keys: published.map(({ jwk }) => jwk) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the issuer listens on no port");
  return {
    url: `http://127.0.0.1:${address.port}/keys`,
    publish: (next) => {
      published = next;
    },
    fetches: () => fetches,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export function jwtSettings(keys: JwtSettings["keys"], more: Partial<JwtSettings> = {}): JwtSettings {
  return {
    mode: "jwt",
    issuer: ISSUER,
    audience: AUDIENCE,
    keys,
    algorithms: ["RS256", "PS256", "ES256", "EdDSA"],
    claims: { subject: "sub", tenant: "tenant_id", scope: "scope" },
    defaultTenant: null,
    ...more,
  };
}

/** The environment of a service that trusts this issuer. */
export function tokenEnv({ url }: TestIssuer): Record<string, string> {
  return { AUTH_MODE: "jwt", JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE, JWT_JWKS_URL: url };
}

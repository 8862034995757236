import { SignJWT } from "jose";
import { parseConfig } from "../src/config/config.ts";
import { DEVELOPMENT_ALGORITHM, developmentKey } from "../src/platform/http/auth/development-key.ts";
import type { Scope } from "../src/platform/http/auth/scopes.ts";

export type TokenContent = {
  readonly tenant: string;
  readonly actor: string;
  readonly scopes: readonly Scope[];
};

const LIFETIME = "8 hours";

/** A token that a service with `AUTH_MODE=jwt JWT_DEVELOPMENT=true` in this folder and environment trusts. */
export async function developmentToken({ tenant, actor, scopes }: TokenContent): Promise<string> {
  const { settings } = parseConfig({ ...process.env, AUTH_MODE: "jwt", JWT_DEVELOPMENT: "true" }).auth;
  if (settings.mode !== "jwt" || settings.keys.from !== "development")
    throw new Error("tokens of the development key are for JWT_DEVELOPMENT=true");
  const { claims, issuer, audience, keys } = settings;
  return new SignJWT({
    [claims.subject]: actor,
    [claims.tenant]: tenant,
    [claims.scope]: scopes.join(" "),
    jti: crypto.randomUUID(),
  })
    .setProtectedHeader({ alg: DEVELOPMENT_ALGORITHM, typ: "JWT" })
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(LIFETIME)
    .sign(developmentKey(keys.path));
}

import { errors, jwtVerify, type JWTPayload } from "jose";
import { UNSEEN_CHARACTER } from "../../../contract/person.ts";
import { isName, type Caller } from "../context.ts";
import type { TokenKeys } from "./keys.ts";

export type TokenSettings = {
  readonly issuer: string;
  readonly audience: string;
  readonly claims: { readonly subject: string; readonly tenant: string; readonly scope: string };
  /** Of tokens that name no tenant; null: they are refused. */
  readonly defaultTenant: string | null;
};

export type TokenCode = "UNAUTHENTICATED" | "TOKEN_INVALID" | "TOKEN_EXPIRED";

/** Whom a token stands for, or why it stands for nobody. `reason` is for the log and holds nothing of the token. */
export type TokenOutcome =
  | { readonly ok: true; readonly caller: Caller; readonly tenantId: string }
  | { readonly ok: false; readonly code: TokenCode; readonly reason: string };

/** Clocks of issuers differ by this much. */
const TOLERANCE_SECONDS = 30;
const TYPES: ReadonlySet<string> = new Set(["jwt", "at+jwt"]);
/** Where a token has no claim of the configured name: the list that other issuers write. */
const SCOPE_LIST_CLAIM = "scp";

const MOST_SUBJECT_CHARACTERS = 255;

/** Checks a token whole: form, signature, times, issuer, audience, and the claims that say who comes. */
export async function verifyToken(
  token: string,
  keys: TokenKeys,
  settings: TokenSettings,
): Promise<TokenOutcome> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys.find, {
      issuer: settings.issuer,
      audience: settings.audience,
      algorithms: [...keys.algorithms],
      requiredClaims: ["exp"],
      clockTolerance: TOLERANCE_SECONDS,
    });
    return TYPES.has(typeOf(protectedHeader.typ)) ? readClaims(payload, settings) : invalid("typ");
  } catch (error) {
    return refusalOf(error);
  }
}

/** RFC 7515: a media type, of which `application/` may be left out. */
function typeOf(typ: string | undefined): string {
  return (typ ?? "").toLowerCase().replace(/^application\//, "");
}

function refusalOf(error: unknown): TokenOutcome {
  if (error instanceof errors.JWTExpired) return { ok: false, code: "TOKEN_EXPIRED", reason: "exp" };
  if (error instanceof errors.JWTClaimValidationFailed) return invalid(error.claim);
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid)
    return { ok: false, code: "UNAUTHENTICATED", reason: error.code };
  if (error instanceof errors.JOSEError) return invalid(error.code);
  throw error;
}

function invalid(reason: string): TokenOutcome {
  return { ok: false, code: "TOKEN_INVALID", reason };
}

function readClaims(payload: JWTPayload, { claims, defaultTenant }: TokenSettings): TokenOutcome {
  const subject = payload[claims.subject];
  if (typeof subject !== "string" || !isSubject(subject)) return invalid(claims.subject);
  const tenantId = payload[claims.tenant] ?? defaultTenant;
  if (!isTenant(tenantId)) return invalid(claims.tenant);
  const scopes = readScopes(payload[claims.scope] ?? payload[SCOPE_LIST_CLAIM] ?? "");
  if (scopes === undefined) return invalid(claims.scope);
  const { jti: tokenId = null, exp: expiresAt } = payload;
  if (tokenId !== null && !isTokenId(tokenId)) return invalid("jti");
  if (expiresAt === undefined) return invalid("exp");
  return { ok: true, tenantId, caller: { subject, tokenId, scopes, expiresAt } };
}

/** A subject becomes the name of an actor, so it is held to the rules of one. */
function isSubject(subject: string): boolean {
  return isTokenId(subject) && subject.normalize("NFKC") === subject && subject.trim() === subject;
}

function isTokenId(id: unknown): boolean {
  return (
    typeof id === "string" && id !== "" && id.length <= MOST_SUBJECT_CHARACTERS && !UNSEEN_CHARACTER.test(id)
  );
}

/** As `X-Tenant-Id` is. */
export function isTenant(tenantId: unknown): tenantId is string {
  return typeof tenantId === "string" && isName(tenantId);
}

/** A text with blanks between, or a list. */
function readScopes(claim: unknown): ReadonlySet<string> | undefined {
  const names: unknown = typeof claim === "string" ? claim.split(" ").filter((name) => name !== "") : claim;
  if (!Array.isArray(names)) return undefined;
  const texts = names.filter((name): name is string => typeof name === "string");
  return texts.length === names.length ? new Set(texts) : undefined;
}

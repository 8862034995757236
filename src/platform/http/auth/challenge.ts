import type { Scope } from "./scopes.ts";
import type { TokenCode } from "./verify-token.ts";

const REALM = 'Bearer realm="ballast"';

const DESCRIPTIONS: Readonly<Record<TokenCode, string | null>> = {
  // RFC 6750, 3: who sent no token is told no error.
  UNAUTHENTICATED: null,
  TOKEN_INVALID: "the token is not valid here",
  TOKEN_EXPIRED: "the token has expired",
};

/** `WWW-Authenticate` of a 401 after RFC 6750. */
export function bearerChallenge(code: TokenCode): string {
  const description = DESCRIPTIONS[code];
  return description === null ? REALM : `${REALM}, error="invalid_token", error_description="${description}"`;
}

/** `WWW-Authenticate` of a 403 for want of a scope. */
export function scopeChallenge(scopes: readonly Scope[]): string {
  return `${REALM}, error="insufficient_scope", scope="${scopes.join(" ")}"`;
}

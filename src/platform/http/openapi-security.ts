/** Tokens in the OpenAPI document: what checks them is `auth/`. */
import { FORBIDDEN } from "./auth/authorization.ts";
import { ISSUER_UNAVAILABLE, TENANT_MISMATCH, UNAUTHENTICATED_PROBLEMS } from "./auth/authentication.ts";
import { HOST_NOT_ALLOWED } from "./auth/own-hosts.ts";
import { scopesOf, type RouteScope } from "./auth/scopes.ts";
import { OUTCOME_UNKNOWN } from "./failures.ts";
import type { Problems } from "./openapi-problems.ts";

type SecurityRequirement = Readonly<Record<string, string[]>>;

export const SECURITY_SCHEMES = {
  bearerAuth: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description:
      "With AUTH_MODE=jwt. Each operation lists the scope that the token needs; of several entries, one, as the body says.",
  },
} as const;

/** The scopes that an operation asks for: each entry is one way to get in. Empty: no token is needed. */
export function securityOf(scope: RouteScope | undefined): SecurityRequirement[] {
  if (scope === undefined || scope === "public") return [];
  const scopes = scopesOf(scope);
  return scopes.length === 0 ? [{ bearerAuth: [] }] : scopes.map((name) => ({ bearerAuth: [name] }));
}

/** Instead of a 403 that could not be recorded, beside what every route may say of the database. */
const UNRECORDED: Problems = [{ status: 503, detail: "DATABASE_BUSY" }, OUTCOME_UNKNOWN];

/** What a caller may be told ahead of the route. */
export function accessProblems(scope: RouteScope | undefined): Problems {
  if (scope === undefined) return [];
  if (scope === "public") return [HOST_NOT_ALLOWED];
  const lack = scopesOf(scope).length === 0 ? [] : [FORBIDDEN];
  const refusals = [...lack, TENANT_MISMATCH, HOST_NOT_ALLOWED];
  return [...UNAUTHENTICATED_PROBLEMS, ...refusals, ISSUER_UNAVAILABLE, ...UNRECORDED];
}

/** What a token may be allowed to do. The README says who needs which. */
export const SCOPES = [
  "rebalance:run",
  "rebalance:read",
  "rebalance:review",
  "proposals:write",
  "proposals:read",
  "proposals:approve:risk",
  "proposals:approve:compliance",
  "proposals:approve:consent",
  "proposals:execute",
  "policies:read",
  "policies:admin",
  "operations:manage",
  "waves:run",
  "waves:read",
  "events:read",
  "actor:delegate",
  "audit:read",
  "metrics:read",
] as const;

export type Scope = (typeof SCOPES)[number];

/**
 * What a route asks of a token: one scope; one of several, where the body says which (its `preHandler` asks
 * `lackOf`); any valid token; or `public`, none at all.
 */
export type RouteScope = Scope | readonly Scope[] | "authenticated" | "public";

declare module "fastify" {
  interface FastifyContextConfig {
    /** A route without one stops the start. */
    scope?: RouteScope;
  }
}

/** The scopes one of which a caller needs to get past the door of a route. */
export function scopesOf(scope: RouteScope | undefined): readonly Scope[] {
  if (scope === undefined || scope === "authenticated" || scope === "public") return [];
  return typeof scope === "string" ? [scope] : scope;
}

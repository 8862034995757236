import type { FastifyRequest, RouteOptions } from "fastify";
import fp from "fastify-plugin";
import type { ProblemDetails } from "../problem.ts";
import { ProblemError } from "../problems.ts";
import { scopeChallenge } from "./challenge.ts";
import { scopesOf, type Scope } from "./scopes.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Why nobody is known to ask, or not for this tenant; answered on a route that is not public. */
    authenticationProblem: ProblemDetails | null;
  }
}

export const FORBIDDEN = { status: 403, detail: "FORBIDDEN" } as const;

/**
 * Refuses who is not known, asks for another tenant's data, or lacks the scope in `config.scope` of the route, before
 * anything else can answer. A route that declares none stops the start. Goes ahead of all routes.
 */
export const authorization = fp(
  (app, _options, done) => {
    app.decorateRequest("authenticationProblem", null);
    const routes: RouteOptions[] = [];
    app.addHook("onRoute", (route) => void routes.push(route));
    app.addHook("onReady", (ready) => {
      ready(undeclaredScopes(routes));
    });
    app.addHook("onRequest", (request, _reply, next) => {
      const refusal = refusalAtDoor(request);
      next(refusal === undefined ? undefined : new ProblemError(refusal));
    });
    done();
  },
  { name: "authorization", dependencies: ["request-context", "problems"] },
);

/** Looked for when all plugins are loaded: the plugin of a group may give its routes their scope. */
function undeclaredScopes(routes: readonly RouteOptions[]): Error | undefined {
  const names = routes
    .filter(({ config }) => config?.scope === undefined)
    .map(({ method, url }) => `${[method].flat().join(", ")} ${url}`);
  return names.length === 0 ? undefined : new Error(`routes without a scope: ${names.join("; ")}`);
}

function refusalAtDoor(request: FastifyRequest): ProblemDetails | undefined {
  const { scope } = request.routeOptions.config;
  if (scope === "public") return undefined;
  if (request.authenticationProblem) return request.authenticationProblem;
  const { caller } = request.context;
  const scopes = scopesOf(scope);
  // Without a caller, tokens are not asked for.
  const mayPass = caller === null || scopes.length === 0 || scopes.some((name) => caller.scopes.has(name));
  return mayPass ? undefined : forbidden(scopes);
}

/**
 * What a caller without all of these scopes is told. In the `preHandler` of a route whose scope its body says: ahead of all
 * that could answer, a stored answer included.
 */
export function lackOf(
  scopes: readonly Scope[],
  { context: { caller } }: Pick<FastifyRequest, "context">,
): Error | undefined {
  const hasAll = caller === null || scopes.every((scope) => caller.scopes.has(scope));
  return hasAll ? undefined : new ProblemError(forbidden(scopes));
}

function forbidden(scopes: readonly Scope[]): ProblemDetails {
  return { ...FORBIDDEN, requiredScopes: scopes, headers: { "www-authenticate": scopeChallenge(scopes) } };
}

import type { FastifyInstance } from "fastify";
import * as z from "zod";

export type RegisteredRoute = { readonly method: string; readonly url: string };

/** A line of the tree that Fastify prints: indent, the part of the path, and its methods. */
const BRANCH = /^([│ ]*)(?:├── |└── )(.*?)(?: \(([A-Z, ]+)\))?$/;
const INDENT = 4;

/** Every method of every path that a built application routes, hidden ones and HEAD included. */
export function registeredRoutes(app: FastifyInstance): RegisteredRoute[] {
  const path: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => {
      const [, indent = "", part = "", methods = ""] = BRANCH.exec(line) ?? [];
      path.splice(indent.length / INDENT, Infinity, part);
      const url = path.join("");
      return methods === "" ? [] : methods.split(", ").map((method) => ({ method, url }));
    });
}

const Documented = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        operationId: z.string(),
        security: z.array(z.object({ bearerAuth: z.array(z.string()) })),
        responses: z.record(z.string(), z.unknown()),
      }),
    ),
  ),
});

export function documentedOperations(app: FastifyInstance) {
  const { paths } = Documented.parse(app.swagger());
  return Object.values(paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId, security }) => ({
      name: operationId,
      scopes: security.flatMap(({ bearerAuth }) => bearerAuth),
      isPublic: security.length === 0,
    })),
  );
}

/** The only routes that the document leaves out. */
const DOCS = /^\/($|(docs|openapi\.json)(\/|$))/;

/** All that the application routes, with the scopes that the document tells of; every parameter is `x`. */
export function documentedRoutes(app: FastifyInstance) {
  const { paths } = Documented.parse(app.swagger());
  return registeredRoutes(app).map(({ method, url }) => {
    const path = url.replaceAll(/:(\w+)/g, "{$1}");
    const operation = paths[path]?.[method === "HEAD" ? "get" : method.toLowerCase()];
    return {
      name: `${method} ${url}`,
      method: method as "GET",
      url: url.replaceAll(/:\w+/g, "x"),
      scopes: operation?.security.flatMap(({ bearerAuth }) => bearerAuth) ?? [],
      isPublic: operation === undefined ? DOCS.test(url) : operation.security.length === 0,
      hasBody: method !== "HEAD",
      statuses: Object.keys(operation?.responses ?? {}),
    };
  });
}

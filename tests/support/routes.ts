import type { FastifyInstance } from "fastify";

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

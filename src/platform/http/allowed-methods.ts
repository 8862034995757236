import fp from "fastify-plugin";
import findMyWay from "find-my-way";

/**
 * Answers what no route takes: 405 with `Allow` where the path has other methods, else 404. Paths are looked up as Fastify
 * does it, in a router for each method, because Fastify's own cannot be asked. Goes ahead of all routes.
 */
export const allowedMethods = fp<{ readonly maxParamLength: number }>(
  (app, { maxParamLength }, done) => {
    const routers = new Map<string, ReturnType<typeof findMyWay>>();
    app.addHook("onRoute", ({ method: methods, url }) => {
      for (const method of [methods].flat()) {
        const router = routers.get(method) ?? findMyWay({ maxParamLength });
        routers.set(method, router);
        router.on("GET", url, () => undefined);
      }
    });
    app.setNotFoundHandler((request, reply) => {
      const allowed = [...routers].filter(([, router]) => router.find("GET", request.url) !== null);
      if (allowed.length === 0) return reply.problem({ status: 404, detail: "ROUTE_NOT_FOUND" });
      const allow = allowed.map(([method]) => method).toSorted();
      return reply.problem({
        status: 405,
        detail: "METHOD_NOT_ALLOWED",
        headers: { allow: allow.join(", ") },
      });
    });
    done();
  },
  { name: "allowed-methods", dependencies: ["problems"] },
);

import swaggerUi from "@fastify/swagger-ui";
import type { FastifyPluginAsync } from "fastify";
import { JSON_TYPE } from "../../platform/http/problem.ts";

export type DocsOptions = { readonly isPublic: boolean };

/** The OpenAPI document at `/openapi.json`, and at `/docs` as pages to try it on. */
export const docs: FastifyPluginAsync<DocsOptions> = async (app, { isPublic }) => {
  const scope = isPublic ? "public" : "authenticated";
  app.addHook("onRoute", (route) => {
    Object.assign(route, { config: { ...route.config, scope } });
  });
  let text: string | undefined;
  app.get("/openapi.json", { schema: { hide: true } }, (_request, reply) => {
    text ??= JSON.stringify(app.swagger());
    return reply.type(JSON_TYPE).send(text);
  });
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: true });
};

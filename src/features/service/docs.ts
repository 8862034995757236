import swaggerUi from "@fastify/swagger-ui";
import type { FastifyPluginAsync } from "fastify";
import { JSON_TYPE } from "../../platform/http/problem.ts";

/** The OpenAPI document at `/openapi.json`, and at `/docs` as pages to try it on. */
export const docs: FastifyPluginAsync = async (app) => {
  let text: string | undefined;
  app.get("/openapi.json", { schema: { hide: true } }, (_request, reply) => {
    text ??= JSON.stringify(app.swagger());
    return reply.type(JSON_TYPE).send(text);
  });
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: true });
};

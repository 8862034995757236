import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import type { OpenAPIV3 } from "openapi-types";
import type { OpenApiDocument } from "../../platform/http/openapi.ts";
import { JSON_TYPE } from "../../platform/http/problem.ts";

/** Serves the document at `/openapi.json`, and at `/docs` as pages to try it on. */
export async function addDocs(app: FastifyInstance, document: OpenApiDocument): Promise<void> {
  const text = JSON.stringify(document);
  app.get("/openapi.json", (_request, reply) => reply.type(JSON_TYPE).send(text));
  // The types of the plugin know no 3.1; it hands out any document as it is.
  const specification = { document: document as unknown as OpenAPIV3.Document };
  await app.register(swagger, { mode: "static", specification });
  await app.register(swaggerUi, { routePrefix: "/docs", staticCSP: true });
}

import type { FastifyInstance } from "fastify";
import { databaseUse } from "./platform/database/database.ts";
import { openApiDocument, type OpenApiDocument } from "./platform/http/openapi.ts";
import type { Route } from "./platform/http/route.ts";
import { addRoute, createServer } from "./platform/http/server.ts";
import { watchPools, watchProcess } from "./platform/metrics.ts";
import { addDocs } from "./features/service/docs.ts";
import { readinessCheck, type Lifecycle } from "./features/service/readiness.ts";
import { serviceRoutes } from "./features/service/routes.ts";
import { readVersion } from "./config/version.ts";
import type { Surroundings } from "./surroundings.ts";
import { featureRoutes, type Features } from "./wiring.ts";

export type AppDeps = Surroundings & { readonly features: Features; readonly lifecycle: Lifecycle };

/** The whole HTTP service, not yet listening. Does no I/O. */
export async function buildApp(deps: AppDeps): Promise<FastifyInstance> {
  const { config, log, metrics, database, replica } = deps;
  const strictness = config.contract;
  const app = createServer({
    log,
    metrics,
    strictness,
    maxBodyBytes: config.server.maxBodyBytes,
    requestDeadlineMs: config.server.requestDeadlineMs,
  });
  watchProcess(metrics);
  watchPools(metrics, {
    primary: () => databaseUse(database),
    ...(replica === database ? {} : { replica: () => databaseUse(replica) }),
  });
  const routes = allRoutes(deps);
  for (const route of routes) addRoute(app, route, strictness);
  await addDocs(app, apiDocument(routes));
  return app;
}

/** Every route of the service, features first. */
export function allRoutes(deps: AppDeps): Route[] {
  const { log, metrics, database, features, lifecycle } = deps;
  const checkReady = readinessCheck(database, lifecycle);
  const service = { log, metrics, version: readVersion(), checkReady };
  return [...featureRoutes(deps, features), ...serviceRoutes(service)];
}

/** The contract as an OpenAPI document. */
export function apiDocument(routes: readonly Route[]): OpenApiDocument {
  return openApiDocument(routes, { title: "Ballast", version: readVersion(), description: ABOUT });
}

const ABOUT = `Durable private-bank portfolio work: discretionary rebalances and advisory proposals. Every write is stored
exactly once; a repeated request with the same Idempotency-Key gets the stored answer, byte for byte. Decimals are texts
on the way out, and texts or JSON numbers on the way in. Errors are RFC 9457 problems whose \`detail\` is a stable code.`;

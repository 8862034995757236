import type { FastifyInstance, FastifyPluginOptions } from "fastify";
import type { UnknownFields } from "../../src/contract/faults.ts";
import { allowedMethods } from "../../src/platform/http/allowed-methods.ts";
import { auth } from "../../src/platform/http/auth/auth.ts";
import type { AuthSettings } from "../../src/platform/http/auth/settings.ts";
import { requestContext } from "../../src/platform/http/context.ts";
import { crossOrigin } from "../../src/platform/http/cross-origin.ts";
import { idempotencyKey, type KeyRequirement } from "../../src/platform/http/idempotency-key.ts";
import { idempotentReply } from "../../src/platform/http/idempotent-reply.ts";
import { openApi } from "../../src/platform/http/openapi.ts";
import { problems } from "../../src/platform/http/problems.ts";
import { requestBody } from "../../src/platform/http/request-body.ts";
import { requestDeadline } from "../../src/platform/http/request-deadline.ts";
import { requestHead } from "../../src/platform/http/request-head.ts";
import { requestLog } from "../../src/platform/http/request-log.ts";
import { createServer, MOST_PARAM_CHARACTERS } from "../../src/platform/http/server.ts";
import { strictJson } from "../../src/platform/http/strict-json.ts";
import { validation, type FeaturePlugin } from "../../src/platform/http/validation.ts";
import { inlineCalculations } from "../../src/platform/threads.ts";
import { createLog, type Log } from "../../src/platform/log.ts";
import { createMetrics, type Metrics } from "../../src/platform/metrics.ts";

export type ServeOptions = {
  readonly log?: Log;
  readonly metrics?: Metrics;
  readonly unknownFields?: UnknownFields;
  readonly requirement?: KeyRequirement;
  readonly maxBodyBytes?: number;
  readonly maxBodyBytesInFlight?: number;
  readonly requestDeadlineMs?: number;
  readonly longestDeadlineMs?: number;
  readonly maxConnections?: number;
  /** Left out: nobody is asked for a token, and routes need no scope. */
  readonly auth?: AuthSettings;
  readonly requestsPerMinute?: number;
  readonly corsOrigins?: readonly string[];
};

/** A server with the platform's plugins and these routes, as `src/app.ts` puts them together. */
export async function serve(
  routes: FeaturePlugin<FastifyPluginOptions>,
  options: ServeOptions = {},
): Promise<FastifyInstance> {
  const { log = createLog("silent"), metrics = createMetrics() } = options;
  const { unknownFields = "refuse", requirement = "all" } = options;
  const { maxBodyBytes = 1_000, requestDeadlineMs = 5_000, maxConnections = 1_000 } = options;
  const { maxBodyBytesInFlight = 1_000_000, longestDeadlineMs = requestDeadlineMs } = options;
  const { requestsPerMinute = 0, corsOrigins = [] } = options;
  const app = createServer({ log, metrics, maxBodyBytes, longestDeadlineMs, maxConnections });
  await app.register(requestContext);
  await app.register(problems);
  await app.register(requestLog, { log, metrics });
  await app.register(requestDeadline, { requestDeadlineMs });
  await app.register(requestHead);
  await app.register(crossOrigin, { origins: corsOrigins });
  if (options.auth !== undefined)
    await app.register(auth, { settings: options.auth, requestsPerMinute, log, metrics });
  await app.register(requestBody, { maxBodyBytes, maxBodyBytesInFlight, requestDeadlineMs });
  await app.register(allowedMethods, { maxParamLength: MOST_PARAM_CHARACTERS });
  await app.register(idempotentReply, { metrics });
  await app.register(openApi, {
    info: { title: "Test", version: "1", description: "" },
    servers: [],
    tags: [],
  });
  await app.register(async (api) => {
    await api.register(strictJson);
    await api.register(idempotencyKey, { requirement });
    await api.register(validation, { unknownFields, calculations: inlineCalculations });
    await api.register(routes);
  });
  return app;
}

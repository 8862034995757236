import * as z from "zod";
import { anyObject } from "../../contract/scalars.ts";
import { canonicalJson } from "../../platform/json/canonical-json.ts";
import { problemReply, type Reply } from "../../platform/http/problem.ts";
import { route, type Route } from "../../platform/http/route.ts";
import type { Log } from "../../platform/log.ts";
import type { Metrics } from "../../platform/metrics.ts";
import { Liveness, Readiness } from "./schemas.ts";

export type ReadinessCheck = Readiness["checks"][number];

export type ServiceDeps = {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly version: string;
  /** Whether requests can be served: database reachable, schema at the expected version. Must end by itself. */
  readonly checkReady: () => Promise<ReadinessCheck[]>;
};

const TAG = "Service";
/** Probes may add what they like to their URL. */
const query = anyObject;
const RETRY_AFTER_SECONDS = 5;
const NOT_READY = { status: 503, detail: "NOT_READY" } as const;

/** What operators and orchestrators ask. */
export function serviceRoutes(deps: ServiceDeps): Route[] {
  return [
    livenessRoute("/health", "getHealth", deps),
    livenessRoute("/health/live", "getLiveness", deps),
    readinessRoute(deps),
    metricsRoute(deps),
  ];
}

function livenessRoute(path: string, operationId: string, { version }: ServiceDeps): Route {
  const alive: Liveness = { status: "ok", version };
  return route({
    method: "GET",
    path,
    operationId,
    tag: TAG,
    query,
    summary: "Whether the process is up",
    answers: { 200: { description: "It is.", schema: Liveness, example: alive } },
    handle: () => Promise.resolve({ status: 200, body: canonicalJson(alive) }),
  });
}

const READY: Readiness = { status: "ready", checks: [{ name: "database", ok: true, reason: null }] };

function readinessRoute({ checkReady, log }: ServiceDeps): Route {
  return route({
    method: "GET",
    path: "/health/ready",
    operationId: "getReadiness",
    tag: TAG,
    query,
    summary: "Whether requests can be served",
    answers: { 200: { description: "They can.", schema: Readiness, example: READY } },
    problems: [NOT_READY],
    handle: async ({ context }): Promise<Reply> => {
      const checks = await checkReady();
      if (checks.every(({ ok }) => ok)) {
        return { status: 200, body: canonicalJson({ status: "ready", checks } satisfies Readiness) };
      }
      log.warn({ checks, correlationId: context.correlationId }, "not ready");
      return problemReply(context, { ...NOT_READY, retryAfterSeconds: RETRY_AFTER_SECONDS });
    },
  });
}

function metricsRoute({ metrics }: ServiceDeps): Route {
  const { registry } = metrics;
  return route({
    method: "GET",
    path: "/metrics",
    operationId: "getMetrics",
    tag: TAG,
    query,
    summary: "Metrics for Prometheus",
    answers: { 200: { description: "Text exposition format.", schema: z.string(), mediaType: "text/plain" } },
    handle: async () => ({
      status: 200,
      body: await registry.metrics(),
      headers: { "content-type": registry.contentType },
    }),
  });
}

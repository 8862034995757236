import type { FastifyReply, FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { logIds, type RequestContext } from "./context.ts";

export type RequestLogOptions = { readonly log: Log; readonly metrics: Pick<Metrics, "requestDuration"> };

/** One line of the log and one observation for each request that was answered. */
export const requestLog = fp<RequestLogOptions>(
  (app, options, done) => {
    app.addHook("onResponse", (request, reply, next) => {
      recordRequest(options, request, reply);
      next();
    });
    done();
  },
  { name: "request-log", dependencies: ["request-context"] },
);

/** The route stands for the path, which holds ids and keys. */
export function recordRequest(
  options: RequestLogOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const { method, context, routeOptions } = request;
  const route = routeOptions.url ?? "none";
  recordAnswer(options, {
    method,
    route,
    status: reply.statusCode,
    milliseconds: reply.elapsedTime,
    context,
  });
}

export type Answered = {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly context: RequestContext;
};

/** The line and the observation, also for what never became a request of Fastify. */
export function recordAnswer(
  { log, metrics }: RequestLogOptions,
  { method, route, status, milliseconds, context }: Answered,
): void {
  metrics.requestDuration.observe({ method, route, status }, milliseconds / 1000);
  const latencyMs = Math.round(milliseconds * 1000) / 1000;
  log.info({ method, route, status, latencyMs, ...logIds(context) }, "request");
}

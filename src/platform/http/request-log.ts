import type { FastifyReply, FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { logIds } from "./context.ts";

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
  { log, metrics }: RequestLogOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const route = request.routeOptions.url ?? "none";
  const { method } = request;
  const status = reply.statusCode;
  const milliseconds = reply.elapsedTime;
  metrics.requestDuration.observe({ method, route, status }, milliseconds / 1000);
  const latencyMs = Math.round(milliseconds * 1000) / 1000;
  log.info({ method, route, status, latencyMs, ...logIds(request.context) }, "request");
}

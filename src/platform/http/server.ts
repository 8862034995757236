import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from "fastify";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { answerClientError, answerConnect } from "./client-errors.ts";
import { receive } from "./context.ts";
import { nodeServer } from "./node-server.ts";
import { sendFailure } from "./problems.ts";
import { recordRequest } from "./request-log.ts";

export type ServerOptions = {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly maxBodyBytes: number;
  /** Longest time that a route takes for its answer, if only with 503. */
  readonly longestDeadlineMs: number;
  readonly maxConnections: number;
};

/** Time for a request to arrive whole: a slow sender must not hold a socket for ever. */
const ARRIVAL_MS = 20_000;
/** Longer than the idle time of usual load balancers, so that it is they who close. */
const KEEP_ALIVE_MS = 72_000;
/** An idempotency key of 255 characters, each escaped. */
export const MOST_PARAM_CHARACTERS = 3 * 255;

/** Fastify with its limits and without a route. */
export function createServer({
  log,
  metrics,
  maxBodyBytes,
  longestDeadlineMs,
  maxConnections,
}: ServerOptions): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = log;
  return fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxBodyBytes,
    serverFactory: (handler) =>
      nodeServer(handler, {
        log,
        maxConnections,
        arrivalMs: ARRIVAL_MS,
        keepAliveMs: KEEP_ALIVE_MS,
        idleMs: ARRIVAL_MS + longestDeadlineMs,
        onConnect: (request, socket) => answerConnect(request, socket, { log, metrics }),
      }),
    forceCloseConnections: "idle",
    // What arrives while the server closes is answered like anything else; then its socket closes.
    return503OnClosing: false,
    routerOptions: { maxParamLength: MOST_PARAM_CHARACTERS },
    // What fails ahead of the router runs no hook and has no decorators.
    frameworkErrors: (error, request, reply) => {
      receive(request, reply);
      sendFailure(error, request, reply);
      recordRequest({ log, metrics }, request, reply);
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, { log, metrics }),
  });
}

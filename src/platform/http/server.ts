import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import fastify, {
  LogController,
  type ConnectionError,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { readContext, type ReadContext, type RequestContext } from "./context.ts";
import { toFailure } from "./failures.ts";
import { JSON_TYPE, problemReply, PROBLEM_TYPE, type Reply } from "./problem.ts";
import { readRequest, type Strictness } from "./read-request.ts";
import type { Route } from "./route.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Filled for every request, also those that no route takes; undefined where Fastify made a bare request. */
    received: ReadContext | null | undefined;
  }
}

export type ServerOptions = {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly maxBodyBytes: number;
  /** Time in which every request is answered, if only with 503. */
  readonly requestDeadlineMs: number;
  readonly strictness: Strictness;
};

/** Time for a request to arrive whole: a slow sender must not hold a socket for ever. */
const ARRIVAL_MS = 20_000;
/** Longer than the idle time of usual load balancers, so that it is they who close. */
const KEEP_ALIVE_MS = 72_000;
/** An idempotency key of 255 characters, each escaped. */
const MOST_PARAM_CHARACTERS = 3 * 255;

/** A server without routes: it answers every request, however malformed, with the problems of the contract. */
export function createServer(options: ServerOptions): FastifyInstance {
  const { maxBodyBytes, requestDeadlineMs } = options;
  const loggerInstance: FastifyBaseLogger = options.log;
  const app: FastifyInstance = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxBodyBytes,
    requestTimeout: ARRIVAL_MS,
    connectionTimeout: ARRIVAL_MS + requestDeadlineMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    handlerTimeout: requestDeadlineMs,
    forceCloseConnections: "idle",
    // What arrives while the server closes is answered like anything else; then its socket closes.
    return503OnClosing: false,
    routerOptions: { maxParamLength: MOST_PARAM_CHARACTERS },
    frameworkErrors: (error, request, reply) => {
      sendFailure(error, request, reply);
      // No hook runs for what did not get as far as a route.
      record(options, request, reply);
    },
    clientErrorHandler: answerMalformed,
  });
  app.decorateRequest("received", null);
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.removeContentTypeParser(["application/json", "text/plain"]);
  app.addHook("onRequest", (request, reply, done) => {
    receive(request, reply);
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    record(options, request, reply);
    done();
  });
  app.setNotFoundHandler((request, reply) => {
    send(reply, problemReply(receive(request, reply).context, { status: 404, detail: "ROUTE_NOT_FOUND" }));
  });
  app.setErrorHandler((error, request, reply) => void sendFailure(error, request, reply));
  return app;
}

/** The context of a request, made at first sight; its ids are on every answer. */
function receive(request: FastifyRequest, reply: FastifyReply): ReadContext {
  if (request.received) return request.received;
  const received = readContext(request.headers, request.raw.url ?? "/");
  request.received = received;
  const { correlationId, requestId, traceparent } = received.context;
  void reply.headers({ "x-correlation-id": correlationId, "x-request-id": requestId, traceparent });
  return received;
}

/** Registers a declared route. */
export function addRoute(app: FastifyInstance, route: Route, strictness: Strictness): void {
  app.route({
    method: route.method,
    url: route.path.replace(/\{(\w+)\}/g, ":$1"),
    handler: async (request, reply) => {
      const received = receive(request, reply);
      if (route.disabledAs !== undefined) {
        return send(reply, problemReply(received.context, { status: 404, detail: route.disabledAs }));
      }
      const reading = readRequest(
        route,
        {
          ...received,
          params: request.params,
          query: request.query,
          body: Buffer.isBuffer(request.body) ? request.body : null,
          contentType: request.headers["content-type"],
          contentEncoding: request.headers["content-encoding"],
        },
        strictness,
      );
      const answer = reading.ok
        ? await route.handle(reading.input)
        : problemReply(received.context, reading.problem);
      return send(reply, answer);
    },
  });
}

/** Sends bytes as they are: no serializer runs. */
function send(reply: FastifyReply, { status, body, headers }: Reply): FastifyReply {
  if (headers !== undefined) void reply.headers(headers);
  void reply.status(status);
  if (body === null) return reply.send();
  if (!reply.hasHeader("content-type"))
    void reply.header("content-type", status >= 400 ? PROBLEM_TYPE : JSON_TYPE);
  return reply.send(body);
}

function sendFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { context } = receive(request, reply);
  const failure = toFailure(error);
  if (failure.isOurs) request.log.error({ err: error, ...idsOf(context) }, "request failed");
  else if (failure.status >= 500) request.log.warn({ err: error, ...idsOf(context) }, "request not served");
  return send(reply, problemReply(context, failure));
}

function idsOf({ tenantId, correlationId, requestId, traceparent }: RequestContext) {
  return { tenantId, correlationId, requestId, traceId: traceparent.slice(3, 35) };
}

/** One line and one observation for each request. The route stands for the path, which holds ids and keys. */
function record({ metrics, log }: ServerOptions, request: FastifyRequest, reply: FastifyReply): void {
  const route = request.routeOptions.url ?? "none";
  const { method } = request;
  const status = reply.statusCode;
  const milliseconds = reply.elapsedTime;
  metrics.requestDuration.observe({ method, route, status }, milliseconds / 1000);
  if (!request.received) return;
  const latencyMs = Math.round(milliseconds * 1000) / 1000;
  log.info({ method, route, status, latencyMs, ...idsOf(request.received.context) }, "request");
}

/** Answers what is no HTTP that the parser takes; there is no request yet, only a socket. */
function answerMalformed(error: ConnectionError, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUS_BY_PARSER_ERROR.get(error.code) ?? 400;
  const { context } = readContext({}, "/");
  const { body } = problemReply(context, {
    status,
    detail: DETAIL_BY_STATUS.get(status) ?? "MALFORMED_REQUEST",
  });
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body ?? "")}`,
    `X-Correlation-Id: ${context.correlationId}`,
    "Connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body ?? ""}`);
}

const STATUS_BY_PARSER_ERROR: ReadonlyMap<string, number> = new Map([
  ["HPE_HEADER_OVERFLOW", 431],
  ["ERR_HTTP_REQUEST_TIMEOUT", 408],
]);

const DETAIL_BY_STATUS: ReadonlyMap<number, string> = new Map([
  [408, "REQUEST_TIMEOUT"],
  [431, "HEADERS_TOO_LARGE"],
]);

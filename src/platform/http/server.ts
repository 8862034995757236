import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import fastify, {
  LogController,
  type ConnectionError,
  type FastifyBaseLogger,
  type FastifyInstance,
} from "fastify";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import { readContext, receive } from "./context.ts";
import { PROBLEM_TYPE, problemText } from "./problem.ts";
import { sendFailure } from "./problems.ts";
import { recordRequest } from "./request-log.ts";

export type ServerOptions = {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly maxBodyBytes: number;
  /** Time in which every request is answered, if only with 503. */
  readonly requestDeadlineMs: number;
};

/** Time for a request to arrive whole: a slow sender must not hold a socket for ever. */
const ARRIVAL_MS = 20_000;
/** Longer than the idle time of usual load balancers, so that it is they who close. */
const KEEP_ALIVE_MS = 72_000;
/** An idempotency key of 255 characters, each escaped. */
const MOST_PARAM_CHARACTERS = 3 * 255;

/** Fastify with its limits and without a route. Bodies arrive as the bytes that they are: `strict-json` reads them. */
export function createServer({
  log,
  metrics,
  maxBodyBytes,
  requestDeadlineMs,
}: ServerOptions): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = log;
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
    // What fails ahead of the router runs no hook and has no decorators.
    frameworkErrors: (error, request, reply) => {
      receive(request, reply);
      sendFailure(error, request, reply);
      recordRequest({ log, metrics }, request, reply);
    },
    clientErrorHandler: answerMalformed,
  });
  app.removeContentTypeParser(["application/json", "text/plain"]);
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  return app;
}

/** Answers what is no HTTP that the parser takes; there is no request yet, only a socket. */
function answerMalformed(error: ConnectionError, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = STATUS_BY_PARSER_ERROR.get(error.code) ?? 400;
  const { context } = readContext({}, "/");
  const body = problemText(context, { status, detail: DETAIL_BY_STATUS.get(status) ?? "MALFORMED_REQUEST" });
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Correlation-Id: ${context.correlationId}`,
    "Connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

const STATUS_BY_PARSER_ERROR: ReadonlyMap<string, number> = new Map([
  ["HPE_HEADER_OVERFLOW", 431],
  ["ERR_HTTP_REQUEST_TIMEOUT", 408],
]);

const DETAIL_BY_STATUS: ReadonlyMap<number, string> = new Map([
  [408, "REQUEST_TIMEOUT"],
  [431, "HEADERS_TOO_LARGE"],
]);

import type { ErrorCode } from "../../contract/error-codes.ts";
import { METHODS, STATUS_CODES, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { ConnectionError } from "fastify";
import { readContext, traceIdOf, type RequestContext } from "./context.ts";
import { arrivingRequest, whenAnswered } from "./node-server.ts";
import { NOSNIFF, PROBLEM_TYPE, problemText } from "./problem.ts";
import { ProblemError } from "./problems.ts";
import { failBody } from "./request-body.ts";
import { recordAnswer, type RequestLogOptions } from "./request-log.ts";

type ClientErrorAnswer = { readonly status: number; readonly detail: ErrorCode };

const MALFORMED: ClientErrorAnswer = { status: 400, detail: "MALFORMED_REQUEST" };

const BY_PARSER_ERROR: ReadonlyMap<string, ClientErrorAnswer> = new Map([
  ["HPE_HEADER_OVERFLOW", { status: 431, detail: "HEADERS_TOO_LARGE" }],
  ["HPE_CHUNK_EXTENSIONS_OVERFLOW", { status: 413, detail: "PAYLOAD_TOO_LARGE" }],
  ["ERR_HTTP_REQUEST_TIMEOUT", { status: 408, detail: "REQUEST_TIMEOUT" }],
]);

/** A broken connection reports each piece that still comes. */
const refused = new WeakSet<Duplex>();

/**
 * Ends a connection over which something came that is no HTTP, or did not come in time. Within a body, its request gets
 * the answer; ahead of one, there is only a socket to write it to, behind the answers that are owed before.
 */
export function answerClientError(
  error: Pick<ConnectionError, "code"> & { readonly rawPacket?: unknown; readonly bytesParsed?: unknown },
  socket: Duplex & { readonly bytesRead?: number },
  options: RequestLogOptions,
): void {
  if (refused.has(socket)) return;
  refused.add(socket);
  if (error.code === "ECONNRESET" || !socket.writable || socket.bytesRead === 0) {
    socket.destroy();
    return;
  }
  const refusal = BY_PARSER_ERROR.get(error.code) ?? MALFORMED;
  const arriving = arrivingRequest(socket);
  if (arriving === undefined) {
    whenAnswered(socket, () => answerOnSocket(socket, refusal, readHead(error), options));
  } else if (!failBody(arriving, new ProblemError(refusal))) {
    // Its answer did not wait for its body.
    whenAnswered(socket, () => socket.destroy());
  }
}

/** CONNECT asks for a tunnel, and Node hands over its socket. */
export function answerConnect(request: IncomingMessage, socket: Duplex, options: RequestLogOptions): void {
  const { context } = readContext(request.headers, "/", request.rawHeaders);
  whenAnswered(socket, () => answerOnSocket(socket, MALFORMED, { method: "CONNECT", context }, options));
}

type Head = { readonly method: string; readonly context: RequestContext };

function answerOnSocket(
  socket: Duplex,
  { status, detail }: ClientErrorAnswer,
  { method, context }: Head,
  options: RequestLogOptions,
): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = problemText(context, { status, detail });
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    `Date: ${new Date().toUTCString()}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Correlation-Id: ${context.correlationId}`,
    `X-Request-Id: ${context.requestId}`,
    `X-Trace-Id: ${traceIdOf(context.traceparent)}`,
    `traceparent: ${context.traceparent}`,
    ...Object.entries(NOSNIFF).map(([name, value]) => `${name}: ${value}`),
    "Connection: close",
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
  recordAnswer(options, { method, route: "none", status, milliseconds: 0, context });
}

const REQUEST_LINE = /^([A-Z-]+) (\/\S*)/;
const HEADER_LINE = /^(x-correlation-id|x-request-id|traceparent|x-tenant-id):[ \t]*(.*?)[ \t]*$/i;
const END_OF_HEAD = "\r\n\r\n";

/** What can be told of a request that the parser gave up: its ids, where they stand in the piece that it stopped in. */
function readHead({
  rawPacket,
  bytesParsed,
}: {
  readonly rawPacket?: unknown;
  readonly bytesParsed?: unknown;
}): Head {
  const text = Buffer.isBuffer(rawPacket) ? rawPacket.toString("latin1") : "";
  const before = text.lastIndexOf(END_OF_HEAD, Number(bytesParsed) - END_OF_HEAD.length);
  const [head = ""] = text.slice(before < 0 ? 0 : before + END_OF_HEAD.length).split(END_OF_HEAD, 1);
  const lines = head.split("\r\n");
  const [, method = "", url = "/"] = REQUEST_LINE.exec(lines[0] ?? "") ?? [];
  const rawHeaders = lines.flatMap((line) => HEADER_LINE.exec(line)?.slice(1) ?? []);
  const headers: Record<string, string> = {};
  for (let at = 0; at < rawHeaders.length; at += 2) {
    headers[rawHeaders[at]?.toLowerCase() ?? ""] = rawHeaders[at + 1] ?? "";
  }
  const { context } = readContext(headers, url, rawHeaders);
  return { method: METHODS.includes(method) ? method : "none", context };
}

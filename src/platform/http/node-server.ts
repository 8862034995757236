import {
  createServer as createNodeServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { Duplex } from "node:stream";
import type { Log } from "../log.ts";

export type NodeServerOptions = {
  readonly log: Log;
  readonly maxConnections: number;
  /** Time in which a request has arrived whole, whoever reads it. */
  readonly arrivalMs: number;
  readonly keepAliveMs: number;
  readonly idleMs: number;
  /** Answers CONNECT, for which Node has no response. */
  readonly onConnect: (request: IncomingMessage, socket: Duplex) => void;
};

/** How often Node looks for requests that did not arrive in time. */
const CHECK_MS = 1_000;
const DROP_NOTICE_MS = 10_000;

/** Node's server, set up so that every request reaches the application and none is answered by Node itself. */
export function nodeServer(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  { log, maxConnections, arrivalMs, keepAliveMs, idleMs, onConnect }: NodeServerOptions,
): Server {
  const server = createNodeServer(
    {
      requireHostHeader: false, // without one, Node's answer would have no body
      connectionsCheckingInterval: CHECK_MS,
      requestTimeout: arrivalMs,
      headersTimeout: arrivalMs,
      keepAliveTimeout: keepAliveMs,
    },
    handler,
  );
  server.maxConnections = maxConnections;
  server.setTimeout(idleMs);
  server.prependListener("request", noteExchange);
  server.on("checkExpectation", (request, response) => server.emit("request", request, response));
  server.on("connect", onConnect);
  let noticedAt = -Infinity;
  server.on("drop", () => {
    if (performance.now() - noticedAt < DROP_NOTICE_MS) return;
    noticedAt = performance.now();
    log.warn({ maxConnections }, "connections are refused: there are as many as MAX_CONNECTIONS");
  });
  return server;
}

/** What goes on over a connection: requests may follow each other before the first is answered. */
type Exchange = { latest: IncomingMessage; readonly open: Set<ServerResponse> };

const exchanges = new WeakMap<Duplex, Exchange>();

function noteExchange(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request;
  const exchange = exchanges.get(socket) ?? { latest: request, open: new Set() };
  exchange.latest = request;
  exchange.open.add(response);
  exchanges.set(socket, exchange);
  response.once("close", () => exchange.open.delete(response));
}

/** The request of a connection that has not arrived whole, if there is one. */
export function arrivingRequest(socket: Duplex): IncomingMessage | undefined {
  const latest = exchanges.get(socket)?.latest;
  return latest?.complete === false ? latest : undefined;
}

/** Calls back when every request that came over the connection is answered: the order of answers is that of requests. */
export function whenAnswered(socket: Duplex, callback: () => void): void {
  const open = exchanges.get(socket)?.open ?? new Set();
  let left = open.size;
  if (left === 0) callback();
  for (const response of open) {
    response.once("close", () => {
      left -= 1;
      if (left === 0) callback();
    });
  }
}

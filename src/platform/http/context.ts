import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import { NOSNIFF, type RequestFault } from "./problem.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Filled for every request, also those that no route takes. */
    context: RequestContext;
    /** What is wrong with the request, as far as it has been read: all of it goes into one answer. */
    faults: RequestFault[];
  }
}

/** Who asks, and the ids that a request is followed by, on the request and on its answer. */
export const requestContext = fp(
  (app, _options, done) => {
    app.decorateRequest("context");
    app.decorateRequest("faults");
    app.addHook("onRequest", (request, reply, next) => {
      receive(request, reply);
      next();
    });
    done();
  },
  { name: "request-context" },
);

/** Reads the headers of the contract, and puts on the answer what every answer has. For what no hook runs for, call it directly. */
export function receive(request: FastifyRequest, reply: FastifyReply): RequestContext {
  const { headers, raw } = request;
  const { context, faults } = readContext(headers, raw.url ?? "/", raw.rawHeaders);
  request.context = context;
  request.faults = faults;
  const { correlationId, requestId, traceparent } = context;
  void reply.headers({
    "x-correlation-id": correlationId,
    "x-request-id": requestId,
    "x-trace-id": traceIdOf(traceparent),
    traceparent,
    ...NOSNIFF,
  });
  return context;
}

/** The trace id of a W3C trace context. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}

/** The ids of a request and of who sent it, as they stand in each line of the log about it. */
export function logIds({ tenantId, correlationId, requestId, traceparent, caller }: RequestContext) {
  const who = caller === null ? {} : { subject: caller.subject, tokenId: caller.tokenId };
  return { tenantId, correlationId, requestId, traceId: traceIdOf(traceparent), ...who };
}

/** Who asks, as the token says: all of it that is kept. */
export type Caller = {
  readonly subject: string;
  readonly tokenId: string | null;
  readonly scopes: ReadonlySet<string>;
  /** Until when its token is good, in seconds since 1970. */
  readonly expiresAt: number;
};

/** Who asks, and the ids that a request is followed by. Every route gets it. */
export type RequestContext = {
  /** The token's; where none is asked for, the header's. */
  readonly tenantId: string;
  /** Null where no token is asked for. */
  readonly caller: Caller | null;
  /** The caller's, or one made for this request. */
  readonly correlationId: string;
  /** Null when the caller sent none. */
  readonly givenCorrelationId: string | null;
  readonly requestId: string;
  /** W3C trace context, the caller's or the start of one. */
  readonly traceparent: string;
  readonly idempotencyKey: string | null;
  readonly policyPackId: string | null;
  readonly tenantPolicyPackId: string | null;
  readonly ifMatch: string | null;
  readonly ifNoneMatch: string | null;
  /** The path of the request without its query, which problems name. */
  readonly instance: string;
};

/** Of a use case: whom a token names, if any. */
export type Authenticated = { readonly caller: Pick<Caller, "subject"> | null };

/** The name that is recorded beside an actor; null where no token says who asks. */
export function subjectOf({ caller }: Authenticated): string | null {
  return caller?.subject ?? null;
}

/** Of a route that is not reached without a key. */
export type KeyedContext = RequestContext & { readonly idempotencyKey: string };

export function keyed(context: RequestContext): KeyedContext {
  const { idempotencyKey } = context;
  if (idempotencyKey === null) throw new Error(`${context.instance} was reached without an Idempotency-Key`);
  return { ...context, idempotencyKey };
}

export type ReadContext = { readonly context: RequestContext; readonly faults: RequestFault[] };

const VISIBLE = /^[\x21-\x7e]+$/;
const MOST_CHARACTERS = 128;
const MOST_KEY_CHARACTERS = 255;
const DEFAULT_TENANT = "default";

/** Version 00 of https://www.w3.org/TR/trace-context/: ids of zeros are invalid. */
const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Headers that mean one thing: of two, one would be ignored or both joined. With the code of what is wrong in them. */
const SENT_ONCE: ReadonlyMap<string, { readonly name: string; readonly code: string }> = new Map(
  [
    { name: "Idempotency-Key", code: "IDEMPOTENCY_KEY_INVALID" },
    ...[
      "X-Tenant-Id",
      "X-Correlation-Id",
      "X-Policy-Pack-Id",
      "X-Tenant-Policy-Pack-Id",
      "If-Match",
      "If-None-Match",
      "Content-Type",
    ].map((name) => ({ name, code: "HEADER_INVALID" })),
  ].map((header) => [header.name.toLowerCase(), header]),
);

/**
 * Reads the headers of the contract. What is wrong in them is returned, and replaced for the sake of the answer.
 * `rawHeaders` are the lines as they came, by which a header that was sent twice is told.
 */
export function readContext(
  received: IncomingHttpHeaders,
  url: string,
  rawHeaders: readonly string[] = [],
): ReadContext {
  const { headers, faults } = withoutRepeated(received, rawHeaders);
  const correlation = readName(headers, "X-Correlation-Id", faults);
  const requestId = header(headers, "x-request-id");
  const traceparent = header(headers, "traceparent");
  const context = {
    tenantId: readName(headers, "X-Tenant-Id", faults) ?? DEFAULT_TENANT,
    caller: null,
    correlationId: correlation ?? `corr_${randomHex(12)}`,
    givenCorrelationId: correlation,
    requestId: requestId !== null && isName(requestId) ? requestId : `req_${randomHex(12)}`,
    traceparent: traceparent !== null && TRACEPARENT.test(traceparent) ? traceparent : newTraceparent(),
    idempotencyKey: readKey(headers, faults),
    policyPackId: readName(headers, "X-Policy-Pack-Id", faults),
    tenantPolicyPackId: readName(headers, "X-Tenant-Policy-Pack-Id", faults),
    ifMatch: header(headers, "if-match"),
    ifNoneMatch: header(headers, "if-none-match"),
    instance: pathOf(url),
  };
  return { context, faults };
}

function withoutRepeated(headers: IncomingHttpHeaders, rawHeaders: readonly string[]) {
  const repeated = new Set<string>();
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? "";
    if (SENT_ONCE.has(name) && seen.has(name)) repeated.add(name);
    seen.add(name);
  }
  const faults = [...repeated].flatMap((key): RequestFault[] => {
    const header = SENT_ONCE.get(key);
    if (header === undefined) return [];
    return [{ part: "header", path: [header.name], msg: "must be sent once", code: header.code }];
  });
  if (repeated.size === 0) return { headers, faults };
  const once = Object.entries(headers).filter(([name]) => !repeated.has(name));
  return { headers: Object.fromEntries(once), faults };
}

function header(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === "string" ? value : null;
}

export function isName(value: string): boolean {
  return value.length <= MOST_CHARACTERS && VISIBLE.test(value);
}

function readName(headers: IncomingHttpHeaders, name: string, faults: RequestFault[]): string | null {
  const value = header(headers, name.toLowerCase());
  if (value === null || isName(value)) return value;
  const msg = `must be 1 to ${MOST_CHARACTERS} visible ASCII characters`;
  faults.push({ part: "header", path: [name], msg, code: "HEADER_INVALID" });
  return null;
}

function readKey(headers: IncomingHttpHeaders, faults: RequestFault[]): string | null {
  const value = header(headers, "idempotency-key");
  if (value === null || (value.length <= MOST_KEY_CHARACTERS && VISIBLE.test(value))) return value;
  const msg = `must be 1 to ${MOST_KEY_CHARACTERS} visible ASCII characters`;
  faults.push({ part: "header", path: ["Idempotency-Key"], msg, code: "IDEMPOTENCY_KEY_INVALID" });
  return null;
}

function newTraceparent(): string {
  return `00-${randomHex(32)}-${randomHex(16)}-01`;
}

/** At most 32 digits. The end of a UUID is random, its middle is not wholly. */
function randomHex(digits: number): string {
  return randomUUID().replaceAll("-", "").slice(-digits);
}

function pathOf(url: string): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

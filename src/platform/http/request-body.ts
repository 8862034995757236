import type { IncomingMessage } from "node:http";
import { errorCodes, type FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import { BodyType, MOST_INLINE_BYTES } from "../body-type.ts";
import { OVERLOADED } from "./failures.ts";
import { ProblemError } from "./problems.ts";
import { NOT_IN_TIME, StreamedBody } from "./streamed-body.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** What the body holds of the memory that all bodies share. */
    bodyShare: BodyShare;
  }
}

export type RequestBodyOptions = {
  /** Of bodies that are a `BodyType`; others have the bytes that are read in the thread that serves HTTP. */
  readonly maxBodyBytes: number;
  /** Bytes of bodies at once, under way or in work; what would be more is refused. */
  readonly maxBodyBytesInFlight: number;
  /** Time in which every request is answered. */
  readonly requestDeadlineMs: number;
};

/** Bytes that bodies hold, all together. */
export type BodyMemory = { readonly most: number; held: number };

/** What one body holds of it. */
export type BodyShare = { readonly memory: BodyMemory; bytes: number };

/** The share of a request's time in which its body arrives: who is late is told so ahead of the 503 of a late handler. */
const ARRIVAL_SHARE = 5 / 8;

/**
 * Bodies arrive as the bytes that they are: `strict-json` reads them. Their bytes count from when they arrive until the
 * answer has gone, so that they bound what the work on them takes too. An announced length is not counted: callers who
 * announce much and send nothing would keep all others out.
 */
export const requestBody = fp<RequestBodyOptions>(
  (app, { maxBodyBytes, maxBodyBytesInFlight, requestDeadlineMs }, done) => {
    const memory: BodyMemory = { most: maxBodyBytesInFlight, held: 0 };
    const deadlineMs = requestDeadlineMs * ARRIVAL_SHARE;
    app.addHook("onRoute", (route) => {
      const isReadInThread = route.schema?.body instanceof BodyType;
      route.bodyLimit ??= isReadInThread ? maxBodyBytes : Math.min(maxBodyBytes, MOST_INLINE_BYTES);
    });
    app.decorateRequest("bodyShare");
    app.addHook("onRequest", (request, reply, next) => {
      const share = { memory, bytes: 0 };
      request.bodyShare = share;
      reply.raw.once("close", () => {
        // An error is not made for each of the many requests whose body has long been read.
        underWay.get(request.raw)?.(new Error("the request is over"));
        release(share);
      });
      next();
    });
    app.removeContentTypeParser(["application/json", "text/plain"]);
    app.addContentTypeParser("*", ({ bodyShare, routeOptions }: FastifyRequest, message: IncomingMessage) =>
      routeOptions.schema?.body instanceof StreamedBody
        ? Promise.resolve(message)
        : readBody(message, { maxBytes: routeOptions.bodyLimit, deadlineMs }, bodyShare),
    );
    done();
  },
  { name: "request-body", dependencies: ["problems"] },
);

export type BodyLimits = {
  readonly maxBytes: number;
  /** Time in which a body arrives whole. */
  readonly deadlineMs: number;
};

/**
 * What each body may hold beside the memory that all share: small requests get through while large ones have taken it. How
 * many there are is bounded by the connections.
 */
const FREE_BYTES = 16_384;

/**
 * Reads the body of a request. Rejects when it is too large, does not arrive in time, or there is no memory for it; ahead
 * of its first byte where its length says so. What is read stays counted in its share.
 */
export function readBody(message: IncomingMessage, limits: BodyLimits, share: BodyShare): Promise<Buffer> {
  const expected = Number(message.headers["content-length"]) || limits.maxBytes;
  if (expected > limits.maxBytes) return Promise.reject(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
  if ("content-length" in message.headers && !hasRoom(share, expected)) {
    return Promise.reject(new ProblemError(OVERLOADED));
  }
  return new Promise((resolve, reject) => {
    const body = { buffer: Buffer.alloc(0), length: 0, most: expected };
    const end = (settle: () => void) => {
      clearTimeout(timer);
      message.off("data", onData).off("end", onEnd).off("error", fail);
      underWay.delete(message);
      settle();
    };
    const fail = (error: Error) =>
      end(() => {
        release(share);
        reject(error);
      });
    const onEnd = () => end(() => resolve(body.buffer.subarray(0, body.length)));
    const onData = (chunk: Buffer) => {
      if (body.length + chunk.length > limits.maxBytes) fail(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
      else if (!append(body, chunk, share)) fail(new ProblemError(OVERLOADED));
    };
    const timer = setTimeout(() => fail(new ProblemError(NOT_IN_TIME)), limits.deadlineMs);
    underWay.set(message, fail);
    message.on("data", onData).on("end", onEnd).on("error", fail);
  });
}

/** Ends the reading of a body that has not arrived whole. False: nobody reads one from this request. */
export function failBody(message: IncomingMessage, error: Error): boolean {
  const fail = underWay.get(message);
  fail?.(error);
  return fail !== undefined;
}

const underWay = new WeakMap<IncomingMessage, (error: Error) => void>();

type Body = { buffer: Buffer; length: number; readonly most: number };

/**
 * Copies a chunk behind what is there. One growing buffer, because a chunk is as small as its sender likes and costs a
 * hundred bytes beside its content; growing, because a length is only announced.
 */
function append(body: Body, chunk: Buffer, share: BodyShare): boolean {
  const { buffer, length, most } = body;
  const needed = length + chunk.length;
  if (needed > buffer.length) {
    const size = Math.max(needed, Math.min(2 * buffer.length, most));
    if (!hasRoom(share, size)) return false;
    hold(share, size);
    body.buffer = Buffer.allocUnsafeSlow(size);
    buffer.copy(body.buffer, 0, 0, length);
  }
  chunk.copy(body.buffer, length);
  body.length = needed;
  return true;
}

const shared = (bytes: number) => Math.max(0, bytes - FREE_BYTES);

const heldWith = ({ memory, bytes: before }: BodyShare, bytes: number) =>
  memory.held - shared(before) + shared(bytes);

function hasRoom(share: BodyShare, bytes: number): boolean {
  return heldWith(share, bytes) <= share.memory.most;
}

function hold(share: BodyShare, bytes: number): void {
  share.memory.held = heldWith(share, bytes);
  share.bytes = bytes;
}

/** Counts what a route that reads its body itself holds of it at a time. Throws where there is no memory for it. */
export function holdOfStream(share: BodyShare, bytes: number): void {
  if (!hasRoom(share, bytes)) throw new ProblemError(OVERLOADED);
  hold(share, bytes);
}

function release(share: BodyShare): void {
  hold(share, 0);
}

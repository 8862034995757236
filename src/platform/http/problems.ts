import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import { byteLengthOf, bytesOf, partsOfText, piecesOf, type Text } from "../text-parts.ts";
import { logIds } from "./context.ts";
import { toFailure } from "./failures.ts";
import { JSON_TYPE, PROBLEM_TYPE, problemText, type ProblemDetails } from "./problem.ts";

declare module "fastify" {
  interface FastifyReply {
    /** Sends bytes that are written already: what is stored, hashed and sent is the same. No serializer runs. */
    answer: (body: Text, status?: number) => FastifyReply;
    problem: (details: ProblemDetails) => FastifyReply;
  }
}

/** A problem that ends a request ahead of its handler. */
export class ProblemError extends Error {
  readonly details: ProblemDetails;

  constructor(details: ProblemDetails) {
    super(details.detail);
    this.details = details;
  }
}

/** Characters that are made bytes at once: a millisecond in which nobody else is served. */
const MOST_AT_ONCE = 512 * 1_024;

/** A large answer becomes bytes no faster than its caller takes them. */
function inParts(text: Text): Readable {
  const bytes = function* () {
    for (const part of partsOfText(text)) {
      if (typeof part === "string") for (const piece of piecesOf(part, MOST_AT_ONCE)) yield bytesOf(piece);
      else yield* slicesOf(bytesOf(part));
    }
  };
  return Readable.from(bytes(), { objectMode: false, highWaterMark: MOST_AT_ONCE });
}

function* slicesOf(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += MOST_AT_ONCE) {
    yield bytes.subarray(start, start + MOST_AT_ONCE);
  }
}

/** `reply.answer`, `reply.problem`, and a problem for everything that goes wrong. */
export const problems = fp(
  (app, _options, done) => {
    app.decorateReply("answer", function (body, status = 200) {
      if (!this.hasHeader("content-type")) void this.type(status >= 400 ? PROBLEM_TYPE : JSON_TYPE);
      if (typeof body === "string" && body.length <= MOST_AT_ONCE) return this.code(status).send(body);
      return this.code(status).header("content-length", byteLengthOf(body)).send(inParts(body));
    });
    app.decorateReply("problem", function (details) {
      return sendProblem(this.request, this, details);
    });
    app.setErrorHandler((error, request, reply) => sendFailure(error, request, reply));
    done();
  },
  { name: "problems", dependencies: ["request-context"] },
);

/** Answers an error, and logs what is not the caller's fault. Needs `request.context` and nothing else of ours. */
export function sendFailure(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof ProblemError) return sendProblem(request, reply, error.details);
  const failure = toFailure(error);
  const ids = logIds(request.context);
  if (failure.isOurs) request.log.error({ err: error, ...ids }, "request failed");
  else if (failure.status >= 500) request.log.warn({ err: error, ...ids }, "request not served");
  return sendProblem(request, reply, failure);
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, details: ProblemDetails): FastifyReply {
  const { status, retryAfterSeconds, headers = {} } = details;
  if (retryAfterSeconds !== undefined) void reply.header("retry-after", String(retryAfterSeconds));
  return reply.headers(headers).code(status).type(PROBLEM_TYPE).send(problemText(request.context, details));
}

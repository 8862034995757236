import type { FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import { BodyType, MOST_INLINE_BYTES } from "../body-type.ts";
import { readJsonBody } from "../json/read-json.ts";
import { unsupportedMediaType } from "./failures.ts";
import type { ProblemDetails, RequestFault } from "./problem.ts";
import { ProblemError } from "./problems.ts";
import { isNdjson, StreamedBody } from "./streamed-body.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** A request without a body is as good as one with `{}`. */
    bodyMayBeAbsent?: true;
  }
}

const NOT_JSON = unsupportedMediaType("Content-Type", "must be application/json");
const ENCODED: ProblemDetails = {
  ...unsupportedMediaType("Content-Encoding", "must be left out or identity: encoded bodies are not read"),
  headers: { "accept-encoding": "identity" },
};
const JSON_MEDIA_TYPE = /^application\/(?:[\w.+-]+\+)?json[ \t]*(?:;|$)/i;

/**
 * Turns the bytes of a body into a tree by the strict reader; a route without a body takes an empty one. It is a hook and
 * not a content-type parser: an error of a parser closes the caller's connection.
 */
export const strictJson = fp(
  (app, _options, done) => {
    app.addHook("preValidation", (request, _reply, next) => {
      const bytes = Buffer.isBuffer(request.body) && request.body.length > 0 ? request.body : null;
      const { schema, config } = request.routeOptions;
      if (bytes === null && (schema?.body === undefined || config.bodyMayBeAbsent === true)) {
        request.body = {};
        next();
        return;
      }
      if (schema?.body instanceof StreamedBody) {
        const problem = streamProblem(request);
        next(problem === undefined ? undefined : new ProblemError(problem));
        return;
      }
      const refusal = mediaTypeProblem(request, bytes !== null);
      if (refusal === undefined && bytes !== null && isReadLater(request, bytes)) {
        request.body = bytes;
        next();
        return;
      }
      const body = refusal ?? readBody(bytes);
      if ("status" in body) {
        next(new ProblemError(body));
        return;
      }
      request.body = body.value;
      next();
    });
    done();
  },
  { name: "strict-json", dependencies: ["problems"] },
);

function mediaTypeProblem(request: FastifyRequest, hasBody: boolean): ProblemDetails | undefined {
  const encoded = encodingProblem(request);
  if (encoded !== undefined) return encoded;
  const type = request.headers["content-type"];
  const isRefused = type === undefined ? hasBody : !JSON_MEDIA_TYPE.test(type);
  return isRefused ? NOT_JSON : undefined;
}

/** A body that its route reads: JSON, or a line for each of its parts. */
function streamProblem(request: FastifyRequest): ProblemDetails | undefined {
  if (request.body === undefined) return malformedBody("the body is empty");
  return isNdjson(request.headers["content-type"])
    ? encodingProblem(request)
    : mediaTypeProblem(request, true);
}

function encodingProblem({ headers }: FastifyRequest): ProblemDetails | undefined {
  const encoding = headers["content-encoding"];
  return encoding !== undefined && encoding.toLowerCase() !== "identity" ? ENCODED : undefined;
}

function readBody(bytes: Buffer | null): { readonly value: unknown } | ProblemDetails {
  if (bytes === null) return malformedBody("the body is empty");
  const body = readJsonBody(bytes);
  return body.ok ? { value: body.value } : malformedBody(body.reason);
}

/** A large body of a route that says what kind of body it is: `validation` has it read in another thread. */
function isReadLater({ routeOptions }: FastifyRequest, bytes: Buffer): boolean {
  return bytes.length > MOST_INLINE_BYTES && routeOptions.schema?.body instanceof BodyType;
}

export function malformedBody(reason: string): ProblemDetails {
  const fault: RequestFault = { part: "body", path: [], msg: reason, code: "MALFORMED_JSON" };
  return { status: 400, detail: "MALFORMED_JSON", faults: [fault] };
}

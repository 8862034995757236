import type { FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import { BodyType, MOST_INLINE_BYTES } from "../body-type.ts";
import { readJsonBody } from "../json/read-json.ts";
import { unsupportedMediaType } from "./failures.ts";
import type { ProblemDetails, RequestFault } from "./problem.ts";
import { ProblemError } from "./problems.ts";

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
      if (bytes === null && request.routeOptions.schema?.body === undefined) {
        request.body = {};
        next();
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

function mediaTypeProblem({ headers }: FastifyRequest, hasBody: boolean): ProblemDetails | undefined {
  const { "content-type": type, "content-encoding": encoding } = headers;
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") return ENCODED;
  const isRefused = type === undefined ? hasBody : !JSON_MEDIA_TYPE.test(type);
  return isRefused ? NOT_JSON : undefined;
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

import type { IncomingMessage } from "node:http";
import fp from "fastify-plugin";
import type { ProblemDetails } from "./problem.ts";
import { ProblemError } from "./problems.ts";

/**
 * More header lines than any caller sends, and far fewer than the thousand after which Node drops the rest without a word:
 * a request that passes has all of its headers.
 */
const MOST_HEADER_LINES = 200;

/** What follows may not be what the sender means by it, so the connection is not used again. */
const CLOSED = { connection: "close" };

/** Refuses a request whose head cannot be understood whole. Ahead of everything that acts on a header or the query. */
export const requestHead = fp(
  (app, _options, done) => {
    app.addHook("onRequest", ({ raw }, _reply, next) => {
      const refusal = headProblem(raw);
      next(refusal === undefined ? undefined : new ProblemError(refusal));
    });
    done();
  },
  { name: "request-head", dependencies: ["request-context", "problems", "request-log"] },
);

function headProblem(message: IncomingMessage): ProblemDetails | undefined {
  const { rawHeaders, url = "/" } = message;
  if (rawHeaders.length / 2 > MOST_HEADER_LINES) {
    return { status: 431, detail: "HEADERS_TOO_LARGE", headers: CLOSED };
  }
  return (
    hostProblem(message) ?? expectationProblem(message) ?? (isDecodable(url) ? undefined : MALFORMED_URL)
  );
}

/** RFC 9112, 3.2: HTTP/1.1 needs one Host, and no version may have two. */
function hostProblem({ rawHeaders, httpVersion }: IncomingMessage): ProblemDetails | undefined {
  const hosts = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === "host").length;
  if (hosts === 1 || (hosts === 0 && httpVersion === "1.0")) return undefined;
  const msg = hosts === 0 ? "is required in HTTP/1.1" : "must be sent once";
  return {
    status: 400,
    detail: "MALFORMED_REQUEST",
    headers: CLOSED,
    faults: [{ part: "header", path: ["Host"], msg, code: "HEADER_INVALID" }],
  };
}

/** Node answers 100-continue; HTTP/1.0 has no expectations. */
function expectationProblem({ headers, httpVersion }: IncomingMessage): ProblemDetails | undefined {
  const { expect } = headers;
  if (expect === undefined || httpVersion === "1.0" || expect.toLowerCase() === "100-continue")
    return undefined;
  return {
    status: 417,
    detail: "EXPECTATION_FAILED",
    headers: CLOSED,
    faults: [
      { part: "header", path: ["Expect"], msg: "must be 100-continue or left out", code: "HEADER_INVALID" },
    ],
  };
}

const MALFORMED_URL: ProblemDetails = { status: 400, detail: "MALFORMED_URL" };

/** Fastify sees to escapes in a path, and takes those in a query that are none for plain text. */
function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}

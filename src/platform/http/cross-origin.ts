import cors from "@fastify/cors";
import fp from "fastify-plugin";

/** What a page sends. A test compares these with the document. */
const REQUEST_HEADERS = [
  "Accept-Language",
  "Authorization",
  "Content-Type",
  "Idempotency-Key",
  "If-Match",
  "If-None-Match",
  "Last-Event-ID",
  "X-Tenant-Id",
  "X-Correlation-Id",
  "X-Request-Id",
  "traceparent",
  "X-Policy-Pack-Id",
  "X-Tenant-Policy-Pack-Id",
];

/** What a page may read beside the body. */
const RESPONSE_HEADERS = [
  "X-Correlation-Id",
  "X-Request-Id",
  "X-Trace-Id",
  "traceparent",
  "Idempotent-Replayed",
  "ETag",
  "Allow",
  "Retry-After",
  "RateLimit-Limit",
  "RateLimit-Remaining",
  "RateLimit-Reset",
  "WWW-Authenticate",
];

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"];
/** A browser asks again after this. */
const PREFLIGHT_SECONDS = 600;

/**
 * Lets pages of these origins call from a browser: CORS. Ahead of authentication, as a browser's question whether it may
 * send a request comes without a token. Of other origins nothing is said: their browsers keep the answer from them.
 */
export const crossOrigin = fp<{ readonly origins: readonly string[] }>(
  async (app, { origins }) => {
    if (origins.length === 0) return;
    const allowed = new Set(origins);
    await app.register(cors, {
      origin: (origin, done) => {
        done(null, origin !== undefined && allowed.has(origin) ? origin : false);
      },
      methods: METHODS,
      allowedHeaders: REQUEST_HEADERS,
      exposedHeaders: RESPONSE_HEADERS,
      maxAge: PREFLIGHT_SECONDS,
      // Else an OPTIONS that is no such question is answered with a text that is no problem.
      strictPreflight: false,
    });
  },
  { name: "cross-origin", dependencies: ["request-context", "problems"] },
);

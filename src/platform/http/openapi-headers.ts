/** The headers of every route in the OpenAPI document: what reads them is `context.ts`. */
import { anyText, headerDocs, visibleText, type HeaderDocs } from "./route-docs.ts";

const IDEMPOTENCY_KEY = {
  ...visibleText(
    "Makes the write happen once: the same key with the same payload gets the stored answer, with another payload 409.",
    255,
  ),
  examples: ["rebalance-2026-01-15-0001"],
};

const OF_EVERY_ROUTE = {
  ...headerDocs({
    "X-Tenant-Id": "Whose data it is; without it, the tenant `default`.",
    "X-Correlation-Id": "Stored with what the request creates, and echoed; made if absent.",
  }),
  // What is not of their form is replaced, not refused.
  "X-Request-Id": anyText("Echoed, if it is 1 to 128 visible ASCII characters; otherwise one is made."),
  traceparent: anyText("W3C trace context, version 00: echoed, if it is that; otherwise one is made."),
};

/** All request headers of a route: the key first, then its own, then those of every route. */
export function requestHeaders(own: HeaderDocs | undefined, hasKey: boolean) {
  const key = hasKey ? { "Idempotency-Key": IDEMPOTENCY_KEY } : {};
  const required = Object.keys(key);
  return { type: "object", properties: { ...key, ...own, ...OF_EVERY_ROUTE }, required };
}

export const RESPONSE_HEADERS = {
  ofEveryAnswer: {
    "X-Correlation-Id": anyText("The correlation id of the request."),
    "X-Request-Id": anyText("The id of the request."),
    "X-Trace-Id": anyText("The trace id of `traceparent`."),
    traceparent: anyText("The W3C trace context that the request belongs to."),
  },
  /** Of an answer that was counted (`auth/rate-limit.ts`). */
  rateLimit: {
    "RateLimit-Limit": {
      type: "integer",
      description: "Requests in a minute, where RATE_LIMIT_PER_MINUTE is set.",
    },
    "RateLimit-Remaining": { type: "integer", description: "Requests that are left of them." },
    "RateLimit-Reset": { type: "integer", description: "Seconds until there are as many again." },
  },
  challenge: { "WWW-Authenticate": anyText("How to authenticate, or which scope is lacking.") },
  idempotentReplayed: {
    "Idempotent-Replayed": {
      type: "string",
      enum: ["true"],
      description: "`true`: the stored answer of an earlier request with the same key and payload.",
    },
  },
  allow: { Allow: { type: "string", description: "The methods of the path." } },
  retryAfter: { "Retry-After": { type: "integer", description: "Seconds after which to try again." } },
};

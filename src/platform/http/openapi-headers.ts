/** The headers of every route in the OpenAPI document: what reads them is `context.ts`. */
import { headerDocs, visibleText, type HeaderDocs } from "./route-docs.ts";

const IDEMPOTENCY_KEY = {
  ...visibleText(
    "Makes the write happen once: the same key with the same payload gets the stored answer, with another payload 409.",
    255,
  ),
  examples: ["rebalance-2026-01-15-0001"],
};

const OF_EVERY_ROUTE = headerDocs({
  "X-Tenant-Id": "Whose data it is; without it, the tenant `default`.",
  "X-Correlation-Id": "Stored with what the request creates, and echoed; made if absent.",
  "X-Request-Id": "Echoed; made if absent.",
  traceparent: "W3C trace context; echoed, made if absent.",
});

/** All request headers of a route: the key first, then its own, then those of every route. */
export function requestHeaders(own: HeaderDocs | undefined, hasKey: boolean) {
  const key = hasKey ? { "Idempotency-Key": IDEMPOTENCY_KEY } : {};
  const required = Object.keys(key);
  return { type: "object", properties: { ...key, ...own, ...OF_EVERY_ROUTE }, required };
}

export const RESPONSE_HEADERS = {
  correlationId: {
    "X-Correlation-Id": { type: "string", description: "The correlation id of the request." },
  },
  idempotentReplayed: {
    "Idempotent-Replayed": {
      type: "string",
      enum: ["true"],
      description: "`true`: the stored answer of an earlier request with the same key and payload.",
    },
  },
  retryAfter: { "Retry-After": { type: "integer", description: "Seconds after which to try again." } },
};

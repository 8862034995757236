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

/** On every answer that was counted (`auth/rate-limit.ts`); documented on those that go well, and on 429. */
const RATE_LIMIT_HEADERS = {
  "RateLimit-Limit": "Requests in a minute, where RATE_LIMIT_PER_MINUTE is set.",
  "RateLimit-Remaining": "Requests that are left of them.",
  "RateLimit-Reset": "Seconds until there are as many again.",
};

/** Headers that many answers have, as components. */
export const HEADER_COMPONENTS = Object.fromEntries(
  Object.entries(RATE_LIMIT_HEADERS).map(([name, description]) => [
    name,
    { description, schema: { type: "integer" } },
  ]),
);

export const RESPONSE_HEADERS = {
  /** References: `openapi.ts` puts them where the converter of @fastify/swagger lets none be. */
  rateLimit: Object.fromEntries(
    Object.keys(RATE_LIMIT_HEADERS).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  ),
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
  allow: { Allow: { type: "string", description: "The methods of the path." } },
  retryAfter: { "Retry-After": { type: "integer", description: "Seconds after which to try again." } },
};

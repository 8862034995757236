import rateLimit, { normalizeIP } from "@fastify/rate-limit";
import type { FastifyRequest } from "fastify";
import fp from "fastify-plugin";
import { ProblemError } from "../problems.ts";
import type { AuthSettings } from "./settings.ts";

export type RateLimitOptions = {
  /** 0: there is no limit. */
  readonly perMinute: number;
  readonly mode: AuthSettings["mode"];
  /** Of more callers, or addresses, than this in a minute, those that were quiet longest begin anew. */
  readonly mostCounted?: number;
};

export const RATE_LIMITED = { status: 429, detail: "RATE_LIMITED" } as const;

const MINUTE_MS = 60_000;
const MOST_COUNTED = 10_000;

/**
 * Lets each caller, or each address that nobody is known at, send so many requests in a minute, unless `config.rateLimit` of
 * the route is false. Goes behind authentication and ahead of its refusals: a caller is who the token proves, so nobody uses
 * up the requests of another, and those who are refused are counted by their address. The two are counted apart, so that
 * no number of addresses makes a caller's count forgotten.
 */
export const rateLimits = fp<RateLimitOptions>(
  async (app, { perMinute, mode, mostCounted = MOST_COUNTED }) => {
    if (perMinute === 0) return;
    await app.register(rateLimit, {
      global: false,
      enableDraftSpec: true,
      max: perMinute,
      timeWindow: MINUTE_MS,
      errorResponseBuilder: (_request, { ttl }) =>
        new ProblemError({ ...RATE_LIMITED, retryAfterSeconds: Math.ceil(ttl / 1_000) }),
    });
    const addressKey = mode === "none" ? addressAndTenantOf : addressOf;
    const countCaller = app.rateLimit({ cache: mostCounted, keyGenerator: callerOf });
    const countAddress = app.rateLimit({ cache: mostCounted, keyGenerator: addressKey });
    app.addHook("onRequest", async (request, reply) => {
      if (request.routeOptions.config.rateLimit === false) return;
      await (request.context.caller === null ? countAddress : countCaller).call(app, request, reply);
    });
  },
  { name: "rate-limits", dependencies: ["request-context", "problems"] },
);

/** A tenant holds no blank. */
function callerOf({ context: { caller, tenantId } }: FastifyRequest): string {
  return `${tenantId} ${caller?.subject ?? ""}`;
}

/** Of the connection, as any other could be claimed; of IPv6 its network. Unknown where the connection has gone. */
function addressOf({ raw }: FastifyRequest): string {
  return normalizeIP(raw.socket.remoteAddress ?? "");
}

/** Where no token is asked for, tenants are as sent. */
function addressAndTenantOf(request: FastifyRequest): string {
  return `${request.context.tenantId} ${addressOf(request)}`;
}

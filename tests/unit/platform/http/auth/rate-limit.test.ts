import fastify, { type FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { rateLimits } from "../../../../../src/platform/http/auth/rate-limit.ts";
import type { AuthSettings } from "../../../../../src/platform/http/auth/settings.ts";
import { requestContext } from "../../../../../src/platform/http/context.ts";
import { problems } from "../../../../../src/platform/http/problems.ts";
import { serve } from "../../../../support/http.ts";
import {
  bearer,
  jwtSettings,
  newKey,
  startIssuer,
  type SigningKey,
  type TestIssuer,
} from "../../../../support/tokens.ts";

const PER_MINUTE = 3;
const OPEN: AuthSettings = { mode: "none", allowedHosts: [], allowedOrigins: [] };

let key: SigningKey;
let issuer: TestIssuer;
const opened: FastifyInstance[] = [];

beforeAll(async () => {
  key = await newKey("key_1");
  issuer = await startIssuer([key]);
});
// The window is told by Date alone: time stands still unless a test moves it.
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(async () => {
  vi.useRealTimers();
  issuer.publish([key]);
  await Promise.all(opened.splice(0).map((app) => app.close()));
});
afterAll(() => issuer.close());

type From = { readonly headers?: Record<string, string>; readonly remoteAddress?: string };

async function service(settings?: AuthSettings, requestsPerMinute = PER_MINUTE) {
  const app = await serve(
    (api) => {
      api.get("/runs", { config: { scope: "rebalance:read" } }, (_request, reply) => reply.answer("{}"));
      api.get("/page", { config: { scope: "public" } }, (_request, reply) => reply.answer("{}"));
      const probe = { scope: "public", rateLimit: false } as const;
      api.get("/health", { config: probe }, (_request, reply) => reply.answer("{}"));
      return Promise.resolve();
    },
    { auth: settings ?? jwtSettings({ from: "issuer", url: issuer.url }), requestsPerMinute },
  );
  opened.push(app);
  const ask = async (from: From = {}, url = "/runs") => {
    const { statusCode, headers, body } = await app.inject({ url, ...from });
    return { status: statusCode, headers, detail: /"detail":"([^"]+)"/.exec(body)?.[1] };
  };
  /** The statuses of so many requests, one after the other. */
  const statuses = async (times: number, from: From = {}, url = "/runs") => {
    const seen: number[] = [];
    for (let at = 0; at < times; at += 1) seen.push((await ask(from, url)).status);
    return seen;
  };
  return { app, ask, statuses };
}

const as = async (claims: Record<string, string> = {}) => ({
  headers: await bearer(key, ["rebalance:read"], claims),
});

describe("a caller", () => {
  test("is told the limit, what is left of it, and when it begins anew", async () => {
    const { ask } = await service();
    const told: unknown[] = [];
    for (let at = 0; at < PER_MINUTE; at += 1) {
      const { status, headers } = await ask(await as());
      told.push([status, headers["ratelimit-limit"], headers["ratelimit-remaining"]]);
      vi.advanceTimersByTime(10_000);
    }
    expect(told).toEqual([
      [200, "3", "2"],
      [200, "3", "1"],
      [200, "3", "0"],
    ]);
    const { status, headers, detail } = await ask(await as());
    expect([status, detail, headers["content-type"]]).toEqual([
      429,
      "RATE_LIMITED",
      "application/problem+json; charset=utf-8",
    ]);
    expect([headers["retry-after"], headers["ratelimit-reset"], headers["ratelimit-remaining"]]).toEqual([
      "30",
      "30",
      "0",
    ]);
    vi.advanceTimersByTime(30_000);
    expect((await ask(await as())).status).toBe(200);
  });

  test("has a count of its own: of its subject and of its tenant, wherever it calls from", async () => {
    const { statuses } = await service();
    expect(await statuses(4, await as())).toEqual([200, 200, 200, 429]);
    expect(await statuses(1, { ...(await as()), remoteAddress: "10.1.1.1" })).toEqual([429]);
    expect(await statuses(1, await as({ sub: "advisor_2" }))).toEqual([200]);
    expect(await statuses(1, await as({ tenant_id: "other" }))).toEqual([200]);
  });

  test("is counted also where it is refused, and where nothing is", async () => {
    const { ask, statuses } = await service();
    const other = { headers: { ...(await as()).headers, "x-tenant-id": "other" } };
    expect(await statuses(1, other)).toEqual([403]);
    expect(await statuses(1, { headers: await bearer(key, []) })).toEqual([403]);
    expect(await statuses(1, await as(), "/nothing")).toEqual([404]);
    expect((await ask(await as())).detail).toBe("RATE_LIMITED");
  });

  test("loses nothing to strangers who name it, however many they are", async () => {
    const { statuses } = await service();
    const forged = { headers: await bearer(await newKey("key_1"), ["rebalance:read"]) };
    expect(await statuses(4, forged)).toEqual([401, 401, 401, 429]);
    expect(await statuses(3, await as())).toEqual([200, 200, 200]);
  });
});

describe("a stranger", () => {
  test("is counted by address: one without a token, one with a bad one, one that nobody can judge", async () => {
    const { statuses } = await service();
    const here = { remoteAddress: "192.0.2.1" };
    expect(await statuses(1, here)).toEqual([401]);
    expect(await statuses(1, { ...here, headers: { authorization: "Bearer x" } })).toEqual([401]);
    issuer.publish(null);
    expect(await statuses(1, { ...here, headers: await bearer(await newKey("key_9"), []) })).toEqual([503]);
    expect(await statuses(1, here)).toEqual([429]);
    expect(await statuses(1, { remoteAddress: "192.0.2.2" })).toEqual([401]);
  });

  test("gains nothing by naming other tenants, other addresses, or other addresses of its IPv6 network", async () => {
    const { ask } = await service();
    for (let at = 0; at < PER_MINUTE; at += 1) {
      const headers = { "x-tenant-id": `t_${at}`, "x-forwarded-for": `192.0.2.${at}` };
      expect((await ask({ headers, remoteAddress: `2001:db8::${at}` })).status).toBe(401);
    }
    expect((await ask({ remoteAddress: "2001:db8::ffff" })).status).toBe(429);
    expect((await ask({ remoteAddress: "2001:db8:0:1::1" })).status).toBe(401);
  });

  test("is counted on what is public too, but for health", async () => {
    const { statuses } = await service();
    expect(await statuses(4, {}, "/page")).toEqual([200, 200, 200, 429]);
    expect(await statuses(10, {}, "/health")).toEqual(Array(10).fill(200));
  });
});

describe("where no token is asked for", () => {
  test("addresses and the tenants that they name are counted", async () => {
    const { statuses } = await service(OPEN);
    expect(await statuses(4)).toEqual([200, 200, 200, 429]);
    expect(await statuses(1, { headers: { "x-tenant-id": "bank" } })).toEqual([200]);
    expect(await statuses(1, { remoteAddress: "127.0.0.2" })).toEqual([200]);
  });

  test("a page of another site uses up nobody's requests", async () => {
    const { statuses } = await service(OPEN);
    expect(await statuses(5, { headers: { origin: "https://other.example" } })).toEqual(Array(5).fill(403));
    expect(await statuses(3)).toEqual([200, 200, 200]);
  });
});

test("strangers at many addresses do not make a caller's count forgotten", async () => {
  const app = fastify();
  opened.push(app);
  await app.register(requestContext);
  await app.register(problems);
  app.addHook("onRequest", (request, _reply, next) => {
    const subject = request.headers["x-subject"];
    const caller =
      typeof subject === "string" ? { subject, tokenId: null, scopes: new Set(""), expiresAt: 0 } : null;
    request.context = { ...request.context, caller };
    next();
  });
  await app.register(rateLimits, { perMinute: 1, mode: "jwt", mostCounted: 2 });
  app.get("/", (_request, reply) => reply.send());
  const ask = async (from: From) => (await app.inject({ url: "/", ...from })).statusCode;
  const caller = { headers: { "x-subject": "advisor_1" } };
  expect([await ask(caller), await ask(caller)]).toEqual([200, 429]);
  for (let at = 0; at < 5; at += 1) expect(await ask({ remoteAddress: `192.0.2.${at}` })).toBe(200);
  expect(await ask(caller)).toBe(429);
});

test("without a limit nobody is counted, and nothing is said of it", async () => {
  const { ask, statuses } = await service(undefined, 0);
  expect(await statuses(20, await as())).toEqual(Array(20).fill(200));
  const { headers } = await ask(await as());
  expect(Object.keys(headers).filter((name) => name.startsWith("ratelimit"))).toEqual([]);
});

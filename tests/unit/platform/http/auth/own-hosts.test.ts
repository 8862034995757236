import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serve } from "../../../../support/http.ts";

let app: FastifyInstance;
beforeEach(async () => {
  app = await serve(
    (api) => {
      api.get("/", { config: { scope: "rebalance:read" } }, (_request, reply) => reply.answer("{}"));
      return Promise.resolve();
    },
    {
      auth: {
        mode: "none",
        allowedHosts: ["ballast.internal", "Desk.Bank.example:8443"],
        allowedOrigins: ["https://desk.example"],
      },
    },
  );
});
afterEach(() => app.close());

const OWN = "localhost:8000";

describe("without tokens", () => {
  test.each([
    ["localhost"],
    ["localhost:8000"],
    ["LOCALHOST."],
    ["127.0.0.1:8000"],
    ["127.4.5.6"],
    ["[::1]:8000"],
    ["desk.localhost"],
    ["ballast.internal:80"],
    ["desk.bank.example:8443"],
  ])("Host %s is this service", async (host) => {
    expect((await app.inject({ url: "/", headers: { host } })).statusCode).toBe(200);
  });

  test.each([
    ["rebound.example"],
    ["rebound.example:8000"],
    ["127.0.0.1.rebound.example"],
    ["localhost.rebound.example"],
    ["10.0.0.5"],
    ["[::2]"],
    ["localhost@rebound.example"],
    ["a b"],
  ])("Host %s is another's name: 403 HOST_NOT_ALLOWED", async (host) => {
    const answer = await app.inject({ url: "/", headers: { host } });
    expect([answer.statusCode, answer.json()]).toMatchObject([403, { detail: "HOST_NOT_ALLOWED" }]);
  });

  test.each([
    "http://localhost:3000",
    "http://127.0.0.1:8000",
    "http://ballast.internal",
    "https://desk.example",
  ])("a page of %s may call", async (origin) => {
    expect((await app.inject({ url: "/", headers: { host: OWN, origin } })).statusCode).toBe(200);
  });

  test.each(["https://rebound.example", "null", "", "https://desk.example.org", "http://desk.example"])(
    "a page of %j may not",
    async (origin) => {
      const answer = await app.inject({ url: "/", headers: { host: OWN, origin } });
      expect([answer.statusCode, answer.json()]).toMatchObject([403, { detail: "HOST_NOT_ALLOWED" }]);
    },
  );

  test("paths that are not there are refused alike", async () => {
    const answer = await app.inject({ url: "/nothing", headers: { host: "rebound.example" } });
    expect(answer.statusCode).toBe(403);
  });
});

test("a route without a scope stops the start, and is named", async () => {
  const careless = await serve(
    (api) => {
      api.get("/forgotten", (_request, reply) => reply.answer("{}"));
      return Promise.resolve();
    },
    { auth: { mode: "none", allowedHosts: [], allowedOrigins: [] } },
  );
  await expect(careless.ready()).rejects.toThrow(/routes without a scope: GET \/forgotten/);
  await careless.close();
});

import type { FastifyInstance } from "fastify";
import { afterEach, expect, test } from "vitest";
import { buildApp } from "../../../src/app.ts";
import { openOperations } from "../../../src/background.ts";
import { runtimeWithoutDatabase } from "../../support/runtime.ts";

let app: FastifyInstance;
afterEach(() => app.close());

async function start(env: Record<string, string>) {
  const runtime = runtimeWithoutDatabase(env);
  app = await buildApp({ runtime, operations: openOperations(runtime), lifecycle: { isStopping: false } });
}

test("with RATE_LIMIT_PER_MINUTE, everything is counted but health", async () => {
  await start({ RATE_LIMIT_PER_MINUTE: "2" });
  const statusOf = async (url: string) => (await app.inject(url)).statusCode;
  for (let at = 0; at < 3; at += 1) {
    for (const url of ["/health", "/health/live", "/health?probe=1"]) expect(await statusOf(url)).toBe(200);
    expect((await app.inject("/health/ready")).headers).not.toHaveProperty("ratelimit-limit");
  }
  expect([await statusOf("/docs"), await statusOf("/metrics")]).toEqual([200, 200]);
  for (const url of ["/docs", "/openapi.json", "/metrics", "/rebalance/runs", "/nothing"])
    expect([url, await statusOf(url)]).toEqual([url, 429]);
});

test("with CORS_ORIGINS, pages of these origins may call, and no others", async () => {
  await start({ CORS_ORIGINS: "https://desk.example" });
  const ask = async (origin: string) => {
    const { statusCode, headers } = await app.inject({ url: "/health", headers: { origin } });
    return [statusCode, headers["access-control-allow-origin"]];
  };
  expect(await ask("https://desk.example")).toEqual([200, "https://desk.example"]);
  expect(await ask("https://other.example")).toEqual([403, undefined]);
});

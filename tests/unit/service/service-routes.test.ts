import type { FastifyInstance } from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import { watchOperations, watchPools, type OperationsShown } from "../../../src/platform/metrics.ts";
import { docs } from "../../../src/features/service/docs.ts";
import { service } from "../../../src/features/service/plugin.ts";
import type { Readiness } from "../../../src/features/service/schemas.ts";
import { serve as serveRoutes } from "../../support/http.ts";
import { attribute, faultsOfPage, readPage } from "../../support/reports.ts";
import { runtimeWithoutDatabase } from "../../support/runtime.ts";

type ReadinessCheck = Readiness["checks"][number];
const READY: ReadinessCheck = { name: "database", ok: true, reason: null };
const AWAY: ReadinessCheck = { name: "database", ok: false, reason: "unavailable" };

const opened: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((app) => app.close()));
});

async function serve(check: ReadinessCheck = READY) {
  const runtime = { ...runtimeWithoutDatabase(), engineVersion: "1.2.3" };
  const { metrics } = runtime;
  const checkReady = () => Promise.resolve([check]);
  const app = await serveRoutes(
    async (api) => {
      await api.register(service, { runtime, checkReady });
    },
    { metrics },
  );
  await app.register(docs, { isPublic: true, version: "1.2.3" });
  opened.push(app);
  return { app, metrics };
}

describe("health", () => {
  test.each([
    ["/health", "ok"],
    ["/health/live", "live"],
    ["/health?probe=1", "ok"],
  ])("%s says that the process is up", async (url, status) => {
    const { app } = await serve(AWAY);
    const response = await app.inject(url);
    expect([response.statusCode, response.body]).toEqual([200, `{"status":"${status}","version":"1.2.3"}`]);
  });

  test("readiness lists its checks", async () => {
    const { app } = await serve();
    const response = await app.inject("/health/ready");
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({ status: "ready", checks: [READY] });
  });

  test("what is not ready is a 503 that names no internals", async () => {
    const { app } = await serve(AWAY);
    const response = await app.inject("/health/ready");
    expect(response.statusCode).toBe(503);
    expect(response.headers["retry-after"]).toMatch(/^\d+$/);
    expect(response.json()).toMatchObject({ detail: "NOT_READY" });
  });
});

describe("metrics", () => {
  test("are in the format of Prometheus", async () => {
    const { app, metrics } = await serve();
    metrics.runs.inc({ status: "READY" });
    const response = await app.inject("/metrics");
    expect(response.headers["content-type"]).toContain("text/plain; version=0.0.4");
    expect(response.body).toContain('ballast_rebalance_runs_total{status="READY"} 1');
  });

  test("show pools and operations as they are when they are read", async () => {
    const { app, metrics } = await serve();
    let waiting = 1;
    watchPools(metrics, { primary: () => ({ inFlight: 2, waiting, open: 3, idle: 1 }) });
    let backlog = [{ type: "ANALYZE_SCENARIOS", status: "PENDING", count: 4, oldestAgeSeconds: 7 }];
    watchOperations(
      metrics,
      () => Promise.resolve(backlog),
      () => undefined,
    );
    const first = (await app.inject("/metrics")).body;
    expect(first).toContain('ballast_database_pool{database="primary",state="waiting"} 1');
    expect(first).toContain('ballast_operations{type="ANALYZE_SCENARIOS",status="PENDING"} 4');
    expect(first).toContain(
      'ballast_operations_oldest_age_seconds{type="ANALYZE_SCENARIOS",status="PENDING"} 7',
    );
    waiting = 9;
    backlog = [];
    const second = (await app.inject("/metrics")).body;
    expect(second).toContain('ballast_database_pool{database="primary",state="waiting"} 9');
    expect(second).not.toContain("ANALYZE_SCENARIOS");
  });
});

describe("operations that cannot be read", () => {
  test("are left out of the metrics, which tell the rest", async () => {
    const { app, metrics } = await serve();
    let read: () => Promise<OperationsShown[]> = () => Promise.reject(new Error("away"));
    const heard: unknown[] = [];
    watchOperations(
      metrics,
      () => read(),
      (error) => heard.push(error),
    );
    metrics.runs.inc({ status: "READY" });
    for (let scrape = 0; scrape < 3; scrape += 1) {
      const { statusCode, body } = await app.inject("/metrics");
      expect(statusCode).toBe(200);
      expect(body).toContain('ballast_rebalance_runs_total{status="READY"} 1');
      expect(body).not.toContain("ballast_operations{");
    }
    expect(heard).toHaveLength(1);

    const backlog = { type: "ANALYZE_SCENARIOS", status: "PENDING", count: 4, oldestAgeSeconds: 7 };
    const away = read;
    read = () => Promise.resolve([backlog]);
    expect((await app.inject("/metrics")).body).toContain("ballast_operations{");
    read = away;
    expect((await app.inject("/metrics")).body).not.toContain("ballast_operations{");
    expect(heard).toHaveLength(2);
  });
});

describe("documentation", () => {
  test("is served as a document and as pages", async () => {
    const { app } = await serve();
    const document = await app.inject("/openapi.json");
    expect(document.headers["content-type"]).toContain("application/json");
    expect(document.json()).toMatchObject({ openapi: "3.1.0", paths: { "/health": {} } });
    const page = await app.inject("/docs");
    expect([page.statusCode, page.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    expect((await app.inject("/docs/json")).json()).toEqual(document.json());
  });

  test("has pages that nobody frames, whose scripts are this service's, and that need no https", async () => {
    const { app } = await serve();
    for (const url of ["/docs", "/docs/", "/docs/static/swagger-ui.css"]) {
      const { headers } = await app.inject(url);
      expect(headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "x-frame-options": "SAMEORIGIN",
        "referrer-policy": "no-referrer",
      });
      const policy = String(headers["content-security-policy"]).split(";");
      expect(policy).toEqual(
        expect.arrayContaining(["default-src 'self'", "script-src 'self'", "object-src 'none'"]),
      );
      expect(policy).not.toContain("upgrade-insecure-requests");
      expect(headers).not.toHaveProperty("strict-transport-security");
    }
    expect((await app.inject("/openapi.json")).headers).not.toHaveProperty("content-security-policy");
  });

  test("has a page to start from, which leads to it and runs nothing", async () => {
    const { app } = await serve();
    const page = await app.inject("/");
    expect([page.statusCode, page.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.headers["content-security-policy"]).toMatch(/^default-src 'none'; style-src 'sha256-[^']+';/);
    expect(await faultsOfPage(page.body)).toEqual([]);
    const { errors, elements, text } = readPage(page.body);
    expect(errors).toEqual([]);
    const links = elements
      .filter(({ tagName }) => tagName === "a")
      .map((link) => attribute(link, "href") ?? "");
    expect(links).toEqual(["/docs", "/openapi.json", "/health/ready"]);
    for (const link of links) expect((await app.inject(link)).statusCode).toBe(200);
    expect(text).toContain("Version 1.2.3");
    expect(elements.map(({ tagName }) => tagName)).not.toContain("script");
  });

  test("has the name and the mark of the service", async () => {
    const { app } = await serve();
    const { elements, text } = readPage((await app.inject("/docs")).body);
    expect(text).toContain("Ballast");
    const icon = elements.find((element) => attribute(element, "rel") === "icon");
    const { pathname } = new URL((icon && attribute(icon, "href")) ?? "", "http://ballast.test/docs");
    const mark = await app.inject(pathname);
    expect([mark.statusCode, mark.headers["content-type"]]).toEqual([200, "image/svg+xml"]);
  });
});

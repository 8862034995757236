import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { FastifyInstance, FastifyPluginOptions } from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { identifier } from "../../../../src/contract/scalars.ts";
import { wireObject } from "../../../../src/contract/wire.ts";
import { DatabaseError } from "../../../../src/platform/database/errors.ts";
import { filters, limitFilter, pathParams } from "../../../../src/platform/http/filters.ts";
import { answer } from "../../../../src/platform/http/route-docs.ts";
import { switchGroup } from "../../../../src/platform/http/switches.ts";
import type { FeaturePlugin } from "../../../../src/platform/http/validation.ts";
import { canonicalJson } from "../../../../src/platform/json/canonical-json.ts";
import { createLog } from "../../../../src/platform/log.ts";
import { createMetrics } from "../../../../src/platform/metrics.ts";
import { serve as serveRoutes, type ServeOptions } from "../../../support/http.ts";

const JSON_HEADERS = { "content-type": "application/json" };
const KEYED = { ...JSON_HEADERS, "idempotency-key": "k1" };

type Routes = FeaturePlugin<FastifyPluginOptions>;

const described = (operationId: string) => ({
  operationId,
  tags: ["Test"],
  summary: operationId,
  response: { 200: answer("Done.", z.unknown()) },
});

const greeting = {
  params: pathParams("name"),
  querystring: filters({ limit: limitFilter(5, 1) }),
  body: wireObject({ greeting: identifier }),
};

const greetings: Routes = (app) => {
  for (const idempotencyKey of ["required", "relaxable"] as const) {
    const operationId = idempotencyKey === "required" ? "greet" : "relaxed";
    app.post(
      `/${operationId}/:name`,
      { schema: { ...described(operationId), ...greeting }, config: { idempotencyKey } },
      ({ context, params, query, body }, reply) =>
        reply.answer(canonicalJson({ ...params, ...query, ...body, tenant: context.tenantId })),
    );
  }
  const nothing = { ...described("bare"), response: { 204: answer("Done.") } };
  app.post("/bare", { schema: nothing }, (_request, reply) => reply.code(204).send());
  return Promise.resolve();
};

function throwing(path: string, error: unknown): Routes {
  return (app) => {
    // Whatever is thrown has to become an answer, also what is no Error.
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    app.get(path, { schema: described(path) }, () => Promise.reject(error));
    return Promise.resolve();
  };
}

const opened: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((app) => app.close()));
});

async function serve({ routes = greetings, ...options }: ServeOptions & { routes?: Routes } = {}) {
  const lines: string[] = [];
  const log = createLog("info", { write: (line) => void lines.push(line) });
  const metrics = createMetrics();
  const app = await serveRoutes(routes, { log, metrics, ...options });
  opened.push(app);
  const requests = () =>
    lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === "request");
  return { app, metrics, lines, requests };
}

/** What every problem has to look like, and what this one says. */
function problemOf(response: { statusCode: number; headers: Record<string, unknown>; body: string }) {
  const problem = JSON.parse(response.body) as Record<string, unknown>;
  expect(response.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
  expect(problem["status"]).toBe(response.statusCode);
  expect(problem["correlation_id"]).toBe(response.headers["x-correlation-id"]);
  expect(
    Object.keys(problem)
      .filter((name) => name !== "errors")
      .sort(),
  ).toEqual(["correlation_id", "detail", "instance", "status", "title", "type"]);
  return { status: response.statusCode, detail: problem["detail"], instance: problem["instance"] };
}

function entriesOf(body: string): string[] {
  const { errors } = JSON.parse(body) as { errors: { loc: (string | number)[]; code: string }[] };
  return errors.map(({ loc, code }) => `${loc.join(".")}: ${code}`);
}

describe("a request that is right", () => {
  test("reaches its route with what the schemas made of it, and the bytes of the answer go out as they are", async () => {
    const { app } = await serve();
    const response = await app.inject({
      method: "POST",
      url: "/greet/Ada%20L?limit=3",
      headers: { ...KEYED, "x-tenant-id": "bank", "x-correlation-id": "corr-7", "x-request-id": "req-7" },
      body: '{ "greeting" : "hello" }',
    });
    expect(response.statusCode).toBe(200);
    expect(response.body).toBe('{"greeting":"hello","limit":3,"name":"Ada L","tenant":"bank"}');
    expect(response.headers).toMatchObject({
      "content-type": "application/json; charset=utf-8",
      "x-correlation-id": "corr-7",
      "x-request-id": "req-7",
    });
    expect(response.headers["traceparent"]).toMatch(/^00-/);
    expect(response.headers["traceparent"]).toContain(`-${String(response.headers["x-trace-id"])}-`);
  });

  test.each([
    "application/json",
    "application/json; charset=utf-8",
    "APPLICATION/JSON",
    "application/vnd.bank+json",
  ])("may come as %s", async (type) => {
    const { app } = await serve();
    const headers = { ...KEYED, "content-type": type };
    const response = await app.inject({ method: "POST", url: "/greet/a", headers, body: '{"greeting":"x"}' });
    expect(response.statusCode).toBe(200);
  });

  test.each([
    ["nothing", {}, ""],
    ["an empty object", JSON_HEADERS, "{}"],
    ["an empty form", { "content-type": "application/x-www-form-urlencoded" }, ""],
  ])("may send %s where no body is needed", async (_name, headers, body) => {
    const { app } = await serve();
    const response = await app.inject({ method: "POST", url: "/bare", headers, body });
    expect([response.statusCode, response.body]).toEqual([204, ""]);
  });

  test("may leave its key out where a deployment allows it, and only there", async () => {
    const { app } = await serve({ requirement: "create" });
    const send = (url: string) =>
      app.inject({ method: "POST", url, headers: JSON_HEADERS, body: '{"greeting":"x"}' });
    expect((await send("/relaxed/a")).statusCode).toBe(200);
    expect(problemOf(await send("/greet/a")).detail).toBe("IDEMPOTENCY_KEY_REQUIRED");
  });
});

describe("a request that is wrong", () => {
  test("keeps its connection, however malformed its body is", async () => {
    const { app } = await serve();
    const response = await app.inject({ method: "POST", url: "/greet/a", headers: KEYED, body: "{" });
    expect([response.statusCode, response.headers["connection"]]).toEqual([400, "keep-alive"]);
  });

  test("is told every fault of headers, path, query and body at once", async () => {
    const { app } = await serve();
    const response = await app.inject({
      method: "POST",
      url: `/greet/${"x".repeat(256)}?limit=9&offset=1`,
      headers: { ...JSON_HEADERS, "x-tenant-id": "a b", "x-correlation-id": "" },
      body: '{"greeting":"","more":1}',
    });
    expect(problemOf(response)).toMatchObject({ status: 422, detail: "IDEMPOTENCY_KEY_REQUIRED" });
    expect(entriesOf(response.body).toSorted()).toEqual([
      "body.greeting: EMPTY",
      "body.more: UNKNOWN_FIELD",
      "header.Idempotency-Key: IDEMPOTENCY_KEY_REQUIRED",
      "header.X-Correlation-Id: HEADER_INVALID",
      "header.X-Tenant-Id: HEADER_INVALID",
      "path.name: NAME",
      "query.limit: OUT_OF_RANGE",
      "query.offset: UNKNOWN_FIELD",
    ]);
  });

  test("with a malformed key is not told that the key is missing", async () => {
    const { app } = await serve();
    const headers = { ...JSON_HEADERS, "idempotency-key": "k".repeat(256) };
    const response = await app.inject({ method: "POST", url: "/greet/a", headers, body: '{"greeting":"x"}' });
    expect(problemOf(response).detail).toBe("IDEMPOTENCY_KEY_INVALID");
    expect(entriesOf(response.body)).toEqual(["header.Idempotency-Key: IDEMPOTENCY_KEY_INVALID"]);
  });

  test.each([
    ["malformed JSON", KEYED, "{", 400, "MALFORMED_JSON"],
    ["a repeated name", KEYED, '{"greeting":"a","greeting":"b"}', 400, "MALFORMED_JSON"],
    ["an empty body", KEYED, "", 400, "MALFORMED_JSON"],
    ["another content type", { ...KEYED, "content-type": "text/plain" }, "{}", 415, "UNSUPPORTED_MEDIA_TYPE"],
    [
      "a content type that is none",
      { ...KEYED, "content-type": "json" },
      "{}",
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    ],
    ["no content type", { "idempotency-key": "k1" }, "{}", 415, "UNSUPPORTED_MEDIA_TYPE"],
    ["a compressed body", { ...KEYED, "content-encoding": "gzip" }, "{}", 415, "UNSUPPORTED_MEDIA_TYPE"],
    ["a body over the limit", KEYED, `"${"x".repeat(1_000)}"`, 413, "PAYLOAD_TOO_LARGE"],
  ])("%s is its own status and code", async (_name, headers, body, status, detail) => {
    const { app } = await serve();
    const response = await app.inject({ method: "POST", url: "/greet/a", headers, body });
    expect(problemOf(response)).toEqual({ status, detail, instance: "/greet/a" });
  });

  test("a body that is read in the thread that serves HTTP has a bound of its own", async () => {
    const { app } = await serve({ maxBodyBytes: 1_000_000 });
    const send = (bytes: number) => {
      const body = JSON.stringify({ greeting: "x".repeat(bytes - '{"greeting":""}'.length) });
      return app.inject({ method: "POST", url: "/greet/a", headers: KEYED, body });
    };
    expect((await send(65_536)).statusCode).toBe(422); // it was read
    expect(problemOf(await send(65_537))).toEqual({
      status: 413,
      detail: "PAYLOAD_TOO_LARGE",
      instance: "/greet/a",
    });
  });

  test("a body where none belongs is refused", async () => {
    const { app } = await serve();
    const response = await app.inject({
      method: "POST",
      url: "/bare",
      headers: JSON_HEADERS,
      body: '{"a":1}',
    });
    expect(entriesOf(response.body)).toEqual(["body.a: UNKNOWN_FIELD"]);
  });

  test.each([
    ["an unknown path", "GET", "/nowhere?q=1", 404, "ROUTE_NOT_FOUND"],
    ["another method", "GET", "/greet/a", 405, "METHOD_NOT_ALLOWED"],
    ["a method of another protocol", "PROPFIND", "/greet/a", 405, "METHOD_NOT_ALLOWED"],
    ["a malformed escape", "GET", "/greet/%zz", 400, "MALFORMED_URL"],
    ["an endless name", "POST", `/greet/${"x".repeat(3_000)}`, 414, "URL_TOO_LONG"],
  ])(
    "%s is a problem too, with its ids and its line in the log",
    async (_name, method, url, status, detail) => {
      const { app, requests } = await serve();
      const response = await app.inject({
        method: method as "GET",
        url,
        headers: { "x-correlation-id": "c1" },
      });
      expect(problemOf(response)).toEqual({ status, detail, instance: url.replace("?q=1", "") });
      expect(response.headers["x-correlation-id"]).toBe("c1");
      expect(requests()).toMatchObject([{ method, status, correlationId: "c1" }]);
    },
  );

  test("a route behind a switch that is off answers with the name of its group", async () => {
    const off: Routes = async (app) => {
      switchGroup(app, false, "DPM_ARTIFACTS_DISABLED");
      await app.register(greetings);
    };
    const { app } = await serve({ routes: off });
    const response = await app.inject({ method: "POST", url: "/greet/a", headers: KEYED, body: "{" });
    expect(problemOf(response)).toMatchObject({ status: 404, detail: "DPM_ARTIFACTS_DISABLED" });
  });
});

describe("a route that fails", () => {
  test.each([
    ["an error", new Error("secret of the house")],
    ["something that is no error", "secret of the house"],
    ["nothing at all", undefined],
  ])("with %s is 500, told to the log and to nobody else", async (_name, error) => {
    const { app, lines } = await serve({ routes: throwing("/fail", error) });
    const response = await app.inject({ url: "/fail", headers: { "x-correlation-id": "c1" } });
    expect(problemOf(response)).toMatchObject({ status: 500, detail: "INTERNAL_ERROR" });
    expect(response.body).not.toContain("secret");
    expect(
      lines.some((line) => line.includes('"level":"error"') && line.includes('"correlationId":"c1"')),
    ).toBe(true);
  });

  test("because the database is away is 503 with Retry-After", async () => {
    const error = new DatabaseError({ kind: "unavailable", sqlState: null }, "no route to host");
    const { app } = await serve({ routes: throwing("/fail", error) });
    const response = await app.inject("/fail");
    expect(problemOf(response)).toMatchObject({ status: 503, detail: "DATABASE_UNAVAILABLE" });
    expect(response.headers["retry-after"]).toMatch(/^\d+$/);
    expect(response.body).not.toContain("no route");
  });

  test("to answer in time is 503 with Retry-After", async () => {
    const never: Routes = (app) => {
      app.get("/never", { schema: described("never") }, () => new Promise(() => undefined));
      return Promise.resolve();
    };
    const { app } = await serve({ routes: never, requestDeadlineMs: 20 });
    const response = await app.inject("/never");
    expect(problemOf(response)).toMatchObject({ status: 503, detail: "DEADLINE_EXCEEDED" });
    expect(response.headers["retry-after"]).toMatch(/^\d+$/);
  });

  test("is given up at the time of its route, where it has one of its own", async () => {
    const late = (deadlineMs: number): Routes => {
      return (app) => {
        app.get("/late", { schema: described("late"), config: { deadlineMs } }, async (request, reply) => {
          await delay(50);
          return reply.answer(canonicalJson(request.deadline.signal.aborted));
        });
        return Promise.resolve();
      };
    };
    const { app: patient } = await serve({ routes: late(60_000), requestDeadlineMs: 1 });
    expect((await patient.inject("/late")).body).toBe("false");
    const { app: hasty } = await serve({ routes: late(1), requestDeadlineMs: 60_000 });
    expect((await hasty.inject("/late")).body).toBe("true");
  });

  test("is not cut by the socket, which is quiet until the answer", async () => {
    const { app } = await serve({ requestDeadlineMs: 1_000, longestDeadlineMs: 60_000 });
    expect(app.server.timeout).toBeGreaterThan(60_000);
  });
});

describe("the log", () => {
  test("has one line for each request, with its ids and without its content", async () => {
    const { app, lines, requests } = await serve();
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    await app.inject({
      method: "POST",
      url: "/greet/secret-name?limit=2",
      headers: {
        ...KEYED,
        traceparent,
        "x-request-id": "r1",
        "x-correlation-id": "c1",
        "x-tenant-id": "t1",
        authorization: "Bearer secret-token",
      },
      body: '{"greeting":"secret-word"}',
    });
    expect(requests()).toEqual([
      {
        level: "info",
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
        msg: "request",
        method: "POST",
        route: "/greet/:name",
        status: 200,
        latencyMs: expect.any(Number) as number,
        tenantId: "t1",
        correlationId: "c1",
        requestId: "r1",
        traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      },
    ]);
    expect(lines.join("")).not.toContain("secret");
  });

  test("hides secrets that a line gets by mistake", () => {
    const lines: string[] = [];
    const log = createLog("info", { write: (line) => void lines.push(line) });
    log.info(
      { password: "s1", body: "s2", request: { headers: { a: "s3" }, token: "s4", authorization: "s5" } },
      "x",
    );
    expect(lines.join("")).not.toMatch(/s[1-5]/);
  });
});

test("request durations are measured by method, route and status", async () => {
  const { app, metrics } = await serve();
  await app.inject({ method: "POST", url: "/bare" });
  await app.inject("/nowhere");
  const text = await metrics.registry.metrics();
  expect(text).toContain(
    'ballast_http_request_duration_seconds_count{method="POST",route="/bare",status="204"} 1',
  );
  expect(text).toContain(
    'ballast_http_request_duration_seconds_count{method="GET",route="none",status="404"} 1',
  );
});

describe("what is no HTTP", () => {
  async function talk(port: number, text: string): Promise<{ head: string; body: string }> {
    const socket = net.connect(port, "127.0.0.1");
    let received = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      received += chunk;
    });
    socket.write(text);
    await new Promise((resolve, reject) => socket.on("close", resolve).on("error", reject));
    const [head = "", body = ""] = received.split("\r\n\r\n");
    return { head, body };
  }

  test.each([
    ["garbage", "GARBAGE\r\n\r\n", 400, "MALFORMED_REQUEST"],
    ["a method that nobody knows", "FOO / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "MALFORMED_REQUEST"],
    [
      "endless headers",
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(40_000)}\r\n\r\n`,
      431,
      "HEADERS_TOO_LARGE",
    ],
    [
      "a negative length",
      "POST /bare HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
      400,
      "MALFORMED_REQUEST",
    ],
    [
      "two lengths",
      "POST /bare HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
      400,
      "MALFORMED_REQUEST",
    ],
    [
      "a malformed chunk",
      "POST /bare HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      400,
      "MALFORMED_REQUEST",
    ],
  ])("%s is answered with a problem, and the connection closes", async (_name, text, status, detail) => {
    const { app } = await serve();
    await app.listen({ port: 0, host: "127.0.0.1" });
    const address = app.server.address();
    const { head, body } = await talk(
      typeof address === "object" && address !== null ? address.port : 0,
      text,
    );
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head.toLowerCase()).toContain("content-type: application/problem+json");
    expect(head.toLowerCase()).toContain("connection: close");
    expect(JSON.parse(body)).toMatchObject({ status, detail });
  });
});

import type { FastifyInstance, FastifyPluginOptions } from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { wireObject } from "../../../../src/contract/wire.ts";
import { filters, nameFilter, pathParams } from "../../../../src/platform/http/filters.ts";
import { answer } from "../../../../src/platform/http/route-docs.ts";
import type { FeaturePlugin } from "../../../../src/platform/http/validation.ts";
import { serve as serveRoutes } from "../../../support/http.ts";
import { listenOn, sendRaw } from "../../../support/raw-http.ts";

const described = (operationId: string) => ({
  operationId,
  tags: ["Test"],
  summary: operationId,
  response: { 200: answer("Done.", z.unknown()) },
});

const routes: FeaturePlugin<FastifyPluginOptions> = (app) => {
  const querystring = filters({ portfolio_id: nameFilter });
  const body = wireObject({});
  const params = pathParams("id");
  app.get("/runs", { schema: { ...described("runs"), querystring } }, ({ query }, reply) =>
    reply.answer(JSON.stringify(query)),
  );
  app.put("/packs/:id", { schema: { ...described("put"), params, body } }, (_request, reply) =>
    reply.answer("{}"),
  );
  app.delete("/packs/:id", { schema: { ...described("delete"), params } }, (_request, reply) =>
    reply.answer("{}"),
  );
  app.get("/packs/:id", { schema: { ...described("get"), params } }, (_request, reply) => reply.answer("{}"));
  app.post("/packs/all", { schema: { ...described("all"), body } }, (_request, reply) => reply.answer("{}"));
  return Promise.resolve();
};

const opened: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((app) => app.close()));
});

async function serve() {
  const app = await serveRoutes(routes);
  opened.push(app);
  return app;
}

const Refusal = z.object({
  detail: z.string(),
  errors: z.array(z.object({ loc: z.array(z.string()), msg: z.string(), code: z.string() })).optional(),
});

describe("a known path with another method", () => {
  test.each([
    ["POST", "/runs", "GET, HEAD"],
    ["PATCH", "/packs/p1", "DELETE, GET, HEAD, PUT"],
    ["PATCH", "/packs/all?x=1", "DELETE, GET, HEAD, POST, PUT"],
    ["OPTIONS", "/runs", "GET, HEAD"],
    ["POST", "/%72uns", "GET, HEAD"],
  ] as const)("%s %s is 405 with Allow: %s", async (method, url, allow) => {
    const response = await (await serve()).inject({ method, url });
    expect(response.headers["allow"]).toBe(allow);
    expect(response.statusCode).toBe(405);
    expect(response.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
    expect(Refusal.parse(response.json()).detail).toBe("METHOD_NOT_ALLOWED");
  });

  test.each(["/nothing", "/packs", "/packs/p1/more", "/runs/"])("%s is an unknown route", async (url) => {
    const response = await (await serve()).inject({ method: "POST", url });
    expect([response.statusCode, Refusal.parse(response.json()).detail]).toEqual([404, "ROUTE_NOT_FOUND"]);
    expect(response.headers["allow"]).toBeUndefined();
  });
});

describe("no answer may be taken for anything else than its type says", () => {
  test.each([
    ["GET", "/runs", 200],
    ["PATCH", "/runs", 405],
    ["GET", "/nothing", 404],
    ["GET", "/packs/%zz", 400],
    ["GET", `/packs/${"x".repeat(1_000)}`, 414],
    ["PUT", "/packs/p1", 400],
  ] as const)("%s %s is nosniff", async (method, url, status) => {
    const { statusCode, headers } = await (await serve()).inject({ method, url });
    expect([statusCode, headers["x-content-type-options"]]).toEqual([status, "nosniff"]);
  });
});

describe("a broken escape in a query", () => {
  test.each(["%FF", "%", "%4", "%zz", "%ED%A0%80", "%C0%AF", "%E2%82", "a%E2&cursor=%82%AC"])(
    "%s is 400, as in a path",
    async (value) => {
      const port = await listenOn(await serve());
      for (const url of [`/runs?portfolio_id=${value}`, `/packs/${value}`]) {
        const [response] = await sendRaw(port, `GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        expect(response?.status).toBe(400);
        expect(Refusal.parse(JSON.parse(response?.body ?? "")).detail).toBe("MALFORMED_URL");
      }
    },
  );

  test("does not touch one that is whole", async () => {
    const response = await (await serve()).inject("/runs?portfolio_id=%E2%82%AC+%2B%25");
    expect(response.json()).toEqual({ portfolio_id: "€ +%" });
  });
});

describe("a body in a form that is not read", () => {
  const put = async (headers: Record<string, string>, payload: string | Buffer) =>
    (await serve()).inject({
      method: "PUT",
      url: "/packs/p1",
      headers: { "content-type": "application/json", ...headers },
      payload,
    });

  test.each(["gzip", "br", "deflate, gzip"])(
    "encoded as %s is 415, with what would be read",
    async (encoding) => {
      const response = await put({ "content-encoding": encoding }, "{}");
      expect(response.statusCode).toBe(415);
      expect(response.headers["accept-encoding"]).toBe("identity");
      expect(Refusal.parse(response.json()).errors).toMatchObject([{ loc: ["header", "Content-Encoding"] }]);
    },
  );

  test("encoded as nothing is read", async () => {
    expect((await put({ "content-encoding": "Identity" }, "{}")).statusCode).toBe(200);
  });

  test.each(["text/plain", "json"])("of type %s is 415, and the header is named", async (type) => {
    const response = await put({ "content-type": type }, "{}");
    expect(response.statusCode).toBe(415);
    expect(Refusal.parse(response.json()).errors).toMatchObject([{ loc: ["header", "Content-Type"] }]);
    expect(response.headers["accept-encoding"]).toBeUndefined();
  });

  test("behind a byte order mark is 400, and the mark is named", async () => {
    const response = await put({}, Buffer.from("\uFEFF{}"));
    expect(response.statusCode).toBe(400);
    expect(Refusal.parse(response.json())).toMatchObject({
      detail: "MALFORMED_JSON",
      errors: [{ loc: ["body"], msg: expect.stringContaining("byte order mark") as string }],
    });
  });
});

test("a header that is sent twice is 422 with that as its reason", async () => {
  const port = await listenOn(await serve());
  const twice = "X-Tenant-Id: a\r\nX-Tenant-Id: b\r\nIdempotency-Key: k\r\nIdempotency-Key: k\r\n";
  const [response] = await sendRaw(
    port,
    `GET /runs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${twice}\r\n`,
  );
  expect(response?.status).toBe(422);
  const { detail, errors = [] } = Refusal.parse(JSON.parse(response?.body ?? ""));
  expect(detail).toBe("IDEMPOTENCY_KEY_INVALID");
  expect(errors).toEqual([
    { loc: ["header", "X-Tenant-Id"], msg: "must be sent once", code: "HEADER_INVALID" },
    { loc: ["header", "Idempotency-Key"], msg: "must be sent once", code: "IDEMPOTENCY_KEY_INVALID" },
  ]);
});

import { readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod";
import type { AuthSettings } from "../../../../src/platform/http/auth/settings.ts";
import { serve } from "../../../support/http.ts";
import {
  bearer,
  jwtSettings,
  newKey,
  startIssuer,
  type SigningKey,
  type TestIssuer,
} from "../../../support/tokens.ts";

const DESK = "https://desk.example";

let key: SigningKey;
let issuer: TestIssuer;
const opened: FastifyInstance[] = [];

beforeAll(async () => {
  key = await newKey("key_1");
  issuer = await startIssuer([key]);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((app) => app.close()));
});
afterAll(() => issuer.close());

async function service(corsOrigins: readonly string[] = [DESK], auth?: AuthSettings) {
  const app = await serve(
    (api) => {
      api.get("/runs", { config: { scope: "rebalance:read" } }, (_request, reply) => reply.answer("{}"));
      return Promise.resolve();
    },
    { auth: auth ?? jwtSettings({ from: "issuer", url: issuer.url }), corsOrigins, requestsPerMinute: 2 },
  );
  opened.push(app);
  return app;
}

const PREFLIGHT = {
  "access-control-request-method": "GET",
  "access-control-request-headers": "authorization",
};
const listOf = (header: unknown) => String(header).split(", ");

describe("a page of an allowed origin", () => {
  test("is told without a token that it may send its request", async () => {
    const app = await service();
    for (let at = 0; at < 5; at += 1) {
      const headers = { origin: DESK, ...PREFLIGHT };
      const answer = await app.inject({ method: "OPTIONS", url: "/runs", headers });
      expect([answer.statusCode, answer.body]).toEqual([204, ""]);
      expect(answer.headers).toMatchObject({
        "access-control-allow-origin": DESK,
        "access-control-max-age": "600",
        vary: "Origin",
      });
      expect(listOf(answer.headers["access-control-allow-headers"])).toContain("Authorization");
    }
  });

  test("reads every answer, refusals too; cookies are not asked for", async () => {
    const app = await service();
    const token = await bearer(key, ["rebalance:read"]);
    const ask = async (headers: Record<string, string>) => {
      const answer = await app.inject({ url: "/runs", headers: { origin: DESK, ...headers } });
      return [answer.statusCode, answer.headers["access-control-allow-origin"]];
    };
    expect(await ask(token)).toEqual([200, DESK]);
    expect(await ask({})).toEqual([401, DESK]);
    expect([await ask(token), await ask(token)]).toEqual([
      [200, DESK],
      [429, DESK],
    ]);
    const { headers } = await app.inject({ url: "/runs", headers: { origin: DESK, ...token } });
    expect(headers).not.toHaveProperty("access-control-allow-credentials");
  });

  test("may call where no token is asked for", async () => {
    const open = { mode: "none", allowedHosts: [], allowedOrigins: [DESK] } as const;
    const app = await service([DESK], open);
    const { statusCode, headers } = await app.inject({ url: "/runs", headers: { origin: DESK } });
    expect([statusCode, headers["access-control-allow-origin"]]).toEqual([200, DESK]);
  });
});

describe("another page", () => {
  test.each(["https://other.example", "https://desk.example.org", "http://desk.example", "null"])(
    "such as one of %s is told nothing: its browser keeps the answer from it",
    async (origin) => {
      const app = await service();
      const asked = await app.inject({ method: "OPTIONS", url: "/runs", headers: { origin, ...PREFLIGHT } });
      const sent = await app.inject({ url: "/runs", headers: { origin } });
      expect([asked.statusCode, sent.statusCode]).toEqual([401, 401]);
      for (const { headers } of [asked, sent]) {
        expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
        expect(headers["vary"]).toBe("Origin");
      }
    },
  );
});

describe("OPTIONS that asks for no page", () => {
  test("is answered as ever: 401 without a token, 405 with Allow with one, 404 where nothing is", async () => {
    const app = await service();
    const ask = async (url: string, headers: Record<string, string>) => {
      const answer = await app.inject({ method: "OPTIONS", url, headers });
      expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
      return [answer.statusCode, answer.headers["allow"]];
    };
    expect(await ask("/runs", {})).toEqual([401, undefined]);
    const token = await bearer(key, []);
    expect(await ask("/runs", token)).toEqual([405, "GET, HEAD"]);
    expect(await ask("/nothing", token)).toEqual([404, undefined]);
  });

  test("of an allowed page's browser is no text that the contract does not know", async () => {
    const app = await service();
    const answer = await app.inject({ method: "OPTIONS", url: "/runs", headers: { origin: DESK } });
    expect([answer.statusCode, answer.body]).toEqual([204, ""]);
  });
});

test("without CORS_ORIGINS nothing is said of origins", async () => {
  const app = await service([]);
  const answer = await app.inject({
    method: "OPTIONS",
    url: "/runs",
    headers: { origin: DESK, ...PREFLIGHT },
  });
  expect([answer.statusCode, answer.headers["vary"]]).toEqual([401, undefined]);
  expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
});

describe("what a page may send and read", () => {
  const Named = z.object({ in: z.string(), name: z.string() });
  const Referred = z.strictObject({ $ref: z.string() }).transform(() => ({ headers: {} }));
  const Responses = z.record(
    z.string(),
    z.union([Referred, z.object({ headers: z.record(z.string(), z.unknown()) })]),
  );
  const Operation = z.object({ parameters: z.array(Named), responses: Responses });
  const Document = z.object({
    paths: z.record(z.string(), z.record(z.string(), Operation)),
    components: z.object({ responses: Responses }),
  });
  const text = readFileSync(new URL("../../../../docs/openapi.json", import.meta.url), "utf8");
  const { paths, components } = Document.parse(JSON.parse(text));
  const methods = Object.values(paths).flatMap(Object.entries<z.output<typeof Operation>>);
  const operations = methods.map(([, operation]) => operation);

  async function granted() {
    const app = await service();
    const { headers } = await app.inject({
      method: "OPTIONS",
      url: "/runs",
      headers: { origin: DESK, ...PREFLIGHT },
    });
    return (what: string) => listOf(headers[`access-control-${what}`]).toSorted();
  }

  test("are the methods and request headers of the document, with those of every request", async () => {
    const list = await granted();
    const used = new Set(methods.map(([method]) => method.toUpperCase()));
    expect(list("allow-methods")).toEqual([...used, "HEAD"].toSorted());
    const sent = operations.flatMap(({ parameters }) =>
      parameters.filter((parameter) => parameter.in === "header").map(({ name }) => name),
    );
    expect(list("allow-headers")).toEqual(
      [...new Set([...sent, "Authorization", "Content-Type"])].toSorted(),
    );
  });

  test("are the response headers of the document, and those beside it that say more than the body", async () => {
    const list = await granted();
    const read = [...operations, components].flatMap(({ responses }) =>
      Object.values(responses).flatMap(({ headers }) => Object.keys(headers)),
    );
    const undocumented = ["ETag", "WWW-Authenticate", "X-Request-Id", "traceparent"];
    expect(list("expose-headers")).toEqual([...new Set([...read, ...undocumented])].toSorted());
  });
});

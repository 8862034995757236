import net from "node:net";
import { once } from "node:events";
import type { FastifyInstance, FastifyPluginOptions } from "fastify";
import { afterEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { wireObject } from "../../../../src/contract/wire.ts";
import { answer } from "../../../../src/platform/http/route-docs.ts";
import type { FeaturePlugin } from "../../../../src/platform/http/validation.ts";
import { createLog } from "../../../../src/platform/log.ts";
import { serve as serveRoutes, type ServeOptions } from "../../../support/http.ts";
import { listenOn, sendRaw, type RawAnswer } from "../../../support/raw-http.ts";

const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const IDS = `X-Correlation-Id: c1\r\nX-Request-Id: r1\r\ntraceparent: ${TRACEPARENT}\r\n`;
const JSON_TYPE = "Content-Type: application/json\r\n";

const described = (operationId: string) => ({
  operationId,
  tags: ["Test"],
  summary: operationId,
  response: { 200: answer("Done.", z.unknown()) },
});

/** `/tenant` tells for whom it was asked; `/late` answers when it is let go. */
function routes(released: Promise<void>): FeaturePlugin<FastifyPluginOptions> {
  return (app) => {
    const body = wireObject({});
    app.get("/tenant", { schema: described("tenant") }, ({ context }, reply) =>
      reply.answer(JSON.stringify(context.tenantId)),
    );
    app.post("/tenant", { schema: { ...described("post"), body } }, ({ context }, reply) =>
      reply.answer(JSON.stringify(context.tenantId)),
    );
    app.post("/late", { schema: { ...described("late"), body } }, async (_request, reply) => {
      await released;
      return reply.answer('"late"');
    });
    return Promise.resolve();
  };
}

const opened: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((app) => app.close()));
});

async function serve(options: ServeOptions = {}) {
  const lines: string[] = [];
  const log = createLog("info", { write: (line) => void lines.push(line) });
  const gate = deferred();
  const app = await serveRoutes(routes(gate.promise), { log, ...options });
  opened.push(app);
  const port = await listenOn(app);
  const logged = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const requests = () => logged().filter(({ msg }) => msg === "request");
  return { port, logged, requests, release: gate.resolve };
}

function deferred() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Status and code, of an answer that has all that a problem has. */
function refusalOf({ status, headers, body }: RawAnswer): string {
  const problem = JSON.parse(body) as Record<string, unknown>;
  expect(headers["content-type"]).toBe("application/problem+json; charset=utf-8");
  expect(problem).toMatchObject({ status, correlation_id: headers["x-correlation-id"] });
  expect(headers["x-request-id"]).toBeDefined();
  expect(headers["traceparent"]).toContain(`-${String(headers["x-trace-id"])}-`);
  return `${status} ${String(problem["detail"])}`;
}

function summaryOf(answers: readonly RawAnswer[]): string[] {
  return answers.map((given) => (given.status < 400 ? `${given.status} ${given.body}` : refusalOf(given)));
}

const EMPTY_LINE = "a:\r\n";

describe("a request with many header lines", () => {
  const head = (lines: number, more = "") =>
    `GET /tenant HTTP/1.1\r\nHost: x\r\n${more}${EMPTY_LINE.repeat(lines)}X-Tenant-Id: bank-zz\r\n\r\n`;

  test("is read whole, down to its last line", async () => {
    const { port } = await serve();
    const answers = await sendRaw(port, head(197, "Connection: close\r\n"));
    expect(summaryOf(answers)).toEqual(['200 "bank-zz"']);
  });

  test.each([198, 997, 998, 3_000])("of which %i come ahead of the tenant is refused", async (lines) => {
    const { port, requests } = await serve();
    const answers = await sendRaw(port, head(lines, IDS));
    expect(summaryOf(answers)).toEqual(["431 HEADERS_TOO_LARGE"]);
    expect(answers[0]?.headers).toMatchObject({
      "x-correlation-id": "c1",
      "x-request-id": "r1",
      connection: "close",
    });
    expect(requests()).toMatchObject([{ status: 431, correlationId: "c1" }]);
  });

  test("is refused behind another one on the same connection", async () => {
    const { port } = await serve();
    expect(summaryOf(await sendRaw(port, head(3) + head(998)))).toEqual([
      '200 "bank-zz"',
      "431 HEADERS_TOO_LARGE",
    ]);
  });

  test("as trailers is served, without a meaning of theirs, and so is the next one", async () => {
    const { port } = await serve();
    const trailers = `${EMPTY_LINE.repeat(1_100)}X-Tenant-Id: bank-zz\r\n`;
    const chunked = `POST /tenant HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n${trailers}\r\n`;
    const answers = await sendRaw(port, chunked + head(3, "Connection: close\r\n"));
    expect(summaryOf(answers)).toEqual(['200 "default"', '200 "bank-zz"']);
  });
});

describe("what Node would answer by itself is a problem with its ids and its line in the log", () => {
  test.each([
    ["no Host", `GET /tenant HTTP/1.1\r\n${IDS}\r\n`, "400 MALFORMED_REQUEST"],
    ["two Hosts", `GET /tenant HTTP/1.1\r\nHost: x\r\nHost: y\r\n${IDS}\r\n`, "400 MALFORMED_REQUEST"],
    [
      "another expectation",
      `POST /tenant HTTP/1.1\r\nHost: x\r\n${IDS}${JSON_TYPE}Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}`,
      "417 EXPECTATION_FAILED",
    ],
    [
      "a header that is none",
      `GET /tenant HTTP/1.1\r\nHost: x\r\n${IDS}X: \x01\r\n\r\n`,
      "400 MALFORMED_REQUEST",
    ],
    ["a tunnel", `CONNECT a:1 HTTP/1.1\r\nHost: x\r\n${IDS}\r\n`, "400 MALFORMED_REQUEST"],
    [
      "a malformed chunk",
      `POST /tenant HTTP/1.1\r\nHost: x\r\n${IDS}${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      "400 MALFORMED_REQUEST",
    ],
  ])("%s", async (_name, text, refusal) => {
    const { port, requests } = await serve();
    const answers = await sendRaw(port, text);
    expect(summaryOf(answers)).toEqual([refusal]);
    expect(answers[0]?.headers).toMatchObject({
      "x-correlation-id": "c1",
      "x-request-id": "r1",
      traceparent: TRACEPARENT,
      connection: "close",
      "x-content-type-options": "nosniff",
    });
    const status = Number(refusal.slice(0, 3));
    expect(requests()).toMatchObject([{ status, correlationId: "c1", requestId: "r1" }]);
  });

  test("a request of HTTP/1.0 needs no Host, and 100-continue is an expectation that is met", async () => {
    const { port } = await serve();
    expect(summaryOf(await sendRaw(port, "GET /tenant HTTP/1.0\r\n\r\n"))).toEqual(['200 "default"']);
    const expecting = `POST /tenant HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`;
    const answers = await sendRaw(port, expecting);
    expect(answers.map(({ status }) => status)).toEqual([100, 200]);
  });

  test("garbage behind a request waits for the answer of that request", async () => {
    const { port, requests, release } = await serve();
    const late = `POST /late HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}Content-Length: 2\r\n\r\n{}`;
    const answers = sendRaw(port, `${late}GARBAGE\r\nX-Correlation-Id: c2\r\n\r\n`);
    setTimeout(release, 50);
    expect(summaryOf(await answers)).toEqual(['200 "late"', "400 MALFORMED_REQUEST"]);
    expect(requests()).toMatchObject([{ status: 200 }, { status: 400, correlationId: "c2" }]);
  });
});

describe("a body that does not arrive whole", () => {
  const unfinished = `POST /tenant HTTP/1.1\r\nHost: x\r\n${IDS}${JSON_TYPE}Content-Length: 500\r\n\r\n{"a"`;

  test("is answered with 408, and the connection is closed", async () => {
    const { port, requests } = await serve({ requestDeadlineMs: 400 });
    const answers = await sendRaw(port, unfinished);
    expect(summaryOf(answers)).toEqual(["408 REQUEST_TIMEOUT"]);
    expect(answers[0]?.headers).toMatchObject({ "x-correlation-id": "c1", connection: "close" });
    expect(requests()).toMatchObject([{ status: 408, correlationId: "c1" }]);
  });

  test("is told apart from a route that is late with its answer", async () => {
    const { port, release } = await serve({ requestDeadlineMs: 400 });
    const late = `POST /late HTTP/1.1\r\nHost: x\r\n${JSON_TYPE}Content-Length: 2\r\nConnection: close\r\n\r\n{}`;
    expect(summaryOf(await sendRaw(port, late))).toEqual(["503 OUTCOME_UNKNOWN"]);
    release();
  });
});

test("one connection more than are allowed is closed without an answer, and the log says why", async () => {
  const { port, logged } = await serve({ maxConnections: 1 });
  const first = net.connect(port, "127.0.0.1");
  await once(first, "connect");
  expect(await sendRaw(port, "")).toEqual([]);
  first.destroy();
  expect(logged()).toContainEqual(expect.objectContaining({ level: "warn", maxConnections: 1 }));
});

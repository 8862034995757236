import { connect } from "node:net";
import type { FastifyInstance, FastifyPluginOptions } from "fastify";
import { afterEach, expect, test } from "vitest";
import * as z from "zod";
import { wireObject } from "../../../../src/contract/wire.ts";
import { BodyType } from "../../../../src/platform/body-type.ts";
import { canonicalJson } from "../../../../src/platform/json/canonical-json.ts";
import { answer } from "../../../../src/platform/http/route-docs.ts";
import type { FeaturePlugin } from "../../../../src/platform/http/validation.ts";
import { serve } from "../../../support/http.ts";
import { gate } from "../../../support/operations.ts";

const LargeBody = new BodyType("a large text", wireObject({ text: z.string() }), ({ text }) => ({
  text: canonicalJson(text),
  facts: {},
}));
const HEADERS = { "content-type": "application/json" };
const body = (bytes: number) => `{"text":"${"x".repeat(bytes - '{"text":""}'.length)}"}`;

const opened: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((app) => app.close()));
});

/** A service whose only route answers when it is told to. */
async function serveHeld(maxBodyBytesInFlight: number) {
  const reached = gate();
  const release = gate();
  const routes: FeaturePlugin<FastifyPluginOptions> = (app) => {
    app.post(
      "/held",
      {
        schema: {
          operationId: "held",
          tags: ["Test"],
          summary: "held",
          body: LargeBody,
          response: { 200: answer("Done.", z.unknown()) },
        },
      },
      async (_request, reply) => {
        reached.open();
        await release.promise;
        return reply.answer("{}");
      },
    );
    return Promise.resolve();
  };
  const app = await serve(routes, { maxBodyBytesInFlight, maxBodyBytes: 1_000_000 });
  opened.push(app);
  const address = await app.listen({ port: 0, host: "127.0.0.1" });
  const send = async (sent: number | ReadableStream) => {
    const response = await fetch(`${address}/held`, {
      method: "POST",
      headers: HEADERS,
      body: typeof sent === "number" ? body(sent) : sent,
      ...(typeof sent === "number" ? {} : { duplex: "half" }),
    });
    const text = await response.text();
    const code = /"detail":"(\w+)"/.exec(text)?.[1] ?? "";
    return `${response.status} ${code} ${response.headers.get("retry-after") ?? ""}`;
  };
  return { send, reached: reached.promise, release: release.open, port: Number(new URL(address).port) };
}

const OK = "200  ";
const REFUSED = "503 OVERLOADED 1";

/** Bytes that come in chunks, without a word of how many they are. */
function inChunks(bytes: number): ReadableStream {
  const text = new TextEncoder().encode(body(bytes));
  let sent = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (sent >= text.length) controller.close();
      else controller.enqueue(text.slice(sent, (sent += 16_384)));
    },
  });
}

test("bodies in work count until they are answered: one more is refused, and fits again later", async () => {
  const { send, reached, release } = await serveHeld(100_000);
  const first = send(90_000);
  await reached;
  expect(await Promise.all([send(90_000), send(90_000)])).toEqual([REFUSED, REFUSED]);
  release();
  expect(await first).toBe(OK);
  expect(await send(90_000)).toBe(OK);
});

test("small bodies get through while large ones are in work", async () => {
  const { send, reached, release } = await serveHeld(100_000);
  const large = send(110_000);
  await reached;
  const small = Array.from({ length: 20 }, () => send(10_000));
  release();
  expect(new Set(await Promise.all([large, ...small]))).toEqual(new Set([OK]));
});

test("a body that comes in chunks is refused in the middle, and what arrived of it is forgotten", async () => {
  const { send, release } = await serveHeld(300_000);
  release();
  expect(await send(inChunks(150_000))).toBe(OK);
  // Its connection is closed, which the sender may notice before it has read the answer.
  expect(await send(inChunks(600_000)).catch(() => REFUSED)).toBe(REFUSED);
  expect(await send(inChunks(150_000))).toBe(OK);
});

test("a large body that is announced and never sent keeps nobody out", async () => {
  const { send, release, port } = await serveHeld(200_000);
  release();
  const silent = connect(port, "127.0.0.1");
  const head = ["POST /held HTTP/1.1", "Host: x", "Content-Type: application/json", "Content-Length: 150000"];
  await new Promise<void>((resolve) => silent.write(`${head.join("\r\n")}\r\n\r\n{`, () => resolve()));
  expect(await send(150_000)).toBe(OK);
  silent.destroy();
});

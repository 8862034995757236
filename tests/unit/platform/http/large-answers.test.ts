import type { FastifyInstance, FastifyPluginOptions } from "fastify";
import { afterEach, expect, test } from "vitest";
import * as z from "zod";
import { answer } from "../../../../src/platform/http/route-docs.ts";
import type { FeaturePlugin } from "../../../../src/platform/http/validation.ts";
import { byteLengthOf, type Text } from "../../../../src/platform/text-parts.ts";
import { serve } from "../../../support/http.ts";

const opened: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((app) => app.close()));
});

/** The address of a service that answers with this text. */
async function serveText(text: Text): Promise<string> {
  const routes: FeaturePlugin<FastifyPluginOptions> = (app) => {
    const schema = {
      operationId: "text",
      tags: ["Test"],
      summary: "text",
      response: { 200: answer("A text.", z.unknown()) },
    };
    app.get("/text", { schema }, (_request, reply) => reply.answer(text));
    return Promise.resolve();
  };
  const app = await serve(routes);
  opened.push(app);
  return `${await app.listen({ port: 0, host: "127.0.0.1" })}/text`;
}

test("a large answer arrives whole, with its length, and lets others in between its parts", async () => {
  const text = JSON.stringify(`x${"😀é".repeat(1_500_000)}`); // a character of two halves across the end of each part
  const url = await serveText(text);
  const response = await fetch(url);
  expect(response.headers.get("content-length")).toBe(String(Buffer.byteLength(text)));
  expect((await response.text()) === text).toBe(true);
});

test("an answer of stored bytes, of a text that was handed over and of texts arrives as those bytes, with their length", async () => {
  const stored = Buffer.from(JSON.stringify("€uro 😀".repeat(200_000)));
  const cuts = [0, 100_001, 700_002, stored.length];
  const pieces = cuts.slice(1).map((end, at) => ({ latin1: stored.toString("latin1", cuts[at], end) }));
  const made = new TextEncoder().encode("ü".repeat(700_000));
  const text = { parts: ['{"é":', ...pieces, ',"more":"', made, "é".repeat(600_000), '"}'] };
  const response = await fetch(await serveText(text));
  const whole = Buffer.concat([
    Buffer.from('{"é":'),
    stored,
    Buffer.from(`,"more":"${"ü".repeat(700_000)}${"é".repeat(600_000)}"}`),
  ]);
  expect(response.headers.get("content-length")).toBe(String(whole.length));
  expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(byteLengthOf(text)).toBe(whole.length);
  expect(whole.equals(Buffer.from(await response.arrayBuffer()))).toBe(true);
});

test("a large answer that its caller does not take is not made bytes ahead of it", async () => {
  const url = await serveText(JSON.stringify("x".repeat(64 * 1_048_576)));
  const before = process.memoryUsage().external;
  const { body } = await fetch(url);
  const reader = body?.getReader();
  await reader?.read();
  expect(process.memoryUsage().external - before).toBeLessThan(32 * 1_048_576);
  await reader?.cancel();
});

test("HEAD tells the length of a large answer and sends none of it", async () => {
  const text = JSON.stringify("x".repeat(2 * 1_048_576));
  const response = await fetch(await serveText(text), { method: "HEAD" });
  expect(response.headers.get("content-length")).toBe(String(text.length));
  expect(await response.text()).toBe("");
});

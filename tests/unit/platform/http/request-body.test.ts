import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { messageOf } from "../../../../src/platform/error-message.ts";
import { readBody, type BodyLimits, type BodyMemory } from "../../../../src/platform/http/request-body.ts";

const MIB = 1_048_576;

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server that reads bodies within these limits, holds them until they are answered, and tells what became of each. */
async function serve({ memory, ...limits }: BodyLimits & { readonly memory: BodyMemory }) {
  const outcomes: string[] = [];
  const server = http.createServer((message, response) => {
    response.setHeader("connection", "close");
    readBody(message, limits, { memory, bytes: 0 })
      .then((body) => {
        outcomes.push(`${body.length} bytes`);
        response.end(body);
      })
      .catch((error: unknown) => {
        outcomes.push(messageOf(error));
        response.end();
      });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const send = (head: string, body: Buffer) => {
    const socket = net.connect(port, "127.0.0.1");
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => void chunks.push(chunk)).on("error", () => undefined);
    socket.write(Buffer.concat([Buffer.from(`POST / HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`), body]));
    closers.push(() => socket.destroy());
    return once(socket, "close").then(() => Buffer.concat(chunks));
  };
  return { outcomes, send };
}

const memoryOf = (most: number) => ({ most, held: 0 });

describe("bodies that are sent by halves", () => {
  test("hold no more than is there for all of them, and give it back", async () => {
    const memory = memoryOf(4 * MIB);
    const { outcomes, send } = await serve({ maxBytes: MIB, deadlineMs: 1_500, memory });
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, memory.held)), 1);
    const half = Buffer.alloc(MIB / 2, 32);
    await Promise.all(Array.from({ length: 60 }, () => send(`Content-Length: ${MIB}`, half)));
    clearInterval(watch);
    expect(most).toBeGreaterThan(2 * MIB);
    expect(most).toBeLessThanOrEqual(4 * MIB);
    expect(new Set(outcomes)).toEqual(new Set(["OVERLOADED", "REQUEST_TIMEOUT"]));
    expect(memory.held).toBe(0);
  });

  test("leave room for small ones", async () => {
    const { outcomes, send } = await serve({ maxBytes: MIB, deadlineMs: 5_000, memory: memoryOf(0) });
    await send("Content-Length: 2", Buffer.from("{}"));
    await send("Content-Length: 16384", Buffer.alloc(16_384));
    await send("Content-Length: 16385", Buffer.alloc(16_385));
    expect(outcomes).toEqual(["2 bytes", "16384 bytes", "OVERLOADED"]);
  });
});

describe("a body that arrives", () => {
  test("is held in little more than its own bytes, however small its pieces are", async () => {
    const memory = memoryOf(MIB);
    const { send } = await serve({ maxBytes: MIB, deadlineMs: 20_000, memory });
    const content = Buffer.from(Array.from({ length: 50_000 }, (_, at) => at % 251));
    const chunks = Buffer.concat([
      ...[...content].map((byte) => Buffer.from([0x31, 13, 10, byte, 13, 10])),
      Buffer.from("0\r\n\r\n"),
    ]);
    const answer = await send("Transfer-Encoding: chunked", chunks);
    expect(answer.includes(content)).toBe(true);
    expect(memory.held).toBeLessThan(content.length);
  });

  test("over the limit is refused, whether it says so or not", async () => {
    const { outcomes, send } = await serve({ maxBytes: 10, deadlineMs: 5_000, memory: memoryOf(MIB) });
    await send("Content-Length: 11", Buffer.alloc(11));
    await send("Transfer-Encoding: chunked", Buffer.from(`b\r\n${"x".repeat(11)}\r\n0\r\n\r\n`));
    await send("Content-Length: 10", Buffer.alloc(10));
    expect(outcomes).toEqual(["Request body is too large", "Request body is too large", "10 bytes"]);
  });
});

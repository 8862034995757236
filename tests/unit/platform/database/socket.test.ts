import { once } from "node:events";
import net from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { corkUntilFlush, openSocket } from "../../../../src/platform/database/socket.ts";

let server: net.Server;
/** What the latest connection has brought. */
let received = "";

beforeAll(async () => {
  server = net.createServer((socket) => {
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
      received = text;
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
});
afterAll(() => {
  server.close();
});

async function connect(): Promise<net.Socket> {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server does not listen");
  const endpoint = { host: "127.0.0.1", port: address.port };
  const socket = await openSocket({ url: "postgres://unused", endpoint, tls: null }, () => undefined);
  await once(socket, "connect");
  return socket;
}

test("a document does not make the driver wait before it sends the next statement", async () => {
  const socket = await connect();
  const document = "x".repeat(4_000_000);
  expect(socket.write(document)).toBe(true);
  await expect.poll(() => received.length).toBe(document.length);
  socket.destroy();
});

test("what is written in one turn of the event loop leaves together, the driver's own flush included", async () => {
  const socket = await connect();
  corkUntilFlush(socket);
  socket.write("begin;");
  corkUntilFlush(socket);
  socket.write("insert;");
  // As the driver flushes what is left: at the end of the turn.
  setImmediate(() => socket.write("insert."));
  await turn();
  expect([socket.writableCorked, socket.writableLength]).toEqual([1, "begin;insert;insert.".length]);
  await turn();
  expect([socket.writableCorked, socket.writableLength]).toEqual([0, 0]);
  await expect.poll(() => received).toBe("begin;insert;insert.");
  socket.destroy();
});

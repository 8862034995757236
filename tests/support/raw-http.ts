import net from "node:net";
import type { FastifyInstance } from "fastify";

export type RawAnswer = {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** Opens a port, and returns it. */
export async function listenOn(app: FastifyInstance): Promise<number> {
  await app.listen({ port: 0, host: "127.0.0.1" });
  const address = app.server.address();
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");
  return address.port;
}

/** Sends bytes as they are, and returns every answer once the server has closed the connection. */
export async function sendRaw(port: number, bytes: string): Promise<RawAnswer[]> {
  const socket = net.connect(port, "127.0.0.1");
  const received: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => void received.push(chunk));
  socket.write(bytes, "latin1");
  await new Promise((resolve, reject) => socket.on("close", resolve).on("error", reject));
  return answersIn(Buffer.concat(received).toString("latin1"));
}

/** Answers with a Content-Length, one behind the other. */
function answersIn(text: string): RawAnswer[] {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return [];
  const [statusLine = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => {
      const [name = "", value = ""] = line.split(/: ?(.*)/s, 2);
      return [name.toLowerCase(), value];
    }),
  );
  const start = end + 4;
  const length = Number(headers["content-length"] ?? 0);
  const first = {
    status: Number(statusLine.split(" ")[1]),
    headers,
    body: text.slice(start, start + length),
  };
  return [first, ...answersIn(text.slice(start + length))];
}

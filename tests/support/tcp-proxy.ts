import net from "node:net";
import { createFramer, type Message } from "./protocol.ts";

/**
 * What becomes of a message: it passes; the connection is cut before it or right after it; or from it on nothing passes
 * any more while both ends believe in the connection (half open); or from it on all that passes comes late. A replacement
 * is passed on in its stead.
 */
export type Verdict =
  | "pass"
  | "cut before"
  | "cut after"
  | "stall"
  | { readonly delayMs: number }
  | { readonly replacement: Buffer };
export type Direction = "to server" | "to client";

export type TcpProxy = {
  /** The same database, reached through here. */
  readonly url: (through: string) => string;
  /** Judges every message of every connection, in the order in which they come. Connections are counted from 1. */
  judge: (direction: Direction, message: Message, connection: number) => Verdict;
  /** No byte passes on any connection, and none is closed. */
  stallAll: () => void;
  /** New connections work again, and those stalled stay so. */
  heal: () => void;
  /** Connections that were opened so far. */
  readonly opened: () => number;
  readonly close: () => Promise<void>;
};

type Link = {
  readonly number: number;
  readonly client: net.Socket;
  readonly server: net.Socket;
  isStalled: boolean;
  delayMs: number;
};

/** A proxy in front of a PostgreSQL server that understands where one message ends and the next begins. */
export async function openProxy(serverUrl: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(serverUrl);
  const links = new Set<Link>();
  let isStalling = false;
  let opened = 0;
  const listener = net.createServer((client) => {
    opened += 1;
    const server = net.connect(Number(port === "" ? 5432 : port), hostname);
    const link: Link = { number: opened, client, server, isStalled: isStalling, delayMs: 0 };
    links.add(link);
    relay(proxy, link, "to server");
    relay(proxy, link, "to client");
  });
  const proxy: TcpProxy = {
    url: (through) => {
      const url = new URL(through);
      url.hostname = "127.0.0.1";
      url.port = String(portOf(listener));
      return url.href;
    },
    judge: () => "pass",
    stallAll: () => {
      isStalling = true;
      for (const link of links) link.isStalled = true;
    },
    heal: () => {
      isStalling = false;
    },
    opened: () => opened,
    close: async () => {
      for (const { client, server } of links) {
        client.destroy();
        server.destroy();
      }
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return proxy;
}

function portOf(listener: net.Server): number {
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("the proxy does not listen");
  return address.port;
}

function relay(proxy: TcpProxy, link: Link, direction: Direction): void {
  const [from, to] = direction === "to server" ? [link.client, link.server] : [link.server, link.client];
  const framer = createFramer(direction === "to server");
  from.setNoDelay(true);
  from.on("error", () => undefined);
  from.on("data", (bytes) => {
    for (const message of framer(bytes)) {
      if (link.isStalled || from.destroyed) return;
      pass(proxy.judge(direction, message, link.number), link, from, to, message);
    }
  });
  from.on("close", () => {
    if (!link.isStalled) to.end();
  });
}

function pass(verdict: Verdict, link: Link, from: net.Socket, to: net.Socket, message: Message): void {
  if (typeof verdict === "object" && "delayMs" in verdict) link.delayMs = verdict.delayMs;
  if (link.delayMs > 0) {
    setTimeout(() => to.write(message.bytes), link.delayMs);
  } else if (typeof verdict === "object" && "replacement" in verdict) {
    to.write(verdict.replacement);
  } else if (verdict === "pass") {
    to.write(message.bytes);
  } else if (verdict === "stall") {
    link.isStalled = true;
  } else if (verdict === "cut before") {
    from.destroy();
    to.destroy();
  } else {
    // The other end gets the message whole before it sees the end of the connection.
    to.end(message.bytes);
    from.destroy();
  }
}

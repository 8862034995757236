import net from "node:net";
import type { DuplexOptions } from "node:stream";
import tls from "node:tls";
import type { Endpoint, ServerAddress, TlsSettings } from "./address.ts";

/**
 * More than any transaction sends. Past its mark a socket asks the driver to wait, and then the statements behind a
 * document would leave only when the server has answered those before it: a round trip more.
 */
const NEVER_FULL: DuplexOptions = { writableHighWaterMark: 2 ** 30 };

/**
 * The socket of a connection, in plain or TLS, ready for the first byte of the session. `hold` is told of the socket
 * that has to be destroyed to end the connection, as soon as there is one. TLS is spoken here and not in the driver,
 * which would keep the outer socket to itself: destroying only the inner one makes the outer fail unheard, and that
 * ends the process.
 */
export function openSocket(
  { endpoint, tls: security }: ServerAddress,
  hold: (socket: net.Socket) => void,
): net.Socket | Promise<net.Socket> {
  const socket = net.connect({ ...endpoint, ...NEVER_FULL });
  // A transaction is a few short writes; none may wait for the acknowledgement of the one before (Nagle).
  socket.setNoDelay(true);
  // The driver listens too, but only once it has the socket.
  socket.on("error", () => undefined);
  hold(socket);
  return security === null ? socket : secure(socket, endpoint, security, hold);
}

/**
 * Lets what is written from now on leave in one system call. The driver flushes at every kilobyte and, at the end of the
 * turn of the event loop, what is left; each flush of its own would wake the server.
 */
export function gatherWrites(socket: net.Socket): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  // Behind the driver's own flush, which is scheduled for the end of this turn.
  setImmediate(() => setImmediate(() => socket.uncork()));
}

/** https://www.postgresql.org/docs/15/protocol-flow.html#id-1.10.6.7.12 */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

async function secure(
  plain: net.Socket,
  endpoint: Endpoint,
  security: TlsSettings,
  hold: (socket: net.Socket) => void,
): Promise<net.Socket> {
  plain.write(SSL_REQUEST);
  const answer = (await firstOf(plain, "data")).toString("latin1");
  if (answer === "N" && !security.isRequired) return plain;
  // Anything behind the S came from somebody in between, who wants it taken for what the server will say under TLS.
  if (answer !== "S") throw new Error("the server does not offer TLS");
  const secured = tls.connect({
    socket: plain,
    ...NEVER_FULL,
    // A server name is never an address (RFC 6066).
    ...("host" in endpoint && net.isIP(endpoint.host) === 0 ? { servername: endpoint.host } : {}),
    ...security.options,
  });
  secured.on("error", () => undefined);
  hold(secured);
  await firstOf(secured, "secureConnect");
  return secured;
}

/** Waits for an event and gives its value; rejects when the socket fails or closes before. */
function firstOf(socket: net.Socket, event: "data" | "secureConnect"): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    socket.once("error", reject);
    socket.once("close", () => {
      reject(new Error("the server closed the connection"));
    });
  });
}

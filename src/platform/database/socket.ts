import net from "node:net";
import type { DuplexOptions } from "node:stream";
import tls from "node:tls";
import type { Endpoint, ServerHost, TlsSettings } from "./address.ts";

/**
 * More than any transaction sends. Above its high-water mark a socket asks the driver to wait, and then the statements
 * behind a large document would leave only when the server has answered those before it: one round trip more.
 */
const UNBOUNDED_BUFFER: DuplexOptions = { writableHighWaterMark: 2 ** 30 };

/**
 * The socket of a connection, in plain or TLS, ready for the first byte of the session. `onSocket` is called with the
 * socket that has to be destroyed to end the connection, as soon as there is one. TLS is spoken here and not in the
 * driver, which does not give out its TLS socket: to destroy only the plain one below it makes the TLS socket emit an
 * error that nobody listens for, and that ends the process.
 */
export function openSocket(
  { endpoint, tls: security }: ServerHost,
  onSocket: (socket: net.Socket) => void,
): net.Socket | Promise<net.Socket> {
  const socket = net.connect({ ...endpoint, ...UNBOUNDED_BUFFER });
  // A transaction is a few short writes; none may wait for the acknowledgement of the one before (Nagle).
  socket.setNoDelay(true);
  // The driver listens too, but only once it has the socket.
  socket.on("error", () => undefined);
  onSocket(socket);
  return security === null ? socket : secure(socket, endpoint, security, onSocket);
}

/**
 * Lets what is written from now on leave in one system call. The driver writes at every kilobyte and, at the end of the
 * turn of the event loop, what is left; each of these writes alone would wake the server.
 */
export function corkUntilFlush(socket: net.Socket): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  // After the driver's own flush, which is scheduled for the end of this turn.
  setImmediate(() => setImmediate(() => socket.uncork()));
}

/** https://www.postgresql.org/docs/15/protocol-flow.html#id-1.10.6.7.12 */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

async function secure(
  plain: net.Socket,
  endpoint: Endpoint,
  security: TlsSettings,
  onSocket: (socket: net.Socket) => void,
): Promise<net.Socket> {
  plain.write(SSL_REQUEST);
  const answer = (await onceEvent(plain, "data")).toString("latin1");
  if (answer === "N" && !security.isRequired) return plain;
  // Plain bytes after the S were injected on the way, to be taken for what the server says under TLS (CVE-2021-23222).
  if (answer !== "S") throw new Error("the server does not offer TLS");
  const secured = tls.connect({
    socket: plain,
    ...UNBOUNDED_BUFFER,
    // A server name is never an address (RFC 6066).
    ...("host" in endpoint && net.isIP(endpoint.host) === 0 ? { servername: endpoint.host } : {}),
    ...security.options,
  });
  secured.on("error", () => undefined);
  onSocket(secured);
  await onceEvent(secured, "secureConnect");
  return secured;
}

/** Waits for an event and gives its value; rejects when the socket fails or closes before. */
function onceEvent(socket: net.Socket, event: "data" | "secureConnect"): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    socket.once("error", reject);
    socket.once("close", () => {
      reject(new Error("the server closed the connection"));
    });
  });
}

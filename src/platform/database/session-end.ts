import type { EventEmitter } from "node:events";

/** Why the server ends a session, as its last message says. */
export type SessionEnd = { readonly sqlState: string; readonly message: string };

/** A message is its type, its length without the type, and its content. https://www.postgresql.org/docs/15/protocol-message-formats.html */
const HEAD_BYTES = 5;
const ERROR_RESPONSE = 0x45;
/** What ends a session says so in a few hundred bytes: longer errors are of a statement, and are not kept here. */
const MOST_BYTES = 16_384;
const NOTHING = Buffer.alloc(0);

/**
 * Listens to what the server sends beside the driver, which waits for the end of a statement before it tells of an error:
 * one that ends the session is followed by nothing, and the driver says that the connection was closed.
 */
export function onSessionEnd(socket: Pick<EventEmitter, "on">, tell: (sessionEnd: SessionEnd) => void): void {
  /** The start of a message whose head, or if it is an error, whose end has not come yet. */
  let begun: Buffer = NOTHING;
  /** Bytes of the message before that are still to come. */
  let ahead = 0;
  socket.on("data", (chunk: Buffer) => {
    const bytes = begun.length === 0 ? chunk : Buffer.concat([begun, chunk]);
    let at = ahead;
    while (at + HEAD_BYTES <= bytes.length) {
      const end = at + 1 + bytes.readUInt32BE(at + 1);
      if (bytes[at] === ERROR_RESPONSE && end - at <= MOST_BYTES) {
        if (end > bytes.length) break;
        const sessionEnd = readSessionEnd(bytes.toString("utf8", at + HEAD_BYTES, end));
        if (sessionEnd !== undefined) tell(sessionEnd);
      }
      at = end;
    }
    begun = at < bytes.length ? bytes.subarray(at) : NOTHING;
    ahead = Math.max(0, at - bytes.length);
  });
}

/** The fields of an error are texts behind a letter each: S and V its severity, C its SQLSTATE, M its message. */
function readSessionEnd(content: string): SessionEnd | undefined {
  const fields = new Map(content.split("\0").map((field) => [field.charAt(0), field.slice(1)]));
  const severity = fields.get("V");
  if (severity !== "FATAL" && severity !== "PANIC") return undefined;
  return { sqlState: fields.get("C") ?? "", message: fields.get("M") ?? "" };
}

/**
 * One message of the frontend/backend protocol, version 3. `type` is its letter; the start-up packets of a client have
 * none and are "startup". https://www.postgresql.org/docs/15/protocol-message-formats.html
 */
export type Message = { readonly type: string; readonly bytes: Buffer };

/** Cuts a stream into messages. The first packet of a client has a length but no letter. */
export function createFramer(isClient: boolean): (bytes: Buffer) => Message[] {
  let rest: Buffer = Buffer.alloc(0);
  let isStarted = !isClient;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    const messages: Message[] = [];
    for (;;) {
      const head = isStarted ? 1 : 0;
      if (rest.length < head + 4) return messages;
      const length = head + rest.readUInt32BE(head);
      if (rest.length < length) return messages;
      const message = rest.subarray(0, length);
      messages.push({ type: isStarted ? String.fromCharCode(rest[0] ?? 0) : "startup", bytes: message });
      isStarted = true;
      rest = rest.subarray(length);
    }
  };
}

/** Whether a client's message carries this statement in its text: a Parse (P) or a simple Query (Q). */
export function hasText(message: Message, text: string): boolean {
  return (message.type === "P" || message.type === "Q") && message.bytes.includes(text);
}

/** Whether a server's message says that this command is complete. */
export function isComplete(message: Message, command: string): boolean {
  return message.type === "C" && message.bytes.subarray(5).toString().startsWith(command);
}

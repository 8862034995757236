import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { onSessionEnd, type SessionEnd } from "../../../../src/platform/database/session-end.ts";

function message(type: string, content: string): Buffer {
  const body = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}

const errorOf = (severity: string, code: string, text: string) =>
  message("E", `S${severity}\0V${severity}\0C${code}\0M${text}\0\0`);

const ROW = message("D", `a row that says ${errorOf("FATAL", "57P01", "it").toString("latin1")} in itself`);
const REFUSED = errorOf("ERROR", "23505", "duplicate key");
const ENDED = errorOf("FATAL", "57P01", "terminating connection due to administrator command");
const LONG = errorOf("FATAL", "57P01", "x".repeat(20_000));
const SESSION = Buffer.concat([message("1", ""), ROW, REFUSED, message("Z", "I"), LONG, ROW, ENDED]);

/** What is told of these chunks. */
function told(chunks: readonly Buffer[]): SessionEnd[] {
  const socket = new EventEmitter();
  const ends: SessionEnd[] = [];
  onSessionEnd(socket, (sessionEnd) => ends.push(sessionEnd));
  for (const chunk of chunks) socket.emit("data", chunk);
  return ends;
}

const cut = (bytes: Buffer, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );

test.each([1, 2, 3, 5, 7, 64, 4_096])(
  "an error that ends the session is told, and nothing else, in pieces of %d bytes",
  (size) => {
    expect(told(cut(SESSION, size))).toEqual([
      { sqlState: "57P01", message: "terminating connection due to administrator command" },
    ]);
  },
);

test("bytes that are no messages do no harm", () => {
  const broken = Buffer.from([0x45, 0, 0, 0, 0, 0x45, 0, 0, 0, 3, 0x45, 0xff, 0xff, 0xff, 0xff, 0x45]);
  for (const size of [1, 3, 16]) expect(told(cut(broken, size))).toEqual([]);
});

test("a session that the server does not end is told nothing of", () => {
  expect(told([Buffer.concat([ROW, REFUSED, message("Z", "I")])])).toEqual([]);
  expect(told([ENDED.subarray(0, ENDED.length - 1)])).toEqual([]);
});

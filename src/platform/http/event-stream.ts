import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";

/** One server-sent event. `id`: what a reader that comes back says in Last-Event-ID. */
export type ServerSentEvent = { readonly id: string; readonly event: string; readonly data: string };

/** Nothing happened: keeps those between here and the reader from closing the connection. */
export const STILL_THERE = ":\n\n";

export const EVENT_STREAM_TYPE = "text/event-stream";

/** When a reader whose connection has ended comes back. */
const RETRY_MS = 1_000;

/** `data` is one line. */
export function serverSentEvent({ id, event, data }: ServerSentEvent): string {
  return `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`;
}

/** Sends events as they come. The reader that goes away ends them. */
export function sendEventStream(reply: FastifyReply, events: AsyncIterable<string>): FastifyReply {
  return reply
    .type(EVENT_STREAM_TYPE)
    .headers({ "cache-control": "no-store", "x-accel-buffering": "no" })
    .send(Readable.from(withRetry(events), { objectMode: false }));
}

async function* withRetry(events: AsyncIterable<string>): AsyncGenerator<string> {
  yield `retry: ${RETRY_MS}\n\n`;
  yield* events;
}

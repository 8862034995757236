import type { IncomingMessage } from "node:http";
import { errorCodes } from "fastify";
import { ProblemError } from "./problems.ts";

export type BodyLimits = {
  readonly maxBytes: number;
  /** Time in which a body arrives whole. */
  readonly deadlineMs: number;
  /** Shared by all requests. */
  readonly memory: BodyMemory;
};

/** Bytes that bodies under way may hold, all together. */
export type BodyMemory = { readonly most: number; held: number };

/**
 * What each body may hold beside the memory that all share: small requests get through while large ones have taken it. How
 * many there are is bounded by the connections.
 */
const FREE_BYTES = 16_384;

/** Reads the body of a request. Rejects when it is too large, does not arrive in time, or there is no memory for it. */
export function readBody(message: IncomingMessage, limits: BodyLimits): Promise<Buffer> {
  const expected = Number(message.headers["content-length"]) || limits.maxBytes;
  if (expected > limits.maxBytes) return Promise.reject(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
  return new Promise((resolve, reject) => {
    const body = { buffer: Buffer.alloc(0), length: 0, most: expected };
    const end = (settle: () => void) => {
      clearTimeout(timer);
      message.off("data", onData).off("end", onEnd).off("error", fail);
      underWay.delete(message);
      release(limits.memory, body.buffer.length);
      settle();
    };
    const fail = (error: Error) => end(() => reject(error));
    const onEnd = () => end(() => resolve(body.buffer.subarray(0, body.length)));
    const onData = (chunk: Buffer) => {
      if (body.length + chunk.length > limits.maxBytes) fail(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
      else if (!append(body, chunk, limits.memory)) fail(new ProblemError(NO_MEMORY));
    };
    const timer = setTimeout(() => fail(new ProblemError(NOT_IN_TIME)), limits.deadlineMs);
    underWay.set(message, fail);
    message.on("data", onData).on("end", onEnd).on("error", fail);
  });
}

/** Ends the reading of a body that has not arrived whole. False: nobody reads one from this request. */
export function failBody(message: IncomingMessage, error: Error): boolean {
  const fail = underWay.get(message);
  fail?.(error);
  return fail !== undefined;
}

const underWay = new WeakMap<IncomingMessage, (error: Error) => void>();

const NOT_IN_TIME = { status: 408, detail: "REQUEST_TIMEOUT" };
const NO_MEMORY = { status: 503, detail: "SERVICE_OVERLOADED", retryAfterSeconds: 1 };

type Body = { buffer: Buffer; length: number; readonly most: number };

/**
 * Copies a chunk behind what is there. One growing buffer, because a chunk is as small as its sender likes and costs a
 * hundred bytes beside its content; growing, because a length is only announced.
 */
function append(body: Body, chunk: Buffer, memory: BodyMemory): boolean {
  const { buffer, length, most } = body;
  const needed = length + chunk.length;
  if (needed > buffer.length) {
    const size = Math.max(needed, Math.min(2 * buffer.length, most));
    if (!hold(memory, buffer.length, size)) return false;
    body.buffer = Buffer.allocUnsafeSlow(size);
    buffer.copy(body.buffer, 0, 0, length);
  }
  chunk.copy(body.buffer, length);
  body.length = needed;
  return true;
}

const shared = (bytes: number) => Math.max(0, bytes - FREE_BYTES);

function hold(memory: BodyMemory, before: number, now: number): boolean {
  const held = memory.held - shared(before) + shared(now);
  if (held > memory.most) return false;
  memory.held = held;
  return true;
}

function release(memory: BodyMemory, bytes: number): void {
  memory.held -= shared(bytes);
}

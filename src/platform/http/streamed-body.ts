import type { IncomingMessage } from "node:http";
import { errorCodes } from "fastify";
import type * as z from "zod";
import { TimeLimitError, within } from "../time-limit.ts";
import { ProblemError } from "./problems.ts";

/**
 * A body that its route reads while it arrives, because it is too large to be held. `schema` says what it is as JSON, `lines`
 * as NDJSON; nothing validates by them. A class only for its identity, by which a route's body is told
 * from a schema.
 */
export class StreamedBody {
  readonly schema: z.ZodType;
  readonly lines: LinesDoc;

  constructor(schema: z.ZodType, lines: LinesDoc) {
    this.schema = schema;
    this.lines = lines;
  }
}

/** What the lines of a body are, and one of them. */
export type LinesDoc = { readonly description: string; readonly example: string };

export const NDJSON_TYPE = "application/x-ndjson";
const NDJSON_MEDIA_TYPE = /^application\/x-ndjson[ \t]*(?:;|$)/i;

export function isNdjson(contentType: string | undefined): boolean {
  return contentType !== undefined && NDJSON_MEDIA_TYPE.test(contentType);
}

/** What does not arrive in its time. */
export const NOT_IN_TIME = { status: 408, detail: "REQUEST_TIMEOUT" } as const;

export type StreamLimits = {
  readonly maxBytes: number;
  /** Aborted when the time of the request is up. */
  readonly signal: AbortSignal;
};

/** The bytes of a body as they come. Leaves the connection usable when whoever reads stops early. */
export async function* bytesOf(
  message: IncomingMessage,
  { maxBytes, signal }: StreamLimits,
): AsyncGenerator<Buffer> {
  if (Number(message.headers["content-length"]) > maxBytes) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
  const chunks = message.iterator({ destroyOnReturn: false });
  let length = 0;
  for (;;) {
    const next: IteratorResult<Buffer> = await within({ signal }, chunks.next()).catch((error: unknown) => {
      throw error instanceof TimeLimitError ? new ProblemError(NOT_IN_TIME) : error;
    });
    if (next.done === true) return;
    length += next.value.length;
    if (length > maxBytes) throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE();
    yield next.value;
  }
}

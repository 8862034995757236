import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { OVERLOADED } from "../../platform/http/failures.ts";
import { logIds, type Caller } from "../../platform/http/context.ts";
import { invalidRequest } from "../../platform/http/problem.ts";
import { ProblemError } from "../../platform/http/problems.ts";
import type { FeaturePlugin } from "../../platform/http/validation.ts";
import type { Runtime } from "../../runtime.ts";
import { pageText } from "./core.ts";
import { awaitEvents, readFeed } from "./read-feed.ts";
import * as schemas from "./schemas.ts";
import { streamFeed } from "./stream-feed.ts";
import type { FeedWatch } from "./watch-feed.ts";

type Options = Pick<Runtime, "config"> & { readonly watch: FeedWatch };

const CURSOR_EXPIRED = { status: 410, detail: "CURSOR_EXPIRED" } as const;
const CURSOR_INVALID = "CURSOR_INVALID";
const PROBLEMS = [CURSOR_EXPIRED, OVERLOADED, { status: 422, detail: CURSOR_INVALID }] as const;

const MOST_WAIT_MS = schemas.MOST_WAIT_SECONDS * 1_000;
/** What a stream reads at once. */
const STREAM_PAGE = 500;
/** A client that is gone without a word, or whose rights are, has no stream for longer. */
const STREAM_MS = 60 * 60_000;

/** How long a request for events may take. */
export function eventsDeadlineMs({ server }: Runtime["config"]): number {
  return MOST_WAIT_MS + server.requestDeadlineMs;
}

/** The feed of what was committed: in pages, and as a stream. */
export const events: FeaturePlugin<Options> = (app, { config, watch }) => {
  // Ahead of the server's own close, which waits for every answer.
  app.addHook("preClose", (done) => {
    watch.stop();
    done();
  });

  app.get(
    "/events",
    {
      schema: schemas.listEvents,
      config: { scope: "events:read", deadlineMs: eventsDeadlineMs(config), problems: PROBLEMS },
    },
    async ({ runtime: { database }, context: { tenantId }, query, deadline: { signal } }, reply) => {
      const { after, limit, type: types, wait } = query;
      const request = { tenantId, after, limit, types };
      const ms = wait * 1_000;
      const page = await readFeed(database, request);
      const isAwaited = page !== "expired" && page.events.length === 0 && ms > 0;
      const found = isAwaited ? await awaitEvents(database, request, page, { watch, ms, signal }) : page;
      if (found === "expired") return reply.problem(CURSOR_EXPIRED);
      if (found === "overloaded") return reply.problem(OVERLOADED);
      // Kept open, the connection would hold up the end of the server.
      if (watch.stopping.aborted) void reply.header("connection", "close");
      return reply.answer(pageText(tenantId, found));
    },
  );

  app.get(
    "/events/stream",
    {
      // A HEAD would let a stream run that nobody reads.
      exposeHeadRoute: false,
      schema: schemas.streamEvents,
      config: { scope: "events:read", deadlineMs: STREAM_MS, problems: PROBLEMS },
    },
    async (request, reply) => {
      const { runtime, context, query, deadline } = request;
      const { tenantId, caller } = context;
      const feed = {
        tenantId,
        after: lastEventId(request, tenantId) ?? query.after,
        limit: STREAM_PAGE,
        types: query.type,
      };
      const first = await readFeed(runtime.database, feed);
      if (first === "expired") return reply.problem(CURSOR_EXPIRED);
      const leave = watch.streams.enter(tenantId);
      if (leave === undefined) return reply.problem(OVERLOADED);
      reply.raw.once("close", leave);
      const deps = {
        database: runtime.database,
        watch,
        signal: AbortSignal.any([deadline.signal, untilExpiry(caller)]),
        onError: (error: unknown) => request.log.warn({ err: error, ...logIds(context) }, "a stream ends"),
      };
      return sendStream(reply, streamFeed(deps, feed, first));
    },
  );

  return Promise.resolve();
};

/** Where the client's last connection ended; undefined where it says nothing. */
function lastEventId({ headers }: Pick<FastifyRequest, "headers">, tenantId: string) {
  const header = headers["last-event-id"];
  if (header === undefined || header === "") return undefined;
  const position = typeof header === "string" ? schemas.feedCursor.decode(tenantId, header) : undefined;
  if (position !== undefined) return position;
  const fault = { path: ["Last-Event-ID"], msg: "is not an id of this stream", code: CURSOR_INVALID };
  throw new ProblemError(invalidRequest([{ part: "header", ...fault }]));
}

/** Aborted when the token has expired: nobody is told anything by a right that has ended. */
function untilExpiry(caller: Caller | null): AbortSignal {
  const leftMs = caller === null ? STREAM_MS : Math.ceil(caller.expiresAt * 1_000) - Date.now();
  return AbortSignal.timeout(Math.min(STREAM_MS, Math.max(0, leftMs)));
}

function sendStream(reply: FastifyReply, parts: AsyncGenerator<string>): FastifyReply {
  return reply
    .type("text/event-stream; charset=utf-8")
    .headers({ "cache-control": "no-store", "x-accel-buffering": "no", connection: "close" })
    .send(Readable.from(parts, { objectMode: false }));
}

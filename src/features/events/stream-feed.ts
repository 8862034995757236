import type { Database } from "../../platform/database/database.ts";
import { databaseFault } from "../../platform/database/errors.ts";
import { heartbeatText, streamText, type FeedPage } from "./core.ts";
import { readFeed, type FeedRequest } from "./read-feed.ts";
import type { FeedWatch } from "./watch-feed.ts";

export type StreamDeps = {
  readonly database: Database;
  readonly watch: FeedWatch;
  /** Aborted when the stream is to end. */
  readonly signal: AbortSignal;
  readonly onError: (error: unknown) => void;
};

/** How long a client waits before it connects again. */
const RETRY = "retry: 2000\n\n";
/** Less than the idle time of any proxy on the way. */
const HEARTBEAT_MS = 15_000;

/**
 * The feed from a first page on, as the text of server-sent events. No faster than it is taken: the next page is read when
 * the one before has gone. Ends when events were purged before they were read, or where the database fails: the reader
 * connects again, and is told then.
 */
export async function* streamFeed(
  { database, watch, signal, onError }: StreamDeps,
  request: FeedRequest,
  first: FeedPage,
): AsyncGenerator<string> {
  const { tenantId } = request;
  const isOver = () => signal.aborted || watch.stopping.aborted;
  yield RETRY;
  let sentAt = performance.now();
  let page: FeedPage | "expired" = first;
  while (page !== "expired" && !isOver()) {
    const { events, position: after, isNewest } = page;
    const isQuiet = performance.now() >= sentAt + HEARTBEAT_MS;
    if (events.length > 0 || isQuiet) {
      yield events.length > 0 ? streamText(tenantId, events) : heartbeatText(tenantId, page);
      sentAt = performance.now();
    }
    if (isNewest) {
      const ms = sentAt + HEARTBEAT_MS - performance.now();
      await watch.wait({ tenantId, after, ms, signal });
      if (isOver()) return;
    }
    try {
      page = await readFeed(database, { ...request, after });
    } catch (error) {
      if (databaseFault(error) === undefined) throw error;
      if (!isOver()) onError(error);
      return;
    }
  }
}

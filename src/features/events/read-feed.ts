import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { FEED_START, isAfter, type FeedPage } from "./core.ts";
import { readEvents, readFeedState } from "./repository.ts";
import type { FeedPosition } from "./schemas.ts";
import type { FeedWatch } from "./watch-feed.ts";

export type FeedRequest = {
  readonly tenantId: string;
  /** Undefined: from the oldest event that is stored. */
  readonly after: FeedPosition | undefined;
  readonly limit: number;
  /** Undefined: all. */
  readonly types: readonly string[] | undefined;
};

/** A page of the feed. `expired`: events after the cursor were purged. */
export async function readFeed(
  database: Database,
  { tenantId, after, limit, types }: FeedRequest,
): Promise<FeedPage | "expired"> {
  return inTransaction(database, { tenantId, readOnly: true }, async (tx) => {
    const { asOf, newest, purged } = await readFeedState(tx, tenantId);
    const from = after ?? purged ?? FEED_START;
    if (purged !== undefined && isAfter(purged, from)) return "expired";
    // The cursor may come from a server that was ahead of this one.
    if (newest === undefined || !isAfter(newest, from)) {
      return { events: [], position: from, isNewest: true, asOf };
    }
    const rows = await readEvents(tx, tenantId, { after: from, upTo: newest, limit, types });
    const { epoch, xid, sequence } = rows.at(-1) ?? newest;
    const position = { epoch, xid, sequence };
    return {
      events: rows.filter(({ is_wanted }) => is_wanted),
      position,
      isNewest: !isAfter(newest, position),
      asOf,
    };
  });
}

export type Patience = {
  readonly watch: FeedWatch;
  /** How long to wait for an event, at most. */
  readonly ms: number;
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal;
};

/**
 * Goes on from an empty page until there is an event or the time is up: then the page is empty, with a cursor that goes on
 * from where was looked last. `overloaded`: too many wait.
 */
export async function awaitEvents(
  database: Database,
  request: FeedRequest,
  empty: FeedPage,
  { watch, ms, signal }: Patience,
): Promise<FeedPage | "expired" | "overloaded"> {
  const { tenantId } = request;
  const leave = watch.waiting.enter(tenantId);
  if (leave === undefined) return "overloaded";
  try {
    const until = performance.now() + ms;
    let page: FeedPage | "expired" = empty;
    while (page !== "expired" && page.events.length === 0) {
      const { position: after, isNewest } = page;
      const end = isNewest
        ? await watch.wait({ tenantId, after, ms: until - performance.now(), signal })
        : "news";
      if (end === "over") return page;
      page = await readFeed(database, { ...request, after });
    }
    return page;
  } finally {
    leave();
  }
}

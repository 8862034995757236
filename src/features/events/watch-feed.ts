import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { pause } from "../../platform/time-limit.ts";
import { isAfter } from "./core.ts";
import { createPlaces, type Places } from "./places.ts";
import { findNewestEvents } from "./repository.ts";
import type { FeedPosition } from "./schemas.ts";

/** Who waits for an event: of which tenant, after which place, and how long. */
export type FeedWait = {
  readonly tenantId: string;
  readonly after: FeedPosition;
  readonly ms: number;
  readonly signal: AbortSignal;
};

export type FeedWatch = {
  /** `news`: there is something to read. `over`: the time is up, nobody waits any more, or the service stops. */
  readonly wait: (wait: FeedWait) => Promise<"news" | "over">;
  /** Requests that wait for an event. */
  readonly waiting: Places;
  readonly streams: Places;
  /** Aborted when the service stops. */
  readonly stopping: AbortSignal;
  /** Ends every wait, and those that come later at once. */
  readonly stop: () => void;
};

export type FeedWatchOptions = {
  readonly database: Database;
  readonly maxWaiting: number;
  readonly maxStreams: number;
  readonly onError: (error: unknown) => void;
};

/** How long an event may go unseen by those who wait. */
const LOOK_EVERY_MS = 200;
const LOOK_DEADLINE_MS = 2_000;

type Waiter = {
  readonly tenantId: string;
  readonly after: FeedPosition;
  readonly end: (how: "news" | "over") => void;
};

/**
 * Looks for events on behalf of all who wait, by one short statement now and then, and only while somebody waits: nobody
 * holds a connection for it. It is not NOTIFY that wakes them, as each COMMIT of a transaction that notifies waits for
 * every other such COMMIT; and an event may be shown only when another transaction ends, which notifies nobody.
 */
export function watchFeed({ database, maxWaiting, maxStreams, onError }: FeedWatchOptions): FeedWatch {
  const waiters = new Set<Waiter>();
  const stop = new AbortController();
  let isLooking = false;
  let isFailing = false;

  async function look(): Promise<void> {
    const tenantIds = [...new Set([...waiters].map(({ tenantId }) => tenantId))];
    const context = {
      tenantId: null,
      readOnly: true,
      pipelineCommit: true,
      deadlineMs: LOOK_DEADLINE_MS,
    };
    const newest = await inTransaction(database, context, (tx) => findNewestEvents(tx, tenantIds));
    for (const { tenantId, after, end } of waiters) {
      const position = newest.get(tenantId);
      if (position !== undefined && isAfter(position, after)) end("news");
    }
  }

  async function lookWhileAnybodyWaits(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    while (waiters.size > 0) {
      try {
        await look();
        isFailing = false;
      } catch (error) {
        if (!isFailing) onError(error);
        isFailing = true;
      }
      await pause(LOOK_EVERY_MS, stop.signal);
    }
    isLooking = false;
  }

  function wait(wanted: FeedWait): Promise<"news" | "over"> {
    if (stop.signal.aborted) return Promise.resolve("over");
    const waiting = untilEnded(waiters, wanted);
    void lookWhileAnybodyWaits();
    return waiting;
  }

  return {
    wait,
    waiting: createPlaces(maxWaiting),
    streams: createPlaces(maxStreams),
    stopping: stop.signal,
    stop: () => {
      stop.abort();
      for (const { end } of waiters) end("over");
    },
  };
}

/** Puts a waiter among the others, until it is ended there, its time is up, or nobody waits for it any more. */
function untilEnded(
  waiters: Set<Waiter>,
  { tenantId, after, ms, signal }: FeedWait,
): Promise<"news" | "over"> {
  if (signal.aborted || ms <= 0) return Promise.resolve("over");
  return new Promise((resolve) => {
    const giveUp = () => waiter.end("over");
    const timer = setTimeout(giveUp, ms);
    const waiter: Waiter = {
      tenantId,
      after,
      end: (how) => {
        waiters.delete(waiter);
        clearTimeout(timer);
        signal.removeEventListener("abort", giveUp);
        resolve(how);
      },
    };
    signal.addEventListener("abort", giveUp);
    waiters.add(waiter);
  });
}

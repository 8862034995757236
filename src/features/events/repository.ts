import { sql, type Tx } from "../../platform/database/transaction.ts";
import type { FeedPosition } from "./schemas.ts";

/** Where the feed of a tenant stands, in one snapshot. */
export type FeedState = {
  /** By the database's clock. */
  readonly asOf: string;
  /** The newest event that is shown: whatever comes before it is there, and nothing will come before it any more. */
  readonly newest: FeedPosition | undefined;
  /** The last event that was purged; what is left comes after it. */
  readonly purged: FeedPosition | undefined;
};

type PlaceRow = { readonly epoch: string; readonly xid: string; readonly sequence: string };
type StateRow = {
  readonly as_of: string;
  readonly newest_epoch: string | null;
  readonly newest_xid: string | null;
  readonly newest_sequence: string | null;
  readonly purged_epoch: string | null;
  readonly purged_xid: string | null;
  readonly purged_sequence: string | null;
};

export async function readFeedState(tx: Tx, tenantId: string): Promise<FeedState> {
  const [row] = await tx<StateRow>`
    select statement_timestamp() as as_of,
           n.epoch as newest_epoch, n.xid as newest_xid, n.sequence as newest_sequence,
           p.epoch as purged_epoch, p.xid as purged_xid, p.sequence as purged_sequence
      from (values (1)) as one
      left join newest_events(${[tenantId]}::text[]) as n on true
      left join outbox_purge p on p.tenant_id = ${tenantId}`;
  if (row === undefined) throw new Error("the feed has no state");
  return {
    asOf: row.as_of,
    newest: placeOf(row.newest_epoch, row.newest_xid, row.newest_sequence),
    purged: placeOf(row.purged_epoch, row.purged_xid, row.purged_sequence),
  };
}

function placeOf(
  epoch: string | null,
  xid: string | null,
  sequence: string | null,
): FeedPosition | undefined {
  return epoch === null || xid === null || sequence === null ? undefined : { epoch, xid, sequence };
}

/** An event as it was written. */
export type EventRow = PlaceRow & {
  readonly event_id: string;
  readonly type: string;
  readonly subject: string;
  readonly occurred_at: string;
  readonly data_text: string;
  readonly traceparent: string | null;
  /** False of an event that only tells how far was looked: see `readEvents`. */
  readonly is_wanted: boolean;
};

export type EventQuery = {
  readonly after: FeedPosition;
  /** The newest that is shown. */
  readonly upTo: FeedPosition;
  readonly limit: number;
  /** Undefined: of all types. */
  readonly types: readonly string[] | undefined;
};

/** Events that are looked at for those of some types: milliseconds, however few there are. */
const MOST_LOOKED_AT = 5_000;

/**
 * The events after one place and up to another. The last row is where to go on: with `types` it may be an event of none of
 * them, the last that was looked at.
 */
export async function readEvents(
  tx: Tx,
  tenantId: string,
  { after, upTo, limit, types }: EventQuery,
): Promise<readonly EventRow[]> {
  const events = (most: number) => sql`
    select epoch, xid, sequence, event_id, type, subject, occurred_at, data_text, traceparent
      from outbox_event
     where tenant_id = ${tenantId}
       and (epoch, xid, sequence) > (${after.epoch}::bigint, ${after.xid}::xid8, ${after.sequence}::bigint)
       and (epoch, xid, sequence) <= (${upTo.epoch}::bigint, ${upTo.xid}::xid8, ${upTo.sequence}::bigint)
     order by epoch, xid, sequence
     limit ${most}`;
  if (types === undefined) {
    return tx<EventRow>`select e.*, true as is_wanted from (${events(limit)}) as e order by epoch, xid, sequence`;
  }
  return tx<EventRow>`
    select *
      from (select e.*, e.type = any(${types}::text[]) as is_wanted,
                   lead(e.sequence) over (order by e.epoch, e.xid, e.sequence) is null as is_last
              from (${events(MOST_LOOKED_AT)}) as e) as looked_at
     where is_wanted or is_last
     order by epoch, xid, sequence
     limit ${limit}`;
}

/** The newest event that is shown to each of these tenants; one without events is left out. */
export async function findNewestEvents(
  tx: Tx,
  tenantIds: readonly string[],
): Promise<ReadonlyMap<string, FeedPosition>> {
  const rows = await tx<PlaceRow & { readonly tenant_id: string }>`
    select tenant_id, epoch, xid, sequence from newest_events(${tenantIds}::text[])`;
  return new Map(
    rows.map(({ tenant_id, epoch, xid, sequence }) => [tenant_id, { epoch, xid, sequence }] as const),
  );
}

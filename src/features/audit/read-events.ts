import type { Database } from "../../platform/database/database.ts";
import { inTransaction } from "../../platform/database/transaction.ts";
import { rowsToRead, type PageRequest } from "../../platform/http/pagination.ts";
import { chainsOf } from "./chain.ts";
import type { AuditEvent } from "./event.ts";
import { listEvents, type AuditFilters } from "./repository.ts";
import type { AuditPosition } from "./schemas.ts";

/** The rows for one page of what a tenant sees: of each chain as many as the page may need, the newest of them all. */
export async function readEvents(
  database: Database,
  filters: AuditFilters,
  page: PageRequest<AuditPosition>,
): Promise<readonly AuditEvent[]> {
  const rows: AuditEvent[] = [];
  for (const chain of chainsOf(page.tenantId)) {
    // One after the other: a request holds one connection.
    const found = await inTransaction(database, { tenantId: chain, readOnly: true }, (tx) =>
      listEvents(tx, chain, filters, page),
    );
    rows.push(...found);
  }
  return rows.sort(newestFirst).slice(0, rowsToRead(page));
}

export function positionOf({ occurred_at, event_no, event_id }: AuditEvent): AuditPosition {
  return { occurred_at, event_no, event_id };
}

/** As `listEvents` orders them, and as its rows compare with a position. */
function newestFirst(a: AuditEvent, b: AuditEvent): number {
  if (a.occurred_at !== b.occurred_at) return a.occurred_at < b.occurred_at ? 1 : -1;
  if (a.event_no !== b.event_no) return b.event_no - a.event_no;
  return a.event_id < b.event_id ? 1 : -1;
}

import { sql, type SqlFragment, type Tx } from "../../platform/database/transaction.ts";
import type { NumberRange } from "../../platform/database/number-pages.ts";
import { rowsToRead, type PageRequest } from "../../platform/http/pagination.ts";
import type { AuditEvent, AuditHead } from "./event.ts";
import type { AuditAction, AuditPosition } from "./schemas.ts";

/** `tenantId` names a chain, and is the tenant of the transaction. */

export async function findHead(tx: Tx, tenantId: string): Promise<AuditHead | undefined> {
  const [head] = await tx<AuditHead>`
    select last_event_no::float8 as last_event_no, last_event_hash, last_event_at
      from audit_head
     where tenant_id = ${tenantId}`;
  return head;
}

/** The same, locked until the transaction ends. */
export async function lockHead(tx: Tx, tenantId: string): Promise<AuditHead | undefined> {
  const [head] = await tx<AuditHead>`
    select last_event_no::float8 as last_event_no, last_event_hash, last_event_at
      from audit_head
     where tenant_id = ${tenantId}
       for update`;
  return head;
}

/** Begins a chain, unless another has just done so. */
export async function insertHead(tx: Tx, tenantId: string): Promise<void> {
  await tx`
    insert into audit_head (tenant_id, last_event_no)
    values (${tenantId}, 0)
        on conflict on constraint audit_head_pkey do nothing`;
}

export async function moveHead(tx: Tx, tenantId: string, head: AuditHead): Promise<void> {
  await tx`
    update audit_head
       set last_event_no = ${head.last_event_no},
           last_event_hash = ${head.last_event_hash},
           last_event_at = ${head.last_event_at}
     where tenant_id = ${tenantId}`;
}

export async function eventExists(tx: Tx, tenantId: string, eventId: string): Promise<boolean> {
  const rows = await tx`select from audit_event where tenant_id = ${tenantId} and event_id = ${eventId}`;
  return rows.length > 0;
}

export async function insertEvent(tx: Tx, event: AuditEvent): Promise<void> {
  await tx`
    insert into audit_event
      (tenant_id, event_no, event_id, action, actor_id, authenticated_subject, occurred_at, correlation_id,
       details_text, previous_hash, event_hash)
    values
      (${event.tenant_id}, ${event.event_no}, ${event.event_id}, ${event.action}, ${event.actor_id},
       ${event.authenticated_subject}, ${event.occurred_at}, ${event.correlation_id}, ${event.details_text},
       ${event.previous_hash}, ${event.event_hash})`;
}

const EVENT_COLUMNS = sql`
  tenant_id, event_no::float8 as event_no, event_id, action, actor_id, authenticated_subject, occurred_at,
  correlation_id, details_text, previous_hash, event_hash`;

export type AuditFilters = {
  readonly actor?: string | undefined;
  readonly action?: AuditAction | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
};

/** Newest first; one page after `after`. The cost of a page does not depend on its depth. */
export async function listEvents(
  tx: Tx,
  tenantId: string,
  { actor, action, from, to }: AuditFilters,
  page: PageRequest<AuditPosition>,
): Promise<readonly AuditEvent[]> {
  return tx<AuditEvent>`
    select ${EVENT_COLUMNS}
      from audit_event e
     where tenant_id = ${tenantId}
           ${actor === undefined ? sql`` : sql`and actor_id = ${actor}`}
           ${action === undefined ? sql`` : sql`and action = ${action}`}
           ${from === undefined ? sql`` : sql`and occurred_at >= ${from}`}
           ${to === undefined ? sql`` : sql`and occurred_at <= ${to}`}
           ${behind(page.after)}
     order by e.occurred_at desc, e.event_no desc
     limit ${rowsToRead(page)}`;
}

function behind(after: AuditPosition | undefined): SqlFragment {
  if (after === undefined) return sql``;
  const { occurred_at, event_no, event_id } = after;
  return sql`and (e.occurred_at, e.event_no, e.event_id) < (${occurred_at}, ${event_no}, ${event_id})`;
}

/** The newest event of one kind; undefined before the first. */
export async function findNewestEvent(
  tx: Tx,
  tenantId: string,
  action: AuditAction,
): Promise<AuditEvent | undefined> {
  const [event] = await tx<AuditEvent>`
    select ${EVENT_COLUMNS}
      from audit_event e
     where tenant_id = ${tenantId}
       and action = ${action}
     order by e.occurred_at desc, e.event_no desc
     limit 1`;
  return event;
}

/** The highest number that there is, whatever the head says; 0 where there is none. */
export async function findLastNumber(tx: Tx, tenantId: string): Promise<number> {
  const [row] = await tx<{ last: number }>`
    select coalesce(max(event_no), 0)::float8 as last from audit_event where tenant_id = ${tenantId}`;
  return row?.last ?? 0;
}

/** One page of a chain, in its order. */
export async function listEventsBetween(
  tx: Tx,
  tenantId: string,
  { after, upTo }: NumberRange,
  rows: number,
): Promise<readonly AuditEvent[]> {
  return tx<AuditEvent>`
    select ${EVENT_COLUMNS}
      from audit_event e
     where tenant_id = ${tenantId}
       and e.event_no > ${after}
       and e.event_no <= ${upTo}
     order by e.event_no
     limit ${rows}`;
}

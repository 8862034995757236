import {
  MOST_AT_ONCE,
  selectInParts,
  textOfParts,
  type TextPartRow,
} from "../../../platform/database/large-values.ts";
import { sql, type SqlFragment, type Tx } from "../../../platform/database/transaction.ts";
import type { TimePosition } from "../../../platform/http/cursor.ts";
import type { Text } from "../../../platform/text-parts.ts";
import { rowsToRead, type PageRequest } from "../../../platform/http/pagination.ts";
import type { DpmOperationType, OperationStatus, OperationType } from "../schemas.ts";

/** Workers listen here. The payload says nothing: what there is to do, the table says. */
export const OPERATIONS_CHANNEL = "ballast_operations";

/** An operation as it is accepted. */
export type AcceptedOperation = {
  readonly operation_id: string;
  readonly operation_type: OperationType;
  readonly correlation_id: string;
  readonly idempotency_key: string | null;
  /** The proposal that gets a version, else null. */
  readonly proposal_id: string | null;
  readonly created_by: string | null;
  /** The policy pack that was selected, existing or not. */
  readonly policy_pack_id: string | null;
  /** Whom the token of the request names; null where there was none. What the operation makes records it too. */
  readonly authenticated_subject: string | null;
  /** Canonical JSON of the validated body. */
  readonly request_text: string;
  readonly created_at: string;
};

/** When workers may take it: so many milliseconds from now, or never (it waits to be executed by hand). */
export type Due = { readonly inMs: number } | "by_hand";

/**
 * Stores an operation with its lineage, and wakes the workers once that is committed. NOTIFY takes one lock for all
 * transactions that notify, at COMMIT: acceptances queue for it, other writes do not.
 */
export async function insertOperation(
  tx: Tx,
  tenantId: string,
  operation: AcceptedOperation,
  due: Due,
): Promise<void> {
  const dueInMs = due === "by_hand" ? null : due.inMs;
  const row = tx`
    insert into async_operation
      (tenant_id, operation_id, operation_type, status, correlation_id, idempotency_key, proposal_id, created_by,
       policy_pack_id, authenticated_subject, request_text, attempt, claimable_at, created_at)
    values
      (${tenantId}, ${operation.operation_id}, ${operation.operation_type}, 'PENDING', ${operation.correlation_id},
       ${operation.idempotency_key}, ${operation.proposal_id}, ${operation.created_by}, ${operation.policy_pack_id},
       ${operation.authenticated_subject}, ${operation.request_text}, 0,
        now() + ${dueInMs}::float8 * interval '1 millisecond', ${operation.created_at})`;
  const edge = tx`
    insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
    values (${tenantId}, ${operation.operation_id}, 'OPERATION_TO_CORRELATION', ${operation.correlation_id},
            ${operation.created_at}, jsonb_build_object('operation_type', ${operation.operation_type}::text))`;
  await Promise.all([row, edge, ...(dueInMs === 0 ? [wakeWorkers(tx)] : [])]);
}

/** Heard once the transaction is committed. */
export async function wakeWorkers(tx: Tx): Promise<void> {
  await tx`select pg_notify(${OPERATIONS_CHANNEL}, '')`;
}

/** An operation as its row shows it. */
export type OperationRow = {
  readonly operation_id: string;
  readonly operation_type: OperationType;
  readonly status: OperationStatus;
  readonly correlation_id: string;
  readonly idempotency_key: string | null;
  readonly proposal_id: string | null;
  readonly created_by: string | null;
  readonly authenticated_subject: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  /** Null also where it is large. */
  readonly result_text: string | null;
  readonly result_bytes: number | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  /** Attempts so far. */
  readonly attempt: number;
  /** Those at the end of them, in a row, whose worker vanished. */
  readonly lost_attempts: number;
};

/** An operation as its status shows it, its result as the stored bytes. */
export type StoredOperation = Omit<OperationRow, "result_text" | "result_bytes"> & {
  readonly result: Text | null;
};

/** The columns of an `OperationRow`, of `async_operation o`. */
export const operationColumns = sql`
  o.operation_id, o.operation_type, o.status, o.correlation_id, o.idempotency_key, o.proposal_id, o.created_by,
  o.authenticated_subject, o.created_at, o.started_at, o.finished_at,
  octet_length(o.result_text) as result_bytes,
  case when octet_length(o.result_text) <= ${MOST_AT_ONCE} then o.result_text end as result_text,
  o.error_code, o.error_message, o.attempt, o.lost_attempts`;

/** Several operations may share a correlation id: the latest is meant. */
export type OperationKey = { readonly by: "operation_id" | "correlation_id"; readonly value: string };

/**
 * Not finished, or finished since the cutoff. Said in a way that no index on finished_at serves: what is read by a key or
 * in order is read from the index for that, and nearly all of it has not expired.
 */
export function isUnexpired(expiryCutoff: string): SqlFragment {
  return sql`coalesce(finished_at, 'infinity') >= ${expiryCutoff}`;
}

/** One operation of these types that has not expired. */
export async function findOperation(
  tx: Tx,
  tenantId: string,
  key: OperationKey,
  types: readonly OperationType[],
  expiryCutoff: string,
): Promise<StoredOperation | undefined> {
  const [row] = await tx<OperationRow>`
    select ${operationColumns}
      from async_operation o
     where tenant_id = ${tenantId}
       and ${key.by === "operation_id" ? sql`operation_id = ${key.value}` : sql`correlation_id = ${key.value}`}
       and operation_type = any(${types})
       and ${isUnexpired(expiryCutoff)}
     order by created_at desc, operation_id desc
     limit 1`;
  return row === undefined ? undefined : withResult(tx, tenantId, row);
}

/** Reads the result of an operation that was found, where it is large. Once written, it is never changed. */
export async function withResult(tx: Tx, tenantId: string, row: OperationRow): Promise<StoredOperation> {
  const { result_text, result_bytes, ...operation } = row;
  if (result_text !== null || result_bytes === null) return { ...operation, result: result_text };
  const parts = await tx<TextPartRow>`${selectInParts(sql`
    select result_text
      from async_operation
     where tenant_id = ${tenantId}
       and operation_id = ${row.operation_id}`)}`;
  return { ...operation, result: textOfParts(parts) };
}

/** Whether an operation of this id was committed; an expired one is there until it is purged. */
export async function operationExists(tx: Tx, tenantId: string, operationId: string): Promise<boolean> {
  const rows = await tx`
    select 1
      from async_operation
     where tenant_id = ${tenantId}
       and operation_id = ${operationId}`;
  return rows.length > 0;
}

export type ListedOperation = Pick<
  OperationRow,
  | "operation_id"
  | "status"
  | "correlation_id"
  | "created_at"
  | "started_at"
  | "finished_at"
  | "error_code"
  | "error_message"
  | "attempt"
  | "lost_attempts"
> & { readonly operation_type: DpmOperationType };

export type OperationFilters = {
  readonly operation_type: DpmOperationType;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly status?: OperationStatus | undefined;
  readonly correlation_id?: string | undefined;
};

/** Newest first; `limit` rows after `after`. The cost of a page does not depend on its depth. */
export async function listOperations(
  tx: Tx,
  tenantId: string,
  filters: OperationFilters,
  expiryCutoff: string,
  page: PageRequest<TimePosition>,
): Promise<readonly ListedOperation[]> {
  const { after } = page;
  const { from, to, status, correlation_id } = filters;
  return tx<ListedOperation>`
    select operation_id, operation_type, status, correlation_id, created_at, started_at, finished_at, error_code,
           error_message, attempt, lost_attempts
      from async_operation
     where tenant_id = ${tenantId}
       and operation_type = ${filters.operation_type}
       and ${isUnexpired(expiryCutoff)}
           ${status === undefined ? sql`` : sql`and status = ${status}`}
           ${correlation_id === undefined ? sql`` : sql`and correlation_id = ${correlation_id}`}
           ${from === undefined ? sql`` : sql`and created_at >= ${from}`}
           ${to === undefined ? sql`` : sql`and created_at <= ${to}`}
           ${after === undefined ? sql`` : sql`and (created_at, operation_id) < (${after.createdAt}, ${after.id})`}
     order by created_at desc, operation_id desc
     limit ${rowsToRead(page)}`;
}

export type OperationCount = {
  readonly operation_type: OperationType;
  readonly status: OperationStatus;
  readonly count: number;
  /** Null where they are finished: their age tells nothing. */
  readonly oldest_created_at: string | null;
};

/** How many there are, across tenants: what is unfinished, and what is finished and stored. */
export async function countOperations(tx: Tx): Promise<readonly OperationCount[]> {
  return tx<OperationCount>`
    select operation_type, status, count, oldest_created_at from count_stored_operations()`;
}

import { sql, type SqlFragment, type Tx } from "../../platform/database/transaction.ts";
import type { DpmOperationType, OperationStatus } from "./schemas.ts";
import type { OperationType } from "./core.ts";

/** An operation as its status shows it, its result as the stored bytes. */
export type StoredOperation = {
  readonly operation_id: string;
  readonly operation_type: OperationType;
  readonly status: OperationStatus;
  readonly correlation_id: string;
  readonly idempotency_key: string | null;
  readonly proposal_id: string | null;
  readonly created_by: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly result_text: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
};

/** Several operations may share a correlation id: the latest is meant. */
export type OperationKey = { readonly by: "operation_id" | "correlation_id"; readonly value: string };

/**
 * Not finished, or finished since. Said in a way that no index on finished_at serves: what is read by a key or in order
 * is read from the index for that, and nearly all of it is kept.
 */
export function isKept(keptSince: string): SqlFragment {
  return sql`coalesce(finished_at, 'infinity') >= ${keptSince}`;
}

/** One operation of these types that is not past its keep. */
export async function findOperation(
  tx: Tx,
  tenantId: string,
  key: OperationKey,
  types: readonly OperationType[],
  keptSince: string,
): Promise<StoredOperation | undefined> {
  const [row] = await tx<StoredOperation>`
    select operation_id, operation_type, status, correlation_id, idempotency_key, proposal_id, created_by, created_at,
           started_at, finished_at, result_text, error_code, error_message
      from async_operation
     where tenant_id = ${tenantId}
       and ${key.by === "operation_id" ? sql`operation_id = ${key.value}` : sql`correlation_id = ${key.value}`}
       and operation_type = any(${types})
       and ${isKept(keptSince)}
     order by created_at desc, operation_id desc
     limit 1`;
  return row;
}

/** Whether an operation of this id was committed; one past its keep is there until it is purged. */
export async function operationExists(tx: Tx, tenantId: string, operationId: string): Promise<boolean> {
  const rows = await tx`
    select 1
      from async_operation
     where tenant_id = ${tenantId}
       and operation_id = ${operationId}`;
  return rows.length > 0;
}

export type ListedOperation = Pick<
  StoredOperation,
  "operation_id" | "status" | "correlation_id" | "created_at" | "started_at" | "finished_at"
> & { readonly operation_type: DpmOperationType };

export type OperationFilters = {
  readonly operationType: DpmOperationType;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly status: OperationStatus | undefined;
  readonly correlationId: string | undefined;
  readonly keptSince: string;
};

/** Newest first; `limit` rows after `after`. The cost of a page does not depend on its depth. */
export async function listOperations(
  tx: Tx,
  tenantId: string,
  filters: OperationFilters,
  after: { readonly createdAt: string; readonly id: string } | undefined,
  limit: number,
): Promise<readonly ListedOperation[]> {
  const { from, to, status, correlationId } = filters;
  return tx<ListedOperation>`
    select operation_id, operation_type, status, correlation_id, created_at, started_at, finished_at
      from async_operation
     where tenant_id = ${tenantId}
       and operation_type = ${filters.operationType}
       and ${isKept(filters.keptSince)}
           ${status === undefined ? sql`` : sql`and status = ${status}`}
           ${correlationId === undefined ? sql`` : sql`and correlation_id = ${correlationId}`}
           ${from === undefined ? sql`` : sql`and created_at >= ${from}`}
           ${to === undefined ? sql`` : sql`and created_at <= ${to}`}
           ${after === undefined ? sql`` : sql`and (created_at, operation_id) < (${after.createdAt}, ${after.id})`}
     order by created_at desc, operation_id desc
     limit ${limit}`;
}

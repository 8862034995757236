import type { Tx } from "../../../platform/database/transaction.ts";
import type { OperationStatus, OperationType } from "../schemas.ts";
import { isUnexpired, wakeWorkers } from "./operations.ts";

/** A request to change the course of an operation, kept for whoever asks later who did. */
export type OperationAction = {
  readonly operation_id: string;
  readonly action_id: string;
  readonly action: "RETRY" | "CANCEL";
  readonly correlation_id: string;
  /** Whom the token of the request names; null where there was none. */
  readonly authenticated_subject: string | null;
  readonly created_at: string;
};

export type ActionableRow = {
  readonly status: OperationStatus;
  /** Its worker has not been heard of for longer than it may. */
  readonly is_lease_over: boolean;
};

/** Holds the operation still until the transaction ends; undefined: there is none, or it has expired. */
export async function lockForAction(
  tx: Tx,
  tenantId: string,
  operationId: string,
  types: readonly OperationType[],
  expiryCutoff: string,
): Promise<ActionableRow | undefined> {
  const [row] = await tx<ActionableRow>`
    select status, coalesce(claimable_at <= now(), false) as is_lease_over
      from async_operation
     where tenant_id = ${tenantId}
       and operation_id = ${operationId}
       and operation_type = any(${types})
       and ${isUnexpired(expiryCutoff)}
       for update`;
  return row;
}

/** Makes a failed operation due at once, with all the time for failures before it again. */
export async function putBackFailed(tx: Tx, tenantId: string, operationId: string): Promise<void> {
  const row = tx`
    update async_operation
       set status = 'PENDING',
           lease_owner = null,
           claimable_at = now(),
           failed_attempts = 0,
           failing_since = null,
           started_at = null,
           finished_at = null
     where tenant_id = ${tenantId}
       and operation_id = ${operationId}`;
  await Promise.all([row, wakeWorkers(tx)]);
}

export async function cancelAtOnce(
  tx: Tx,
  tenantId: string,
  operationId: string,
  finishedAt: string,
): Promise<void> {
  await tx`
    update async_operation
       set status = 'CANCELLED',
           claimable_at = null,
           finished_at = ${finishedAt}
     where tenant_id = ${tenantId}
       and operation_id = ${operationId}`;
}

/** Its worker finds this when it next renews its lease. Whoever asks again changes nothing. */
export async function requestCancel(tx: Tx, tenantId: string, operationId: string): Promise<void> {
  await tx`
    update async_operation
       set cancel_requested_at = now()
     where tenant_id = ${tenantId}
       and operation_id = ${operationId}
       and cancel_requested_at is null`;
}

export async function insertAction(tx: Tx, tenantId: string, action: OperationAction): Promise<void> {
  await tx`
    insert into operation_action (tenant_id, operation_id, action_id, action, correlation_id, created_at,
                                  authenticated_subject)
    values (${tenantId}, ${action.operation_id}, ${action.action_id}, ${action.action}, ${action.correlation_id},
            ${action.created_at}, ${action.authenticated_subject})`;
}

export async function actionExists(tx: Tx, tenantId: string, action: OperationAction): Promise<boolean> {
  const rows = await tx`
    select 1
      from operation_action
     where tenant_id = ${tenantId}
       and operation_id = ${action.operation_id}
       and action_id = ${action.action_id}`;
  return rows.length > 0;
}

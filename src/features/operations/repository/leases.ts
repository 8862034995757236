import type { Tx } from "../../../platform/database/transaction.ts";
import type { Failures, Lease, LeaseTerms } from "../../../platform/leases/lease.ts";
import type { Text } from "../../../platform/text-parts.ts";
import type { OperationError } from "../core.ts";
import type { OperationStatus, OperationType } from "../schemas.ts";
import { wakeWorkers } from "./operations.ts";

/** An operation that a process has taken, under the lease of one attempt. */
export type ClaimedOperation = Lease & {
  readonly tenant_id: string;
  readonly operation_id: string;
  readonly operation_type: OperationType;
  readonly correlation_id: string;
};

/**
 * Takes up to `limit` operations that are due, those whose lease has run out among them, longest due first. What
 * another worker is taking at this moment is passed over. Across tenants: a function of the database does it.
 */
export async function claimDue(
  tx: Tx,
  terms: LeaseTerms,
  limit: number,
  startedAt: string,
): Promise<readonly ClaimedOperation[]> {
  return tx<ClaimedOperation>`
    select tenant_id, operation_id, operation_type, correlation_id, lease_owner, attempt
      from claim_due_operations(${terms.owner}, ${terms.leaseMs}::float8, ${limit}::int, ${startedAt}::timestamptz)`;
}

/** Takes one PENDING operation of one type, due or not; undefined when it is not PENDING (any more) or not there. */
export async function claimPending(
  tx: Tx,
  tenantId: string,
  operation: Pick<ClaimedOperation, "operation_id" | "operation_type">,
  terms: LeaseTerms,
  startedAt: string,
): Promise<ClaimedOperation | undefined> {
  const [claimed] = await tx<ClaimedOperation>`
    update async_operation
       set status = 'RUNNING',
           attempt = attempt + 1,
           lease_owner = ${terms.owner},
           claimable_at = now() + ${terms.leaseMs}::float8 * interval '1 millisecond',
           started_at = ${startedAt}
     where tenant_id = ${tenantId}
       and operation_id = ${operation.operation_id}
       and operation_type = ${operation.operation_type}
       and status = 'PENDING'
    returning tenant_id, operation_id, operation_type, correlation_id, lease_owner, attempt`;
  return claimed;
}

/** What was asked, and under which name. */
export type OperationRequest = {
  readonly correlation_id: string;
  readonly idempotency_key: string | null;
  readonly proposal_id: string | null;
  readonly policy_pack_id: string | null;
  /** Whom the token of the accepted request names; null where there was none. */
  readonly authenticated_subject: string | null;
  readonly request_text: string;
  readonly created_at: string;
};

/** With what tells whether it is still to be tried. */
export type ReadOperation = OperationRequest & {
  readonly lost_attempts: number;
  readonly is_cancel_requested: boolean;
};

export async function readRequest(tx: Tx, claimed: ClaimedOperation): Promise<ReadOperation | undefined> {
  const [row] = await tx<ReadOperation>`
    select correlation_id, idempotency_key, proposal_id, policy_pack_id, authenticated_subject, request_text,
           created_at, lost_attempts, cancel_requested_at is not null as is_cancel_requested
      from async_operation
     where tenant_id = ${claimed.tenant_id}
       and operation_id = ${claimed.operation_id}`;
  return row;
}

/** False: the lease is someone else's by now, or the operation is finished or cancelled. */
export async function renewLease(tx: Tx, claimed: ClaimedOperation, leaseMs: number): Promise<boolean> {
  const { count } = await tx`
    update async_operation
       set claimable_at = now() + ${leaseMs}::float8 * interval '1 millisecond'
     where tenant_id = ${claimed.tenant_id}
       and operation_id = ${claimed.operation_id}
       and status = 'RUNNING'
       and lease_owner = ${claimed.lease_owner}
       and attempt = ${claimed.attempt}`;
  return count === 1;
}

/** Cancels the operation if that was asked for and the lease is held. */
export async function cancelIfRequested(
  tx: Tx,
  claimed: ClaimedOperation,
  finishedAt: string,
): Promise<void> {
  await tx`
    update async_operation
       set status = 'CANCELLED',
           claimable_at = null,
           finished_at = ${finishedAt}
     where tenant_id = ${claimed.tenant_id}
       and operation_id = ${claimed.operation_id}
       and status = 'RUNNING'
       and lease_owner = ${claimed.lease_owner}
       and attempt = ${claimed.attempt}
       and cancel_requested_at is not null`;
}

export type LeaseRow = Lease &
  Failures & { readonly status: OperationStatus; readonly is_cancel_requested: boolean };

/** Holds the operation still until the transaction ends, and tells whose it is. */
export async function lockOperation(tx: Tx, claimed: ClaimedOperation): Promise<LeaseRow | undefined> {
  const [row] = await tx<LeaseRow>`
    select status, coalesce(lease_owner, '') as lease_owner, attempt, failed_attempts,
           coalesce(extract(epoch from now() - failing_since), 0)::float8 * 1000 as failing_for_ms,
           cancel_requested_at is not null as is_cancel_requested
      from async_operation
     where tenant_id = ${claimed.tenant_id}
       and operation_id = ${claimed.operation_id}
       for update`;
  return row;
}

/** The ends of an attempt, with `cancelIfRequested`. Each is for a lease that `lockOperation` has shown to be held. */

export async function markSucceeded(
  tx: Tx,
  claimed: ClaimedOperation,
  result: { readonly result_text: Text; readonly proposal_id: string | null },
  finishedAt: string,
): Promise<void> {
  await tx`
    update async_operation
       set status = 'SUCCEEDED',
           claimable_at = null,
           proposal_id = coalesce(${result.proposal_id}, proposal_id),
           result_text = ${result.result_text},
           error_code = null,
           error_message = null,
           finished_at = ${finishedAt}
     where tenant_id = ${claimed.tenant_id}
       and operation_id = ${claimed.operation_id}`;
}

export async function markFailed(
  tx: Tx,
  claimed: ClaimedOperation,
  error: OperationError,
  finishedAt: string,
): Promise<void> {
  await tx`
    update async_operation
       set status = 'FAILED',
           claimable_at = null,
           error_code = ${error.code},
           error_message = ${error.message},
           finished_at = ${finishedAt}
     where tenant_id = ${claimed.tenant_id}
       and operation_id = ${claimed.operation_id}`;
}

/** Another attempt follows, after a pause. */
export async function putBack(
  tx: Tx,
  claimed: ClaimedOperation,
  error: OperationError,
  pauseMs: number,
): Promise<void> {
  await tx`
    update async_operation
       set status = 'PENDING',
           lease_owner = null,
           claimable_at = now() + ${pauseMs}::float8 * interval '1 millisecond',
           error_code = ${error.code},
           error_message = ${error.message},
           failed_attempts = failed_attempts + 1,
           failing_since = coalesce(failing_since, now()),
           started_at = null
     where tenant_id = ${claimed.tenant_id}
       and operation_id = ${claimed.operation_id}`;
}

/** As if it had not been taken: no attempt is counted, and other workers may start at once. */
export async function release(tx: Tx, claimed: ClaimedOperation): Promise<void> {
  const row = tx`
    update async_operation
       set status = 'PENDING',
           attempt = attempt - 1,
           lease_owner = null,
           claimable_at = now(),
           started_at = null
     where tenant_id = ${claimed.tenant_id}
       and operation_id = ${claimed.operation_id}`;
  await Promise.all([row, wakeWorkers(tx)]);
}

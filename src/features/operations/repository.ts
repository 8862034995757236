import type { Tx } from "../../platform/database/transaction.ts";
import type { OperationStatus } from "./schemas.ts";
import type { Failure, Lease, OperationType } from "./core.ts";

/** Workers listen here. The payload says nothing: what there is to do, the table says. */
export const OPERATIONS_CHANNEL = "ballast_operations";

/** An operation as it is accepted. */
export type AcceptedOperation = {
  readonly operationId: string;
  readonly operationType: OperationType;
  readonly correlationId: string;
  readonly idempotencyKey: string | null;
  /** The proposal that gets a version, else null. */
  readonly proposalId: string | null;
  readonly createdBy: string | null;
  /** The policy pack that was selected, existing or not. */
  readonly policyPackId: string | null;
  /** Canonical JSON of the validated body. */
  readonly requestText: string;
  readonly createdAt: string;
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
       policy_pack_id, request_text, attempt, claimable_at, created_at)
    values
      (${tenantId}, ${operation.operationId}, ${operation.operationType}, 'PENDING', ${operation.correlationId},
       ${operation.idempotencyKey}, ${operation.proposalId}, ${operation.createdBy}, ${operation.policyPackId},
       ${operation.requestText}, 0, now() + ${dueInMs}::float8 * interval '1 millisecond', ${operation.createdAt})`;
  const edge = tx`
    insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
    values (${tenantId}, ${operation.operationId}, 'OPERATION_TO_CORRELATION', ${operation.correlationId},
            ${operation.createdAt}, jsonb_build_object('operation_type', ${operation.operationType}::text))`;
  await Promise.all([row, edge, ...(dueInMs === 0 ? [wakeWorkers(tx)] : [])]);
}

async function wakeWorkers(tx: Tx): Promise<void> {
  await tx`select pg_notify(${OPERATIONS_CHANNEL}, '')`;
}

/** An operation in someone's hands. */
export type Claim = {
  readonly tenantId: string;
  readonly operationId: string;
  readonly operationType: OperationType;
  readonly correlationId: string;
  readonly lease: Lease;
};

type ClaimRow = {
  readonly tenant_id: string;
  readonly operation_id: string;
  readonly operation_type: OperationType;
  readonly correlation_id: string;
  readonly attempt: number;
};

/** The leases that a process takes: in whose name, and for how long at a time. */
export type LeaseTerms = { readonly owner: string; readonly leaseMs: number };

/**
 * Takes up to `limit` operations that are due, those whose lease has run out among them, longest due first. What
 * another worker is taking at this moment is passed over. Runs as `ballast_worker`, across tenants.
 */
export async function claimDue(
  tx: Tx,
  terms: LeaseTerms,
  limit: number,
  startedAt: string,
): Promise<readonly Claim[]> {
  const rows = await tx<ClaimRow>`
    with due as (
      select tenant_id, operation_id
        from async_operation
       where finished_at is null
         and claimable_at <= now()
       order by claimable_at
       limit ${limit}
         for update skip locked)
    update async_operation o
       set status = 'RUNNING',
           attempt = o.attempt + 1,
           lease_owner = ${terms.owner},
           claimable_at = now() + ${terms.leaseMs}::float8 * interval '1 millisecond',
           started_at = ${startedAt}
      from due
     where o.tenant_id = due.tenant_id
       and o.operation_id = due.operation_id
    returning o.tenant_id, o.operation_id, o.operation_type, o.correlation_id, o.attempt`;
  return rows.map((row) => claimOf(row, terms.owner));
}

/** Takes one PENDING operation of one type, due or not; undefined when it is not PENDING (any more) or not there. */
export async function claimPending(
  tx: Tx,
  tenantId: string,
  operation: { readonly operationId: string; readonly operationType: OperationType },
  terms: LeaseTerms,
  startedAt: string,
): Promise<Claim | undefined> {
  const [row] = await tx<ClaimRow>`
    update async_operation
       set status = 'RUNNING',
           attempt = attempt + 1,
           lease_owner = ${terms.owner},
           claimable_at = now() + ${terms.leaseMs}::float8 * interval '1 millisecond',
           started_at = ${startedAt}
     where tenant_id = ${tenantId}
       and operation_id = ${operation.operationId}
       and operation_type = ${operation.operationType}
       and status = 'PENDING'
    returning tenant_id, operation_id, operation_type, correlation_id, attempt`;
  return row === undefined ? undefined : claimOf(row, terms.owner);
}

function claimOf(row: ClaimRow, owner: string): Claim {
  return {
    tenantId: row.tenant_id,
    operationId: row.operation_id,
    operationType: row.operation_type,
    correlationId: row.correlation_id,
    lease: { owner, attempt: row.attempt },
  };
}

/** What was asked, and under which name. */
export type OperationRequest = {
  readonly correlation_id: string;
  readonly idempotency_key: string | null;
  readonly proposal_id: string | null;
  readonly policy_pack_id: string | null;
  readonly request_text: string;
};

export async function readRequest(tx: Tx, claim: Claim): Promise<OperationRequest | undefined> {
  const [row] = await tx<OperationRequest>`
    select correlation_id, idempotency_key, proposal_id, policy_pack_id, request_text
      from async_operation
     where tenant_id = ${claim.tenantId}
       and operation_id = ${claim.operationId}`;
  return row;
}

/** False: the lease is someone else's by now, or the operation is finished. */
export async function renewLease(tx: Tx, claim: Claim, leaseMs: number): Promise<boolean> {
  const { count } = await tx`
    update async_operation
       set claimable_at = now() + ${leaseMs}::float8 * interval '1 millisecond'
     where tenant_id = ${claim.tenantId}
       and operation_id = ${claim.operationId}
       and status = 'RUNNING'
       and lease_owner = ${claim.lease.owner}
       and attempt = ${claim.lease.attempt}`;
  return count === 1;
}

export type LeaseRow = {
  readonly status: OperationStatus;
  readonly lease_owner: string | null;
  readonly attempt: number;
  readonly error_code: string | null;
  readonly error_message: string | null;
};

/** Holds the operation still until the transaction ends, and tells whose it is. */
export async function lockOperation(tx: Tx, claim: Claim): Promise<LeaseRow | undefined> {
  const [row] = await tx<LeaseRow>`
    select status, lease_owner, attempt, error_code, error_message
      from async_operation
     where tenant_id = ${claim.tenantId}
       and operation_id = ${claim.operationId}
       for update`;
  return row;
}

/** The four ends of an attempt. Each is for a claim that `lockOperation` has shown to be held. */

export async function markSucceeded(
  tx: Tx,
  claim: Claim,
  result: { readonly resultText: string; readonly proposalId: string | null },
  finishedAt: string,
): Promise<void> {
  await tx`
    update async_operation
       set status = 'SUCCEEDED',
           claimable_at = null,
           proposal_id = coalesce(${result.proposalId}, proposal_id),
           result_text = ${result.resultText},
           error_code = null,
           error_message = null,
           finished_at = ${finishedAt}
     where tenant_id = ${claim.tenantId}
       and operation_id = ${claim.operationId}`;
}

export async function markFailed(tx: Tx, claim: Claim, failure: Failure, finishedAt: string): Promise<void> {
  await tx`
    update async_operation
       set status = 'FAILED',
           claimable_at = null,
           error_code = ${failure.code},
           error_message = ${failure.message},
           finished_at = ${finishedAt}
     where tenant_id = ${claim.tenantId}
       and operation_id = ${claim.operationId}`;
}

export async function putBack(tx: Tx, claim: Claim, failure: Failure, pauseMs: number): Promise<void> {
  await tx`
    update async_operation
       set status = 'PENDING',
           lease_owner = null,
           claimable_at = now() + ${pauseMs}::float8 * interval '1 millisecond',
           error_code = ${failure.code},
           error_message = ${failure.message},
           started_at = null
     where tenant_id = ${claim.tenantId}
       and operation_id = ${claim.operationId}`;
}

/** As if it had not been taken: no attempt is counted, and other workers may start at once. */
export async function giveBack(tx: Tx, claim: Claim): Promise<void> {
  const row = tx`
    update async_operation
       set status = 'PENDING',
           attempt = attempt - 1,
           lease_owner = null,
           claimable_at = now(),
           started_at = null
     where tenant_id = ${claim.tenantId}
       and operation_id = ${claim.operationId}`;
  await Promise.all([row, wakeWorkers(tx)]);
}

export type OperationCount = {
  readonly operation_type: OperationType;
  readonly status: OperationStatus;
  readonly count: number;
  /** Null where they are finished: their age tells nothing. */
  readonly oldest_created_at: string | null;
};

/** How many there are, across tenants: what is unfinished, and what is finished and kept. Runs as `ballast_worker`. */
export async function countOperations(tx: Tx): Promise<readonly OperationCount[]> {
  return tx<OperationCount>`
    select operation_type, status, count(*)::int as count, min(created_at) as oldest_created_at
      from async_operation
     where finished_at is null
     group by operation_type, status
     union all
    select operation_type, status, count(*)::int, null
      from async_operation
     where finished_at is not null
     group by operation_type, status`;
}

import { randomUUID } from "node:crypto";
import type { Database } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import { newId } from "../../src/platform/ids.ts";
import { systemClock } from "../../src/platform/clock.ts";
import type {
  AttemptEnd,
  ExecutionDeps,
  Executor,
  Operation,
  Outcome,
  WriteOutcome,
} from "../../src/features/operations/execution.ts";
import {
  insertOperation,
  type AcceptedOperation,
  type Claim,
  type Due,
} from "../../src/features/operations/repository.ts";
import { withSession } from "./session.ts";

export const TENANT = "tenant-a";

/** Stores a pending operation as acceptance does, and returns its id. */
export async function acceptOperation(
  database: Database,
  change: Partial<AcceptedOperation> & { tenantId?: string; due?: Due } = {},
): Promise<string> {
  const { tenantId = TENANT, due = { inMs: 0 }, ...fields } = change;
  const operation: AcceptedOperation = {
    operationId: newId("dop_"),
    operationType: "ANALYZE_SCENARIOS",
    correlationId: `corr-${randomUUID()}`,
    idempotencyKey: null,
    proposalId: null,
    createdBy: null,
    policyPackId: null,
    requestText: "{}",
    createdAt: new Date().toISOString(),
    ...fields,
  };
  await inTransaction(database, { tenantId }, (tx) => insertOperation(tx, tenantId, operation, due));
  return operation.operationId;
}

/** What an executor of a test writes: an edge, as a trace that can be counted. */
export function leaveTrace(operation: Operation, outcome: Outcome): WriteOutcome {
  return async (tx) => {
    await tx`
      insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
      values (${operation.tenantId}, ${operation.operationId}, 'CORRELATION_TO_RUN', ${newId("rr_")},
              clock_timestamp(), '{}')`;
    return outcome;
  };
}

export const succeeded: Outcome = { kind: "succeeded", resultText: '{"done":true}', proposalId: null };

export type AttemptLog = {
  claims: Claim[];
  ends: { operationId: string; end: AttemptEnd; error?: unknown }[];
};

/** Dependencies with one executor for every type; `log` sees what the hooks saw. */
export function executionDeps(
  database: Database,
  executor: Executor,
  change: Partial<ExecutionDeps> = {},
): ExecutionDeps & { log: AttemptLog } {
  const log: AttemptLog = { claims: [], ends: [] };
  return {
    database,
    clock: systemClock,
    random: () => 0,
    terms: { owner: `worker-${randomUUID()}`, leaseMs: 30_000 },
    executors: { ANALYZE_SCENARIOS: executor, CREATE_PROPOSAL: executor, CREATE_PROPOSAL_VERSION: executor },
    hooks: {
      onClaim: (claim) => log.claims.push(claim),
      onAttemptEnd: ({ operationId }, end, error) => log.ends.push({ operationId, end, error }),
      onLeaseError: () => undefined,
    },
    ...change,
    log,
  };
}

export type OperationRow = {
  status: string;
  attempt: number;
  lease_owner: string | null;
  claimable_in_ms: number | null;
  result_text: string | null;
  error_code: string | null;
  error_message: string | null;
  started_at: Date | null;
  finished_at: Date | null;
};

/** An operation as it stands in the table, with the number of traces that its executor left. */
export async function seeOperation(
  adminUrl: string,
  operationId: string,
): Promise<OperationRow & { traces: number }> {
  const { rows } = await withSession(adminUrl, (session) =>
    session.query<OperationRow & { traces: number }>(
      `select status, attempt, lease_owner, result_text, error_code, error_message, started_at, finished_at,
              (extract(epoch from claimable_at - now()) * 1000)::float8 as claimable_in_ms,
              (select count(*)::int from lineage_edge e
                where e.source_entity_id = o.operation_id and e.edge_type = 'CORRELATION_TO_RUN') as traces
         from async_operation o where operation_id = $1`,
      [operationId],
    ),
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`no operation ${operationId}`);
  return row;
}

/** Lets time pass for one operation: its lease runs out now, or its next attempt is due. */
export async function makeClaimable(adminUrl: string, operationId: string): Promise<void> {
  await withSession(adminUrl, (session) =>
    session.query("update async_operation set claimable_at = now() where operation_id = $1", [operationId]),
  );
}

/** A promise that a test settles. */
export function gate<T = void>(): { promise: Promise<T>; open: (value: T) => void } {
  let open: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

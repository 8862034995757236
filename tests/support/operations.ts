import { randomUUID } from "node:crypto";
import type { Database } from "../../src/platform/database/database.ts";
import { inTransaction } from "../../src/platform/database/transaction.ts";
import { newId } from "../../src/platform/ids.ts";
import { systemClock } from "../../src/platform/clock.ts";
import type { AttemptDeps, AttemptEnd } from "../../src/features/operations/attempt-operation.ts";
import type {
  Operation,
  OperationHandler,
  OperationResult,
  PreparedResult,
} from "../../src/features/operations/handlers.ts";
import type { ClaimedOperation } from "../../src/features/operations/repository/leases.ts";
import {
  insertOperation,
  type AcceptedOperation,
  type Due,
} from "../../src/features/operations/repository/operations.ts";
import { withSession } from "./session.ts";

export const TENANT = "tenant-a";

/** Stores a pending operation as acceptance does, and returns its id. */
export async function acceptOperation(
  database: Database,
  change: Partial<AcceptedOperation> & { tenantId?: string; due?: Due } = {},
): Promise<string> {
  const { tenantId = TENANT, due = { inMs: 0 }, ...fields } = change;
  const operation: AcceptedOperation = {
    operation_id: newId("dop_"),
    operation_type: "ANALYZE_SCENARIOS",
    correlation_id: `corr-${randomUUID()}`,
    idempotency_key: null,
    proposal_id: null,
    created_by: null,
    policy_pack_id: null,
    authenticated_subject: null,
    request_text: "{}",
    created_at: new Date().toISOString(),
    ...fields,
  };
  await inTransaction(database, { tenantId }, (tx) => insertOperation(tx, tenantId, operation, due));
  return operation.operation_id;
}

/** What a handler of a test writes: an edge, as a trace that can be counted. */
export function leaveTrace(operation: Operation, result: OperationResult): PreparedResult {
  const write: PreparedResult["write"] = async (tx) => {
    await tx`
      insert into lineage_edge (tenant_id, source_entity_id, edge_type, target_entity_id, created_at, metadata)
      values (${operation.tenant_id}, ${operation.operation_id}, 'CORRELATION_TO_RUN', ${newId("rr_")},
              clock_timestamp(), '{}')`;
    return result;
  };
  return { write };
}

export const succeeded: OperationResult = {
  kind: "succeeded",
  result_text: '{"done":true}',
  proposal_id: null,
};

export type AttemptLog = {
  claims: ClaimedOperation[];
  ends: { operationId: string; end: AttemptEnd; error?: unknown }[];
};

/** Dependencies with one handler for every type; `log` sees what the hooks saw. */
export function attemptDeps(
  database: Database,
  handler: OperationHandler,
  change: Partial<AttemptDeps> = {},
): AttemptDeps & { log: AttemptLog } {
  const log: AttemptLog = { claims: [], ends: [] };
  return {
    database,
    clock: systemClock,
    random: () => 0,
    retryForMs: 3_600_000,
    terms: { owner: `worker-${randomUUID()}`, leaseMs: 30_000 },
    handlers: { ANALYZE_SCENARIOS: handler, CREATE_PROPOSAL: handler, CREATE_PROPOSAL_VERSION: handler },
    hooks: {
      onClaim: (claimed) => log.claims.push(claimed),
      onAttemptEnd: ({ operation_id }, end, error) =>
        log.ends.push({ operationId: operation_id, end, error }),
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
  lost_attempts: number;
  failed_attempts: number;
};

/** An operation as it stands in the table, with the number of traces that its executor left. */
export async function seeOperation(
  adminUrl: string,
  operationId: string,
): Promise<OperationRow & { traces: number }> {
  const { rows } = await withSession(adminUrl, (session) =>
    session.query<OperationRow & { traces: number }>(
      `select status, attempt, lost_attempts, failed_attempts, lease_owner, result_text, error_code, error_message, started_at, finished_at,
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

/** Leaves out the pause before the next attempt; an attempt that is under way is not disturbed. */
export async function skipPause(adminUrl: string, operationId: string): Promise<void> {
  await withSession(adminUrl, (session) =>
    session.query(
      "update async_operation set claimable_at = now() where operation_id = $1 and status = 'PENDING'",
      [operationId],
    ),
  );
}

/** Lets an operation have failed for so long, as no trigger would let anybody. */
export async function ageFailures(adminUrl: string, operationId: string, ms: number): Promise<void> {
  await withSession(adminUrl, async (session) => {
    await session.query("set session_replication_role = replica");
    await session.query(
      `update async_operation set failing_since = failing_since - $2::float8 * interval '1 millisecond'
        where operation_id = $1`,
      [operationId, ms],
    );
  });
}

/** How the attempts at an operation ended, as the history has it: "1 PUT_BACK DATABASE_UNAVAILABLE". */
export async function endsOf(adminUrl: string, operationId: string): Promise<string[]> {
  const { rows } = await withSession(adminUrl, (session) =>
    session.query<{ line: string }>(
      `select concat_ws(' ', attempt, ended_as, error_code) as line
         from operation_attempt where operation_id = $1 order by attempt`,
      [operationId],
    ),
  );
  return rows.map(({ line }) => line);
}

/** A promise that a test settles. */
export function gate<T = void>(): { promise: Promise<T>; open: (value: T) => void } {
  let open: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

import { sql, type SqlFragment, type Tx } from "../../platform/database/transaction.ts";
import { rowsToRead, type PageRequest } from "../../platform/http/pagination.ts";
import { ANSWER_IN_RECORD, type IdempotencyScope } from "../../platform/idempotency/repository.ts";
import { runCondition, type RunKey } from "../runs/repository.ts";
import type { RunDecision, ReviewedRun } from "./core.ts";
import type { DecisionPosition, WorkflowAction } from "./schemas.ts";

/** The keys of actions: each is good for one run alone. */
export const REVIEW_SCOPE: IdempotencyScope = {
  name: "rebalance.workflow",
  inconsistent: "DPM_IDEMPOTENCY_STORE_INCONSISTENT",
  storedAnswer: ANSWER_IN_RECORD,
};

/** The scope of a run's actions in the idempotency records. */
export function reviewRecordScope(rebalanceRunId: string): string {
  return `${REVIEW_SCOPE.name}:${rebalanceRunId}`;
}

const DECISION_COLUMNS = sql`
           d.rebalance_run_id, d.decision_no, d.decision_id, d.action, d.from_status, d.to_status, d.reason_code,
           d.comment, d.actor_id, d.decided_at, d.correlation_id, d.idempotency_key, d.run_correlation_id,
           d.previous_hash, d.decision_hash, d.authenticated_subject, d.actor_folded, d.subject_folded, d.hash_version,
           d.segregation_waived`;

/** The run that a key names; the latest, where several share a correlation id. */
export async function findReviewedRun(
  tx: Tx,
  tenantId: string,
  key: RunKey,
): Promise<ReviewedRun | undefined> {
  const [run] = await tx<ReviewedRun>`
    select r.rebalance_run_id, r.correlation_id, r.status, r.authenticated_subject
      from rebalance_run r
     where r.tenant_id = ${tenantId}
       and ${runCondition(tenantId, key)}
     order by r.created_at desc, r.rebalance_run_id desc
     limit 1`;
  return run;
}

/** A key that may name another run tomorrow. */
export type MovingRunKey = RunKey<"correlation_id" | "idempotency_key">;

/**
 * The run that an action is for: of those that the key names or named, the one on which this Idempotency-Key was used
 * already, so that a retry acts on the run that its first attempt acted on; else the one that the key names now. The
 * scope is written out in the statement, as in the condition of the index that serves it.
 */
export async function findRunOfAction(
  tx: Tx,
  tenantId: string,
  key: MovingRunKey,
  idempotencyKey: string,
): Promise<string | undefined> {
  const isNamed =
    key.by === "correlation_id"
      ? sql`r.correlation_id = ${key.value}`
      : sql`r.idempotency_key = ${key.value}`;
  const [used] = await tx<{ rebalance_run_id: string }>`
    select r.rebalance_run_id
      from idempotency_record i
      join rebalance_run r
        on r.tenant_id = i.tenant_id
       and r.rebalance_run_id = i.rebalance_run_id
     where i.tenant_id = ${tenantId}
       and i.idempotency_key = ${idempotencyKey}
       and starts_with(i.scope, 'rebalance.workflow:')
       and ${isNamed}
     order by r.created_at desc, r.rebalance_run_id desc
     limit 1`;
  return used?.rebalance_run_id ?? (await findReviewedRun(tx, tenantId, key))?.rebalance_run_id;
}

/** Lets one use of an Idempotency-Key at a time look for its run and act on it. */
export async function lockActionKey(tx: Tx, tenantId: string, idempotencyKey: string): Promise<void> {
  const name = JSON.stringify([REVIEW_SCOPE.name, tenantId, idempotencyKey]);
  await tx`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`;
}

/** Holds the run's review still until the transaction ends; undefined where there is no such run (any more). */
export async function lockReview(
  tx: Tx,
  tenantId: string,
  rebalanceRunId: string,
): Promise<ReviewedRun | undefined> {
  const [run] = await tx<ReviewedRun>`
    select rebalance_run_id, correlation_id, status, authenticated_subject
      from rebalance_run
     where tenant_id = ${tenantId}
       and rebalance_run_id = ${rebalanceRunId}
       for no key update`;
  return run;
}

export async function findLatestDecision(
  tx: Tx,
  tenantId: string,
  rebalanceRunId: string,
): Promise<RunDecision | undefined> {
  const [decision] = await tx<RunDecision>`
    select ${DECISION_COLUMNS}
      from run_decision d
     where d.tenant_id = ${tenantId}
       and d.rebalance_run_id = ${rebalanceRunId}
     order by d.decision_no desc
     limit 1`;
  return decision;
}

/** Every decision of a run, in the order in which they were taken. */
export async function listRunDecisions(
  tx: Tx,
  tenantId: string,
  rebalanceRunId: string,
): Promise<readonly RunDecision[]> {
  return tx<RunDecision>`
    select ${DECISION_COLUMNS}
      from run_decision d
     where d.tenant_id = ${tenantId}
       and d.rebalance_run_id = ${rebalanceRunId}
     order by d.decision_no`;
}

export async function insertDecision(tx: Tx, tenantId: string, decision: RunDecision): Promise<void> {
  await tx`
    insert into run_decision
      (tenant_id, rebalance_run_id, decision_no, decision_id, action, from_status, to_status, reason_code, comment,
       actor_id, decided_at, correlation_id, idempotency_key, run_correlation_id, previous_hash, decision_hash,
       authenticated_subject, actor_folded, subject_folded, hash_version, segregation_waived)
    values
      (${tenantId}, ${decision.rebalance_run_id}, ${decision.decision_no}, ${decision.decision_id},
       ${decision.action}, ${decision.from_status}, ${decision.to_status}, ${decision.reason_code},
       ${decision.comment}, ${decision.actor_id}, ${decision.decided_at}, ${decision.correlation_id},
       ${decision.idempotency_key}, ${decision.run_correlation_id}, ${decision.previous_hash},
       ${decision.decision_hash}, ${decision.authenticated_subject}, ${decision.actor_folded},
       ${decision.subject_folded}, ${decision.hash_version}, ${decision.segregation_waived})`;
}

/** Whether a decision of this id was committed. */
export async function decisionExists(tx: Tx, tenantId: string, decisionId: string): Promise<boolean> {
  const rows = await tx`
    select 1
      from run_decision
     where tenant_id = ${tenantId}
       and decision_id = ${decisionId}`;
  return rows.length > 0;
}

export type DecisionFilters = {
  readonly rebalance_run_id?: string | undefined;
  readonly action?: WorkflowAction | undefined;
  readonly actor_id?: string | undefined;
  readonly reason_code?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
};

/** Decisions across runs, newest first. */
export async function listDecisions(
  tx: Tx,
  filters: DecisionFilters,
  page: PageRequest<DecisionPosition>,
): Promise<readonly RunDecision[]> {
  const { rebalance_run_id, action, actor_id, reason_code, from, to } = filters;
  return tx<RunDecision>`
    select ${DECISION_COLUMNS}
      from run_decision d
     where d.tenant_id = ${page.tenantId}
           ${rebalance_run_id === undefined ? sql`` : sql`and d.rebalance_run_id = ${rebalance_run_id}`}
           ${action === undefined ? sql`` : sql`and d.action = ${action}`}
           ${actor_id === undefined ? sql`` : sql`and d.actor_id = ${actor_id}`}
           ${reason_code === undefined ? sql`` : sql`and d.reason_code = ${reason_code}`}
           ${from === undefined ? sql`` : sql`and d.decided_at >= ${from}`}
           ${to === undefined ? sql`` : sql`and d.decided_at <= ${to}`}
           ${pageCondition(page)}
           ${pageOrder(page)}`;
}

function pageCondition({ after }: PageRequest<DecisionPosition>): SqlFragment {
  if (after === undefined) return sql``;
  return sql`and (d.decided_at, d.decision_no, d.decision_id)
                  < (${after.decided_at}, ${after.decision_no}, ${after.decision_id})`;
}

function pageOrder(page: PageRequest<DecisionPosition>): SqlFragment {
  return sql`
     order by d.decided_at desc, d.decision_no desc, d.decision_id desc
     limit ${rowsToRead(page)}`;
}

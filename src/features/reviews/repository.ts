import { sql, type SqlFragment, type Tx } from "../../platform/database/transaction.ts";
import type { WorkflowAction } from "../runs/schemas.ts";
import { runCondition, type RunKey } from "../runs/repository.ts";
import type { Decision, ReviewedRun } from "./core.ts";

const DECISION_COLUMNS = sql`
           d.rebalance_run_id, d.decision_no, d.decision_id, d.action, d.from_status, d.to_status, d.reason_code,
           d.comment, d.actor_id, d.decided_at, d.correlation_id, d.idempotency_key, d.run_correlation_id,
           d.previous_hash, d.decision_hash`;

/** The run that a key names; the latest, where several share a correlation id. */
export async function findReviewedRun(
  tx: Tx,
  tenantId: string,
  key: RunKey,
): Promise<ReviewedRun | undefined> {
  const [run] = await tx<ReviewedRun>`
    select r.rebalance_run_id, r.correlation_id, r.status
      from rebalance_run r
     where r.tenant_id = ${tenantId}
       and ${runCondition(tenantId, key)}
     order by r.created_at desc, r.rebalance_run_id desc
     limit 1`;
  return run;
}

/** The scope of a run's actions in the idempotency records. */
export function reviewScope(rebalanceRunId: string): string {
  return `rebalance.workflow:${rebalanceRunId}`;
}

/** A key that may name another run tomorrow. */
export type MovingRunKey = Extract<RunKey, { by: "correlation_id" | "idempotency_key" }>;

/**
 * The run that an action is for: of those that the key names or named, the one on which this Idempotency-Key was used
 * already, so that a retry acts on the run that its first attempt acted on; else the one that the key names now.
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
  const name = JSON.stringify(["rebalance.workflow", tenantId, idempotencyKey]);
  await tx`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`;
}

/** Holds the run's review still until the transaction ends; undefined where there is no such run (any more). */
export async function lockReview(
  tx: Tx,
  tenantId: string,
  rebalanceRunId: string,
): Promise<ReviewedRun | undefined> {
  const [run] = await tx<ReviewedRun>`
    select rebalance_run_id, correlation_id, status
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
): Promise<Decision | undefined> {
  const [decision] = await tx<Decision>`
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
): Promise<readonly Decision[]> {
  return tx<Decision>`
    select ${DECISION_COLUMNS}
      from run_decision d
     where d.tenant_id = ${tenantId}
       and d.rebalance_run_id = ${rebalanceRunId}
     order by d.decision_no`;
}

export async function insertDecision(tx: Tx, tenantId: string, decision: Decision): Promise<void> {
  await tx`
    insert into run_decision
      (tenant_id, rebalance_run_id, decision_no, decision_id, action, from_status, to_status, reason_code, comment,
       actor_id, decided_at, correlation_id, idempotency_key, run_correlation_id, previous_hash, decision_hash)
    values
      (${tenantId}, ${decision.rebalance_run_id}, ${decision.decision_no}, ${decision.decision_id},
       ${decision.action}, ${decision.from_status}, ${decision.to_status}, ${decision.reason_code},
       ${decision.comment}, ${decision.actor_id}, ${decision.decided_at}, ${decision.correlation_id},
       ${decision.idempotency_key}, ${decision.run_correlation_id}, ${decision.previous_hash},
       ${decision.decision_hash})`;
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
  readonly rebalanceRunId: string | undefined;
  readonly action: WorkflowAction | undefined;
  readonly actorId: string | undefined;
  readonly reasonCode: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
};

/** A place in a list of decisions: the last one that was shown. */
export type DecisionPosition = Pick<Decision, "decided_at" | "decision_no" | "decision_id">;

/** Decisions across runs, newest first, `limit` rows after `after`. */
export async function listDecisions(
  tx: Tx,
  tenantId: string,
  filters: DecisionFilters,
  after: DecisionPosition | undefined,
  limit: number,
): Promise<readonly Decision[]> {
  const { rebalanceRunId, action, actorId, reasonCode, from, to } = filters;
  return tx<Decision>`
    select ${DECISION_COLUMNS}
      from run_decision d
     where d.tenant_id = ${tenantId}
           ${rebalanceRunId === undefined ? sql`` : sql`and d.rebalance_run_id = ${rebalanceRunId}`}
           ${action === undefined ? sql`` : sql`and d.action = ${action}`}
           ${actorId === undefined ? sql`` : sql`and d.actor_id = ${actorId}`}
           ${reasonCode === undefined ? sql`` : sql`and d.reason_code = ${reasonCode}`}
           ${from === undefined ? sql`` : sql`and d.decided_at >= ${from}`}
           ${to === undefined ? sql`` : sql`and d.decided_at <= ${to}`}
           ${pageAfter(after, limit)}`;
}

/**
 * Decisions by requests of a correlation id, and decisions about runs of that correlation id; newest first. Two index
 * scans that are merged; a decision that is both is a row of the first.
 */
export async function listDecisionsByCorrelation(
  tx: Tx,
  tenantId: string,
  correlationId: string,
  after: DecisionPosition | undefined,
  limit: number,
): Promise<readonly Decision[]> {
  return tx<Decision>`
    select ${DECISION_COLUMNS}
      from ((select ${DECISION_COLUMNS}
               from run_decision d
              where d.tenant_id = ${tenantId}
                and d.correlation_id = ${correlationId}
                    ${pageAfter(after, limit)})
            union all
            (select ${DECISION_COLUMNS}
               from run_decision d
              where d.tenant_id = ${tenantId}
                and d.run_correlation_id = ${correlationId}
                and d.correlation_id <> ${correlationId}
                    ${pageAfter(after, limit)})) as d
     order by d.decided_at desc, d.decision_no desc, d.decision_id desc
     limit ${limit}`;
}

function pageAfter(after: DecisionPosition | undefined, limit: number): SqlFragment {
  const beyond =
    after === undefined
      ? sql``
      : sql`and (d.decided_at, d.decision_no, d.decision_id)
                  < (${after.decided_at}, ${after.decision_no}, ${after.decision_id})`;
  return sql`
           ${beyond}
     order by d.decided_at desc, d.decision_no desc, d.decision_id desc
     limit ${limit}`;
}
